//! The operator of each image of a request: what its kind, mask or kernel makes of a clean image.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use langevin_core::{Error, Image, Result, Samples, path_of};
use langevin_data::read_image;
use langevin_model::{Model, Task, TaskKind};
use langevin_restore::operators::{self, Mask, ReadMask, read_mask};
use langevin_restore::{Images, NoImages, Operator, Shape};

use super::degraded::shape_of;
use super::request::{RestoreKind, RestoreRequest};
use super::trained::{check_trained, known_operator};

/// What makes the operator for an image. Images that operators are made of (masks, kernels) are read once.
pub(super) struct Operators<'a> {
    kind: &'a RestoreKind,
    simulate: bool,
    mask: Option<Image>,
    /// How the mask was understood, where that is not plain.
    notes: RefCell<BTreeSet<String>>,
    read: RefCell<BTreeMap<String, Image>>,
}

impl Images for Operators<'_> {
    fn open(&self, name: &str) -> Result<Image> {
        if let Some(image) = self.read.borrow().get(name) {
            return Ok(image.clone());
        }
        let image = read_image(path_of(name))?;
        self.read.borrow_mut().insert(name.to_owned(), image.clone());
        Ok(image)
    }

    fn note(&self, sentence: String) {
        self.notes.borrow_mut().insert(sentence);
    }
}

impl<'a> Operators<'a> {
    /// Reads the mask, if the request has one.
    ///
    /// # Errors
    /// Bad input, naming the mask.
    pub(super) fn new(request: &'a RestoreRequest) -> Result<Self> {
        let mask = match &request.kind {
            RestoreKind::Inpaint { mask: Some(file), .. } => Some(read_image(file)?),
            _ => None,
        };
        let (notes, read) = (RefCell::default(), RefCell::default());
        Ok(Self { kind: &request.kind, simulate: request.simulate, mask, notes, read })
    }

    /// How the mask was understood, where that is not plain, each way once.
    pub(super) fn notes(&self) -> Vec<String> {
        self.notes.take().into_iter().collect()
    }

    /// The operator that made `image`, or is to be applied to it, for a model of `channels` channels; a blur is by `kernel`.
    pub(super) fn of(
        &self,
        image: &Image,
        channels: usize,
        kernel: Option<&str>,
    ) -> Result<Box<dyn Operator>> {
        match self.kind {
            RestoreKind::Inpaint { mask, invert } => self.hole(image, mask.as_deref(), *invert),
            RestoreKind::Edit { .. } => operators::build("identity", shape_of(image), &NoImages),
            kind => {
                let spec =
                    kernel.map_or_else(|| spec(kind, self.simulate), |own| blur_of(own, self.simulate));
                self.build(&spec, self.clean_shape(&spec, image, channels)?)
            }
        }
    }

    /// The operator that a model trained for `task` undoes: its own, where it enlarges.
    pub(super) fn trained(&self, model: &Model, task: &Task, image: &Image) -> Result<Box<dyn Operator>> {
        let operator = match task.kind {
            TaskKind::Inpaint => self.of(image, model.info.channels, None)?,
            TaskKind::Upscale => {
                known_operator(task, self.clean_shape(task.operator(), image, model.info.channels)?)?
            }
        };
        check_trained(model, task, operator.as_ref())?;
        Ok(operator)
    }

    /// The operator of `spec` for clean images of `shape`.
    ///
    /// # Errors
    /// As [`operators::build`].
    pub(super) fn build(&self, spec: &str, shape: Shape) -> Result<Box<dyn Operator>> {
        operators::build(spec, shape, self)
    }

    /// The shape of the clean image: that of an image that is clean, or of one that `spec` makes the image from. A model of gray
    /// images restores the colours of an image one by one.
    fn clean_shape(&self, spec: &str, image: &Image, channels: usize) -> Result<Shape> {
        let shape = shape_of(image);
        if self.simulate {
            return Ok(shape);
        }
        let channels = if channels == 1 { shape[0] } else { channels };
        operators::shape_for(spec, shape, channels, self)
    }

    /// The pixels of `image` that are not hidden: not white in the mask, and not transparent.
    fn hole(&self, image: &Image, name: Option<&Path>, invert: bool) -> Result<Box<dyn Operator>> {
        let name = name.map(|file| file.display().to_string()).unwrap_or_default();
        let size = (image.width, image.height);
        let read = self.mask.as_ref().map(|mask| read_mask(mask, &name, size, invert)).transpose()?;
        let (masked, values) = match read {
            Some(ReadMask { hidden, note, values }) => {
                self.notes.borrow_mut().extend(note);
                (Some(hidden), values)
            }
            None => (None, String::new()),
        };
        let hole = match (masked, image.transparent()) {
            (Some(masked), Some(transparent)) => {
                masked.into_iter().zip(transparent).map(|(a, b)| a || b).collect()
            }
            (Some(pixels), None) | (None, Some(pixels)) => pixels,
            (None, None) => {
                return Err(Error::usage("nothing says which pixels are to be filled in")
                    .hint("give --mask, or an image with transparent pixels"));
            }
        };
        let mask = Mask::new(shape_of(image), &hole).map_err(|error| match values.is_empty() {
            true => error,
            false => {
                let advice = error.advice().unwrap_or_default().to_owned();
                Error::usage(format!("{} ({name}: {values})", error.message())).hint(advice)
            }
        });
        Ok(Box::new(mask?))
    }
}

/// The operator that a kind names, for images that are made of clean ones, or clean ones to be degraded by `simulate`.
pub(super) fn spec(kind: &RestoreKind, simulate: bool) -> String {
    match kind {
        RestoreKind::Restore { operator } => operator.clone(),
        RestoreKind::Upscale { scale, kernel } => {
            format!("{}:scale={}", kernel.as_deref().unwrap_or("bicubic"), scale.unwrap_or(4))
        }
        RestoreKind::Deblur { kernel } => blur_of(kernel, simulate),
        RestoreKind::Inpaint { .. } => "mask".to_owned(),
        RestoreKind::Edit { .. } => "identity".to_owned(),
    }
}

/// The operator that a kernel names. Beyond the border a photograph is mirrored where nothing else is said.
pub(super) fn blur_of(kernel: &str, simulate: bool) -> String {
    let named = match kernel.split_once(':') {
        _ if path_of(kernel).is_file() => format!("file_blur:file={kernel}"),
        Some((name, options)) => format!("{name}_blur:{options}"),
        None => format!("{kernel}_blur:"),
    };
    if simulate || named.contains("boundary=") { named } else { format!("{named},boundary=reflect") }
}

/// The noise of rounding the samples of `image`: `1 / sqrt(12)` of a step, in units of 0 to 255.
pub(super) fn rounding(image: &Image) -> f64 {
    let steps = if matches!(image.samples, Samples::U8(_)) { 255.0 } else { 65535.0 };
    255.0 / steps / 12.0_f64.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_blurs() {
        assert_eq!(blur_of("gaussian", true), "gaussian_blur:");
        assert_eq!(blur_of("disk:radius=2", false), "disk_blur:radius=2,boundary=reflect");
        assert_eq!(blur_of("disk:boundary=circular", false), "disk_blur:boundary=circular");
    }

    #[test]
    fn images_of_operators_are_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kernel.png");
        let image = Image::from_u8(3, 3, 1, vec![9; 9]);
        std::fs::write(&file, langevin_figures::png::encode(&image, &[]).unwrap()).unwrap();
        let name = file.display().to_string();
        let request = RestoreRequest::deblur("m", "a.png", name.clone());
        let operators = Operators::new(&request).unwrap();
        assert_eq!(operators.open(&name).unwrap(), image);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(operators.open(&name).unwrap(), image);
        assert!(operators.open("none.png").is_err());
    }
}
