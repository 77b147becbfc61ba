//! How images are written: kinds of files, and what of an image they cannot hold.

use std::borrow::Cow;
use std::path::Path;

use langevin_core::{Error, Image, Metadata, Result};
use langevin_figures::comparison::comparison;
use langevin_figures::files::{self, Kind, QUALITY};
use langevin_process::nearest;

use super::names::{Place, ending};
use super::{Context, Event, Observer};

/// What text goes into an image, as `(keyword, value)`.
pub type Text = Vec<(&'static str, String)>;

/// The ending of the names of results at `place`: that of the file, or what `format` asks for in a folder.
///
/// # Errors
/// Usage: a kind of file that is not written, or a file of another kind than `format`.
pub fn ending_at(place: &Place, format: Option<&str>) -> Result<String> {
    let asked = format.map(named).transpose()?;
    let Place::File(file) = place else { return Ok(asked.unwrap_or("png").to_owned()) };
    let kind = check_image_ending(file)?;
    let own = ending(file).filter(|_| Kind::of(file).is_some()).unwrap_or_else(|| "png".to_owned());
    match asked {
        Some(asked) if Kind::of(Path::new(&format!("x.{asked}"))) != Some(kind) => {
            Err(Error::usage(format!("{}: does not end as --format {asked} asks for", file.display()))
                .hint("leave --format out: the name says it"))
        }
        _ => Ok(own),
    }
}

/// The ending that a format is called by.
fn named(format: &str) -> Result<&'static str> {
    let names = || Kind::ENDINGS.iter().map(|(name, _)| *name);
    let lower = format.to_ascii_lowercase();
    names().find(|name| *name == lower).ok_or_else(|| {
        let near = nearest(&lower, names()).map_or(String::new(), |near| format!("did you mean {near}? "));
        Error::usage(format!("--format {format}: is no kind of image that is written"))
            .hint(format!("{near}there are png, jpg, webp and tiff"))
    })
}

/// The kind of image that a file of this name is; PNG where the name says none.
///
/// # Errors
/// Usage, naming the file and the kinds, where it says another.
pub fn check_image_ending(file: &Path) -> Result<Kind> {
    match Kind::of(file) {
        Some(kind) => Ok(kind),
        None => super::check_ending(file, "png").map(|()| Kind::Png).map_err(|error| {
            let ending = ending(file).unwrap_or_default();
            let name = file.display();
            Error::new(error.kind(), format!("{name}: png is written, or jpg, webp or tiff, not {ending}"))
                .hint(error.advice().unwrap_or_default().to_owned())
        }),
    }
}

impl Context<'_> {
    /// Writes `image` with `text` to `file`, as the kind that its name says, and tells what that cannot hold. `quality` is that of
    /// a JPEG.
    ///
    /// # Errors
    /// As [`files::encode`] and [`super::Sink::write`].
    pub fn write_image(
        &mut self,
        file: &Path,
        image: &Image,
        text: &[(&'static str, String)],
        quality: Option<u8>,
    ) -> Result<()> {
        let kind = check_image_ending(file)?;
        let encoded = files::encode(image, kind, quality.unwrap_or(QUALITY), text)
            .map_err(|error| error.within(file.display()))?;
        if !encoded.lost.is_empty() {
            let ending = ending(file).unwrap_or_default();
            let lost = encoded.lost.join(" and ");
            self.observer.event(Event::note(format!("{}: {ending} cannot hold {lost}", file.display())));
        }
        self.write(file, encoded.bytes)
    }

    /// Writes `panels`, each with its name, side by side to `file`, if there is one.
    ///
    /// # Errors
    /// As [`Context::write_image`].
    pub fn write_comparison(
        &mut self,
        file: Option<&Path>,
        panels: &[(&str, &Image)],
        text: &[(&'static str, String)],
        quality: Option<u8>,
    ) -> Result<()> {
        file.map_or(Ok(()), |file| self.write_image(file, &comparison(panels), text, quality))
    }
}

/// Which of the tasks, each with the files of its results, are done already: all of their files are there, and whole. Where
/// nothing is to be skipped none is.
///
/// # Errors
/// Usage: no place is named where results may be.
pub fn done_already<'a, F>(
    skip: bool,
    output: Option<&str>,
    tasks: impl Iterator<Item = F>,
    observer: &mut dyn Observer,
) -> Result<Vec<bool>>
where
    F: Iterator<Item = &'a Path>,
{
    if !skip {
        return Ok(tasks.map(|_| false).collect());
    }
    check_skipping(output)?;
    let done: Vec<bool> = tasks.map(|mut files| files.all(langevin_data::is_whole_image)).collect();
    let count = done.iter().filter(|done| **done).count();
    if count > 0 {
        observer.event(Event::note(format!(
            "skipped: {count} of {} images, whose results are there",
            done.len()
        )));
    }
    Ok(done)
}

/// Refuses to skip results where no place is named for them.
///
/// # Errors
/// Usage.
pub fn check_skipping(output: Option<&str>) -> Result<()> {
    match output {
        Some(_) => Ok(()),
        None => {
            Err(Error::usage("--skip-existing looks where the results are wanted, and no place is named")
                .hint("give the folder of the results with -o"))
        }
    }
}

/// `image` with what files say in addition to the samples of the one that it was made from: profile, EXIF block and density.
pub fn like<'a>(image: &'a Image, from: &Metadata) -> Cow<'a, Image> {
    let own = &image.metadata;
    if own.icc == from.icc && own.exif == from.exif && own.density == from.density {
        return Cow::Borrowed(image);
    }
    let (icc, exif, density) = (from.icc.clone(), from.exif.clone(), from.density);
    let metadata = Metadata { icc, exif, density, ..own.clone() };
    Cow::Owned(Image { metadata, ..image.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_or_a_format_says_the_kind() {
        let at = |path: &str, format: Option<&str>| ending_at(&Place::of(path).unwrap(), format);
        assert_eq!(at("out/", None).unwrap(), "png");
        assert_eq!(at("out/", Some("JPG")).unwrap(), "jpg");
        assert_eq!(at("a.TIF", None).unwrap(), "tif");
        assert_eq!(at("a.jpg", Some("jpeg")).unwrap(), "jpg");
        assert!(at("a.jpg", Some("webp")).unwrap_err().to_string().contains("--format webp"));
        assert!(at("out/", Some("bmp")).unwrap_err().to_string().contains("png, jpg, webp and tiff"));
        let error = at("a.mp4", None).unwrap_err();
        assert!(error.exit_code() == 2 && error.message().contains("png is written"), "{error}");
    }
}
