//! What is known of an image beside its samples, and travels with it.

use std::sync::Arc;

use langevin_process::{Error, Result};

/// What is known of an image beside its samples.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Metadata {
    /// The stored samples that are black (-1) and white (1), such as 0 and 4095 of a camera of 12 bits; `None`: those of
    /// [`crate::Depth::range`]. Samples may lie outside. It is that of the colours: alpha has always the range of its depth.
    pub range: Option<(f64, f64)>,
    /// What a stored sample measures.
    pub rescale: Option<Rescale>,
    /// How far pixels are apart.
    pub spacing: Option<Spacing>,
    /// Whether every channel is a colour or a measurement. Otherwise, of two channels and of four, the last is alpha.
    pub opaque: bool,
    /// The ICC profile, as stored in files: what the samples look like.
    pub icc: Option<Arc<[u8]>>,
    /// The EXIF block, as stored in files, but for the orientation: the pixels are upright.
    pub exif: Option<Arc<[u8]>>,
    /// How many pixels per inch the file asks to be printed with, across and down; no measure of what is shown.
    pub density: Option<(f64, f64)>,
}

/// The physical value of a stored sample: `slope * sample + intercept`, in a unit of the instrument (Hounsfield units
/// of a CT).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rescale {
    /// The physical value of one step; not 0.
    pub slope: f64,
    /// The physical value of the sample 0.
    pub intercept: f64,
}

/// Distances between the middles of neighbours, in millimetres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spacing {
    /// Of pixels in a row.
    pub across: f64,
    /// Of rows.
    pub down: f64,
    /// Of slices, where they are places and the distance is known.
    pub between: Option<f64>,
}

impl Rescale {
    /// The physical value of a stored sample.
    pub fn physical(&self, sample: f64) -> f64 {
        self.slope * sample + self.intercept
    }
}

impl Metadata {
    /// Whether the numbers mean something.
    ///
    /// # Errors
    /// Bad input: a range that is empty or turned round, a slope of 0, a distance that is not above 0, or one of them
    /// infinite or not a number.
    pub fn check(&self) -> Result<()> {
        if let Some((low, high)) = self.range
            && !(low.is_finite() && high.is_finite() && low < high)
        {
            return Err(Error::bad_input(format!("a range of samples from {low} to {high} is none")));
        }
        if let Some(Rescale { slope, intercept }) = self.rescale
            && !(slope.is_finite() && slope != 0.0 && intercept.is_finite())
        {
            return Err(Error::bad_input(format!(
                "samples rescaled by a slope of {slope} and an intercept of {intercept} mean nothing"
            )));
        }
        if let Some(Spacing { across, down, between }) = self.spacing {
            let is_distance = |mm: f64| mm.is_finite() && mm > 0.0;
            if !is_distance(across) || !is_distance(down) || !between.is_none_or(is_distance) {
                let between = between.map_or(String::new(), |mm| format!(" by {mm}"));
                return Err(Error::bad_input(format!(
                    "pixels of {across} by {down}{between} mm are not possible"
                )));
            }
        }
        Ok(())
    }

    /// That of the image with its samples stored so that `from` is now `to`, the whole range of its depth; what the samples
    /// measure stays.
    pub(super) fn moved(&self, from: (f64, f64), to: (f64, f64)) -> Self {
        let step = (from.1 - from.0) / (to.1 - to.0);
        let rescale = self.rescale.map(|Rescale { slope, intercept }| Rescale {
            slope: slope * step,
            intercept: intercept + slope * (from.0 - to.0 * step),
        });
        Self { range: None, rescale, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_nothing_is_refused() {
        let good = Metadata {
            range: Some((0.0, 4095.0)),
            rescale: Some(Rescale { slope: -1.0, intercept: -1024.0 }),
            spacing: Some(Spacing { across: 0.5, down: 0.5, between: Some(2.0) }),
            ..Metadata::default()
        };
        assert!(good.check().is_ok() && Metadata::default().check().is_ok());
        let spacing = |across, between| Some(Spacing { across, down: 1.0, between });
        for (bad, words) in [
            (Metadata { range: Some((1.0, 1.0)), ..good.clone() }, "from 1 to 1"),
            (Metadata { range: Some((f64::NAN, 1.0)), ..good.clone() }, "range"),
            (Metadata { rescale: Some(Rescale { slope: 0.0, intercept: 1.0 }), ..good.clone() }, "slope"),
            (Metadata { spacing: spacing(-1.0, None), ..good.clone() }, "-1 by 1 mm"),
            (Metadata { spacing: spacing(1.0, Some(0.0)), ..good.clone() }, "1 by 1 by 0 mm"),
        ] {
            let error = bad.check().unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
            assert_eq!(error.exit_code(), 3);
        }
    }

    #[test]
    fn physical_values_stay_when_samples_are_stored_otherwise() {
        let rescale = Rescale { slope: 2.0, intercept: -1000.0 };
        let before = Metadata { rescale: Some(rescale), range: Some((100.0, 355.0)), ..Metadata::default() };
        let after = before.moved((100.0, 355.0), (0.0, 255.0));
        assert_eq!(after.range, None);
        let moved = after.rescale.unwrap();
        assert_eq!([rescale.physical(100.0), rescale.physical(355.0)], [-800.0, -290.0]);
        assert_eq!([moved.physical(0.0), moved.physical(255.0)], [-800.0, -290.0]);
    }
}
