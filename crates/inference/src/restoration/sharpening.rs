//! The blur of an image that is to be sharpened: as it is named, or as it is seen, and whether the two can be one.

use langevin_core::{Error, ErrorKind, Image, Planes, Result};
use langevin_restore::units::sigma_to_pixels;
use langevin_restore::{Blur, BlurSpectrum, Family, image_noise};

use super::operators::{Operators, blur_of, rounding};
use super::request::{RestoreKind, RestoreRequest};

/// The kernel that is looked for among all.
const AUTO: &str = "auto";
/// The side of the smallest images whose noise and blur are estimated.
const SMALLEST: usize = 64;

/// The blur of one image.
#[derive(Debug, Default)]
pub(super) struct Sharpening {
    /// The kernel, as `--kernel` takes it.
    pub(super) kernel: String,
    /// The kernel, where it was estimated.
    pub(super) found: Option<Blur>,
    /// Why it cannot be the blur that the image has.
    pub(super) refuted: Option<Error>,
}

impl Sharpening {
    /// That of `image`; nothing where `request` is no sharpening.
    ///
    /// # Errors
    /// Usage: the blur is to be estimated, and the image is too small for it. Failed: no blur is seen. As the operators.
    pub(super) fn of(
        request: &RestoreRequest,
        image: &Image,
        operators: &Operators<'_>,
    ) -> Result<Option<Self>> {
        let RestoreKind::Deblur { kernel } = &request.kind else { return Ok(None) };
        if request.simulate {
            let kernel = if kernel == AUTO { "gaussian" } else { kernel };
            return Ok(Some(Self { kernel: kernel.to_owned(), ..Self::default() }));
        }
        let families = match kernel.as_str() {
            AUTO => Some(Family::ALL.to_vec()),
            name => Family::named(name).map(|family| vec![family]),
        };
        let small = image.width.min(image.height) < SMALLEST;
        if small && (families.is_none() || kernel != AUTO) {
            return Ok(Some(Self { kernel: kernel.clone(), ..Self::default() }));
        }
        let spectrum = BlurSpectrum::of(&Planes::of(image))?;
        let found = families.map(|families| spectrum.blur(&families)).transpose()?;
        let named = found.map_or(kernel.clone(), |found| found.spec());
        let mut made = Self { kernel: named, found, refuted: None };
        if kernel != AUTO {
            let judged = spectrum.judge(&|shape| operators.build(&blur_of(&made.kernel, false), shape));
            // A kernel that is too large to be judged is too large to be undone, which is said then.
            if let Ok(judged) = judged
                && judged.is_refuted()
            {
                made.refuted = Some(made.refused(judged.best));
            }
        }
        Ok(Some(made))
    }

    fn refused(&self, best: Option<Blur>) -> Error {
        let but = best.map_or(String::new(), |best| format!(", but like {}", best.words()));
        let advice = match best {
            Some(best) => format!("try --kernel {}", best.spec()),
            None => "try another --kernel".to_owned(),
        };
        let own = described(&self.kernel);
        Error::new(
            ErrorKind::Refused,
            format!("does not look like {own}{but}: sharpened so it would be worse"),
        )
        .hint(format!("{advice}; nothing was written, and --accept sharpens it all the same"))
    }

    /// The operator's name, where the blur goes on beyond the border: neither a method nor a border is named.
    pub(super) fn beyond_the_border(&self, request: &RestoreRequest) -> Option<String> {
        let open = request.method.is_none() && !request.simulate && !self.kernel.contains("boundary=");
        open.then(|| blur_of(&self.kernel, false))
    }
}

/// A kernel in words.
pub(super) fn described(kernel: &str) -> String {
    let (name, options) = kernel.split_once(':').unwrap_or((kernel, ""));
    let option = |key: &str, default: f64| -> f64 {
        let value = options.split(',').find_map(|option| option.strip_prefix(key)?.strip_prefix('='));
        value.and_then(|value| value.parse().ok()).unwrap_or(default)
    };
    match Family::named(name) {
        Some(Family::Gaussian) => Blur::Gaussian(option("sigma", 2.0)).words(),
        Some(Family::Disk) => Blur::Disk(option("radius", 3.0)).words(),
        Some(Family::Motion) => Blur::Motion(option("length", 9.0), option("angle", 0.0)).words(),
        None => format!("a blur by {kernel}"),
    }
}

/// The noise of a blurred image in units of 0 to 255: as estimated, since a blur leaves little that could be taken for noise.
pub(super) fn blurred_noise(image: &Image) -> f64 {
    let least = rounding(image);
    if image.width.min(image.height) < SMALLEST {
        return least;
    }
    image_noise(&Planes::of(image)).map_or(least, |found| sigma_to_pixels(found).max(least))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_described_in_words() {
        assert_eq!(described("gaussian:sigma=2"), "a Gaussian blur of 2.0 pixels");
        assert_eq!(described("motion:length=11,angle=30"), "a motion of 11 pixels at 30 degrees");
        assert_eq!(described("kernel.png"), "a blur by kernel.png");
    }
}
