//! Compression by JPEG, with a real encoder and decoder. Not linear.
//!
//! The image is cut to [-1, 1], rounded to 8 bits, encoded with the tables of the standard's annex K scaled to the quality,
//! without subsampling of colours, and decoded. Rounding has no useful derivative; [`Operator::pull`] is the straight-through
//! surrogate `v` (Bengio et al. 2013, arXiv 1308.3432), the derivative of the codec without its rounding. In the gradient of
//! `|y - A(x)|^2` it leaves exactly the coefficients alone that `x` and `y` are rounded to alike.

use image::DynamicImage;
use image::codecs::jpeg::JpegDecoder;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Error, Image, Result};

use super::whole;
use crate::operator::{Degradation, Images, Operator, Shape};

pub(super) const ENTRY: Entry<dyn Degradation> = Entry {
    name: "jpeg",
    aliases: &["jpg"],
    summary: "compressed by JPEG",
    source: "ITU-T T.81",
    options: &[OptionDoc { key: "quality", default: "10", doc: "1 (worst) to 100" }],
    cases: &["jpeg", "jpeg:quality=60"],
    build: |options| Ok(Box::new(Quality(whole(options, "quality", 1, 100)? as u8))),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Quality(u8);

impl Degradation for Quality {
    fn on(&self, shape: Shape, _images: &dyn Images) -> Result<Box<dyn Operator>> {
        let [channels, height, width] = shape;
        if channels != 1 && channels != 3 {
            return Err(Error::usage(format!("jpeg holds 1 or 3 channels, and the image has {channels}"))
                .hint("take a gray or an RGB image"));
        }
        if height.max(width) > usize::from(u16::MAX) {
            return Err(Error::usage(format!(
                "jpeg holds up to 65535 pixels a side, not {width} x {height}"
            )));
        }
        Ok(Box::new(Jpeg { shape, quality: self.0 }))
    }
}

#[derive(Debug)]
struct Jpeg {
    shape: Shape,
    quality: u8,
}

impl Jpeg {
    fn coded(&self, samples: &[u8]) -> Vec<u8> {
        let [channels, height, width] = self.shape;
        let colour = if channels == 1 { ColorType::Luma } else { ColorType::Rgb };
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, self.quality);
        encoder.set_sampling_factor(SamplingFactor::R_4_4_4);
        // Memory cannot fail to be written, and what the encoder wrote is a JPEG of 8 bits.
        encoder.encode(samples, width as u16, height as u16, colour).expect("the size was checked");
        let decoder = JpegDecoder::new(std::io::Cursor::new(bytes)).expect("it was just encoded");
        let decoded = DynamicImage::from_decoder(decoder).expect("it was just encoded");
        if channels == 1 { decoded.into_luma8().into_raw() } else { decoded.into_rgb8().into_raw() }
    }
}

impl Operator for Jpeg {
    fn input(&self) -> Shape {
        self.shape
    }

    fn output(&self) -> Shape {
        self.shape
    }

    fn apply(&self, x: &[f64]) -> Vec<f64> {
        let [channels, height, width] = self.shape;
        let values: Vec<f32> = x.iter().map(|x| *x as f32).collect();
        let image = Image::from_signed(&values, channels, height, width);
        let decoded = Image::from_u8(width, height, channels, self.coded(&image.to_bytes()));
        decoded.to_signed().into_iter().map(f64::from).collect()
    }

    fn pull(&self, _x: &[f64], v: &[f64]) -> Vec<f64> {
        v.to_vec()
    }

    /// Compressing what was compressed changes almost nothing.
    fn generalised_inverse(&self, y: &[f64]) -> Option<Vec<f64>> {
        Some(y.to_vec())
    }
}
