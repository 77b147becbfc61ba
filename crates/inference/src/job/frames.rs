//! Pages and frames of the images of a request that no job looks at.

use std::path::Path;

use langevin_core::LeftAside;

use super::{Context, Event};

impl Context<'_> {
    /// Tells how many pages of a TIFF, or frames of an animation, the images at `files` hold after the first, which alone is used.
    pub fn tell_later_frames<P: AsRef<Path>>(&mut self, files: impl IntoIterator<Item = P>) {
        let mut aside = LeftAside::default();
        let (mut count, mut last) = (0, String::new());
        for file in files {
            let frames = langevin_data::later_frames_of(&file);
            last = file.as_ref().display().to_string();
            count += 1;
            let named = (frames > 0).then(|| format!("{last}, {frames} more"));
            aside.add_all(langevin_data::LATER_FRAMES, named.is_some().into(), named);
        }
        let name = if count == 1 { last } else { "images".to_owned() };
        Event::left_aside(name, aside).into_iter().for_each(|event| self.observer.event(event));
    }
}
