//! Blur by a kernel from an image.

use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Error, Result};

use crate::blur::{BOUNDARY, Border, Kernel, THRESHOLD};
use crate::operator::{Degradation, Images, Operator, Shape};

pub(super) const ENTRY: Entry<dyn Degradation> = Entry {
    name: "file_blur",
    aliases: &["kernel"],
    summary: "blurred by a kernel in an image",
    source: "",
    options: &[
        OptionDoc {
            key: "file",
            default: "",
            doc: "a gray image: black is 0, and the values are scaled to add up to 1; its middle pixel is the centre",
        },
        BOUNDARY,
        THRESHOLD,
    ],
    cases: &["file_blur:file=kernel", "file_blur:file=kernel,boundary=reflect"],
    build: |options| {
        let file = options.text("file").to_owned();
        if file.is_empty() {
            return Err(
                Error::usage("file_blur needs a kernel").hint("name an image: file_blur:file=kernel.png")
            );
        }
        Ok(Box::new(File { file, border: Border::read(options)? }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct File {
    file: String,
    border: Border,
}

impl Degradation for File {
    fn on(&self, shape: Shape, images: &dyn Images) -> Result<Box<dyn Operator>> {
        let image = images.open(&self.file)?;
        let (colours, black) = (image.colours(), image.range().0);
        let value = |at: usize| (image.samples.at(at) - black).max(0.0);
        let pixel = |at: usize| (0..colours).map(|c| value(at * image.channels + c)).sum::<f64>();
        let weights: Vec<f64> = (0..image.width * image.height).map(pixel).collect();
        if weights.iter().all(|w| *w == 0.0) {
            return Err(Error::bad_input(format!("{}: the kernel is black all over", self.file))
                .hint("the brighter a pixel, the more it weighs"));
        }
        Kernel::normalised(image.height, image.width, weights).on(shape, self.border)
    }
}
