//! How near an image is to its reference, and what a classical method makes of it.

use langevin_core::{Error, Image, Planes, Result};
use langevin_eval::{Case, METRICS, Sample};
use langevin_restore::non_local_means;
use langevin_restore::units::PIXELS;
use serde::Serialize;

/// Rows that are compared at once, so that large images take little memory.
const BAND: usize = 256;
/// Rows that the window of the structural similarity reaches beyond its place.
const BEYOND: usize = 10;

/// How near an image is to another, over all colours; alpha does not count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quality {
    /// Peak signal-to-noise ratio in decibels, of the pixels as they are stored.
    pub psnr: f64,
    /// Structural similarity; `None` for images of fewer than 11 pixels on a side.
    pub ssim: Option<f64>,
}

/// How near `image` is to `reference`.
///
/// # Errors
/// Usage, when they differ in size or channels.
pub fn quality(image: &Image, reference: &Image) -> Result<Quality> {
    let shape = |p: &Image| (p.width, p.height, p.channels);
    if shape(image) != shape(reference) {
        return Err(Error::usage(format!(
            "an image of {}x{} with {} channels cannot be compared with one of {}x{} with {}",
            image.width, image.height, image.channels, reference.width, reference.height, reference.channels
        )));
    }
    let (height, has_ssim) = (image.height, image.width.min(image.height) > BEYOND);
    let (mut squares, mut similar, mut places) = (0.0, 0.0, 0.0);
    for first in (0..height).step_by(BAND) {
        let rows = BAND.min(height - first);
        let band = |image: &Image, rows| image.rows(first..first + rows).without_alpha();
        let part = |rows| (band(image, rows), band(reference, rows));
        squares += 255.0_f64.powi(2) * 10.0_f64.powf(-metric("psnr", part(rows))? / 10.0) * rows as f64;
        let reach = (rows + BEYOND).min(height - first);
        if has_ssim && reach > BEYOND {
            let count = (reach - BEYOND) as f64;
            similar += metric("ssim", part(reach))? * count;
            places += count;
        }
    }
    let psnr = 10.0 * (255.0 * 255.0 * height as f64 / squares).log10();
    Ok(Quality { psnr, ssim: has_ssim.then(|| similar / places) })
}

fn metric(name: &str, (image, reference): (Image, Image)) -> Result<f64> {
    let sample = |name: &str, image| Sample { images: vec![image], ..Sample::new(name) };
    let (judged, reference) = (sample("result", image), sample("reference", reference));
    let case = Case { judged: &judged, reference: &reference, gallery: None, trainer: None, seed: 0 };
    Ok(METRICS.build(name)?.measure(&case)?.values[0].value)
}

/// What non-local means make of `noisy`, each colour by itself; `sigma` in units of 0 to 255.
pub fn baseline(noisy: &Planes, sigma: f64) -> Planes {
    let unit = PIXELS as f32;
    let plane = |plane: &[f32]| {
        let pixels: Vec<f32> = plane.iter().map(|value| (value + 1.0) * unit).collect();
        non_local_means(&pixels, noisy.width, sigma).into_iter().map(move |value| value / unit - 1.0)
    };
    noisy.with_values(noisy.planes().flat_map(plane).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_add_up_to_the_whole() {
        let (width, height) = (40, BAND + 5);
        let at =
            |seed: usize| (0..width * height).map(|at| ((at * at + seed * at / 7) % 251) as u8).collect();
        let (a, b) = (Image::from_u8(width, height, 1, at(3)), Image::from_u8(width, height, 1, at(4)));
        let found = quality(&a, &b).unwrap();
        for (name, value) in [("psnr", found.psnr), ("ssim", found.ssim.unwrap())] {
            let whole = metric(name, (a.clone(), b.clone())).unwrap();
            assert!((value - whole).abs() < 1e-9, "{name}: {value} {whole}");
        }
        assert_eq!(quality(&a, &a).unwrap(), Quality { psnr: f64::INFINITY, ssim: Some(1.0) });
        let small = Image::from_u8(4, 4, 2, vec![9; 32]);
        assert_eq!(quality(&small, &small).unwrap().ssim, None);
        assert!(quality(&a, &small).is_err());
    }
}
