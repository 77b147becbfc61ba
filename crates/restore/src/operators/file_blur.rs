//! Blur by a kernel from a picture.

use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Error, Result};

use crate::blur::{BOUNDARY, Border, Kernel, THRESHOLD};
use crate::operator::{Degradation, Operator, Pictures, Shape};

pub(super) const ENTRY: Entry<dyn Degradation> = Entry {
    name: "file_blur",
    aliases: &["kernel"],
    summary: "blurred by a kernel in a picture",
    source: "",
    options: &[
        OptionDoc {
            key: "file",
            default: "",
            doc: "a gray picture: black is 0, and the values are scaled to add up to 1; its middle pixel is the centre",
        },
        BOUNDARY,
        THRESHOLD,
    ],
    cases: &["file_blur:file=kernel", "file_blur:file=kernel,boundary=reflect"],
    build: |options| {
        let file = options.text("file").to_owned();
        if file.is_empty() {
            return Err(
                Error::usage("file_blur needs a kernel").hint("name a picture: file_blur:file=kernel.png")
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
    fn on(&self, shape: Shape, pictures: &dyn Pictures) -> Result<Box<dyn Operator>> {
        let picture = pictures.open(&self.file)?;
        let colours = if picture.channels % 2 == 0 { picture.channels - 1 } else { picture.channels };
        let value = |at: usize| f64::from(picture.samples.at(at));
        let pixel = |at: usize| (0..colours).map(|c| value(at * picture.channels + c)).sum::<f64>();
        let weights: Vec<f64> = (0..picture.width * picture.height).map(pixel).collect();
        if weights.iter().all(|w| *w == 0.0) {
            return Err(Error::bad_input(format!("{}: the kernel is black all over", self.file))
                .hint("the brighter a pixel, the more it weighs"));
        }
        Kernel::normalised(picture.height, picture.width, weights).on(shape, self.border)
    }
}
