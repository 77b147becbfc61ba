//! The images that a request names: files, and folders of them; and the model that goes with them where none is named.

use std::path::{Path, PathBuf};

use langevin_core::{Error, LeftAside, Result, path_of};
use langevin_data::{channels_of, images_in, is_image_file};
use langevin_model::Source;

use super::{Context, Event};

/// The model for photographs in colour.
pub const PHOTO: &str = "builtin:photo";
/// The model for gray photographs.
pub const PHOTO_GRAY: &str = "builtin:photo-gray";
/// What names of images end in, where nothing is there to look at.
const ENDINGS: [&str; 8] = ["png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "gif"];

/// The images of a request, folders replaced by what is in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// The files.
    pub files: Vec<PathBuf>,
    /// What the results of each are named after: its name, or its path within the folder that was given.
    pub names: Vec<PathBuf>,
}

impl Inputs {
    /// `files` as they are.
    pub fn of_files(files: &[PathBuf]) -> Self {
        let name = |file: &PathBuf| PathBuf::from(file.file_name().unwrap_or_default());
        Self { files: files.to_vec(), names: files.iter().map(name).collect() }
    }
}

impl Context<'_> {
    /// The images that `named` stands for: those in a folder sorted, with its sub-folders. What is not used of a folder is
    /// reported, and so are results that an earlier command has put below `output` in it.
    ///
    /// # Errors
    /// Bad input: a folder that cannot be read, or holds no images.
    pub fn inputs(&mut self, named: &[PathBuf], output: Option<&str>) -> Result<Inputs> {
        let mut all = Inputs { files: Vec::new(), names: Vec::new() };
        for path in named {
            if !path.is_dir() {
                let Inputs { files, names } = Inputs::of_files(std::slice::from_ref(path));
                all.files.extend(files);
                all.names.extend(names);
                continue;
            }
            let (images, mut aside) = images_in(path, self.stop)?;
            let mut used = 0;
            for file in images {
                if output.is_some_and(|output| is_below(&file, output, path)) {
                    aside.add("results of this command", file.display().to_string());
                    continue;
                }
                used += 1;
                all.names.push(file.strip_prefix(path).unwrap_or(&file).to_owned());
                all.files.push(file);
            }
            self.note_folder(path, used, aside);
        }
        Ok(all)
    }

    fn note_folder(&mut self, folder: &Path, used: usize, aside: LeftAside) {
        let name = folder.display().to_string();
        self.observer.event(Event::note(format!("{name}: {used} image{}", if used == 1 { "" } else { "s" })));
        Event::left_aside(name, aside).into_iter().for_each(|event| self.observer.event(event));
    }
}

/// Whether `file` lies in the folder `output`, which is in `root`, not `root` itself.
fn is_below(file: &Path, output: &str, root: &Path) -> bool {
    let (Ok(output), Ok(root), Ok(file)) =
        (path_of(output).canonicalize(), root.canonicalize(), file.canonicalize())
    else {
        return false;
    };
    output != root && output.is_dir() && file.starts_with(output)
}

/// Parts what is named on a command line into a model, empty where none is named, and images: the first is a model where it is a
/// `builtin:` name or [`Source`] recognises one in it, and never where it is an image or a folder of images.
///
/// # Errors
/// Usage: a model, and no image.
pub fn model_and_images(words: &[String]) -> Result<(String, Vec<PathBuf>)> {
    let Some((first, rest)) = words.split_first() else {
        return Err(Error::usage("no image is named").hint("give images, or a folder of them"));
    };
    if !is_model(first, !rest.is_empty()) {
        return Ok((String::new(), words.iter().map(|word| path_of(word)).collect()));
    }
    if rest.is_empty() {
        // A name that no model has is an error of its own.
        Source::of(first)?;
        return Err(Error::usage(format!("{first}: is a model, and no image is named"))
            .hint("give images, or a folder of them, after the model"));
    }
    Ok((first.clone(), rest.iter().map(|word| path_of(word)).collect()))
}

/// Whether `word` stands for a model, where `more` words follow.
fn is_model(word: &str, more: bool) -> bool {
    if word.starts_with("builtin:") {
        return true;
    }
    let path = path_of(word);
    if !path.exists() {
        let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
        return more && !ENDINGS.iter().any(|known| ending.as_deref() == Some(known.as_ref()));
    }
    if is_image_file(&path) {
        return false;
    }
    match Source::of(word) {
        Ok(source) => source.is_model() || (more && path.is_file()),
        Err(_) => true,
    }
}

/// The model of each of `files`: `named`, or where that is empty the shipped one for photographs of its channels.
pub fn models_for(named: &str, files: &[PathBuf]) -> Vec<String> {
    let of = |file: &PathBuf| match channels_of(file) {
        _ if !named.is_empty() => named.to_owned(),
        Some(1 | 2) => PHOTO_GRAY.to_owned(),
        _ => PHOTO.to_owned(),
    };
    files.iter().map(of).collect()
}

/// How the models of [`models_for`] are named in a sentence: `builtin:photo`, or both with how many images each has.
pub fn described_models(models: &[String]) -> String {
    let mut found: Vec<(&str, usize)> = Vec::new();
    for model in models {
        match found.iter_mut().find(|(name, _)| name == model) {
            Some((_, count)) => *count += 1,
            None => found.push((model, 1)),
        }
    }
    match found.as_slice() {
        [(one, _)] => (*one).to_owned(),
        several => {
            let each: Vec<String> =
                several.iter().map(|(name, count)| format!("{name} for {count}")).collect();
            each.join(" and ")
        }
    }
}

#[cfg(test)]
mod tests {
    use langevin_core::Image;
    use langevin_figures::png;

    use super::*;
    use crate::job::Silent;

    fn write(path: &Path, channels: usize) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let image = Image::from_u8(2, 2, channels, vec![9; 4 * channels]);
        std::fs::write(path, png::encode(&image, &[]).unwrap()).unwrap();
    }

    #[test]
    fn the_first_word_is_a_model_only_where_one_is_recognised() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        write(&folder.path().join("a.png"), 3);
        write(&folder.path().join("photos/b.png"), 1);
        std::fs::create_dir(folder.path().join("run")).unwrap();
        std::fs::write(folder.path().join("run/run.toml"), "").unwrap();
        std::fs::write(folder.path().join("text"), "no model").unwrap();
        let model = |words: &[String]| model_and_images(words).unwrap().0;
        assert_eq!(model(&[at("a.png")]), "");
        assert_eq!(model(&[at("a.png"), at("a.png")]), "");
        assert_eq!(model(&[at("photos"), at("a.png")]), "");
        assert_eq!(model(&[at("missing.jpg"), at("a.png")]), "");
        for named in ["builtin:photos".to_owned(), at("run"), at("text"), at("missing")] {
            assert_eq!(model(&[named.clone(), at("a.png")]), named);
        }
        let refused = |word: String| model_and_images(&[word]).unwrap_err().to_string();
        assert!(refused(at("run")).contains("is a model, and no image"));
        assert!(refused("builtin:foto".to_owned()).contains("builtin:photo"));
    }

    #[test]
    fn folders_become_their_images_and_each_has_a_model() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(&root.join("b.png"), 4);
        write(&root.join("a/c.png"), 2);
        write(&root.join("out/b.png"), 3);
        let (mut observer, mut sink) = (Silent, crate::job::Memory::default());
        let (device, stop) = (burn::tensor::Device::flex(), langevin_core::Stop::new());
        let mut context = Context { device: &device, observer: &mut observer, sink: &mut sink, stop: &stop };
        let output = root.join("out").display().to_string();
        let inputs = context.inputs(&[root.to_owned(), root.join("b.png")], Some(&output)).unwrap();
        assert_eq!(inputs.names, ["a/c.png", "b.png", "b.png"].map(PathBuf::from));
        let models = models_for("", &inputs.files);
        assert_eq!(models, [PHOTO_GRAY, PHOTO, PHOTO]);
        assert_eq!(described_models(&models), "builtin:photo-gray for 1 and builtin:photo for 2");
        assert_eq!(described_models(&models_for("m", &inputs.files)), "m");
    }
}
