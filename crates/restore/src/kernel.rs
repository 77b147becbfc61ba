//! Which blur an image has, and whether a blur can be the one it has, from the image alone.
//!
//! The power of a photograph falls like `c f^-a` with the frequency, so that of a blurred one is `|K|^2 c f^-a + sigma^2`. `c`, `a`
//! and the kernel are those of the greatest likelihood for its power spectrum (Whittle 1953, "Estimation and information in
//! stationary time series", Arkiv foer Matematik 2), the mean over overlapping windowed squares (Welch 1967, IEEE Trans. Audio and
//! Electroacoustics 15). Zeros of the kernel, and the fall of a Gaussian, are seen in it to a tenth of a pixel.
//!
//! With the power known, so is the error of Wiener's filter for one kernel on an image blurred by another, which says whether a kernel
//! that is given does more harm than the blur did.

use langevin_core::{Error, Planes, Result};
use rayon::prelude::*;

use crate::blur::Kernel;
use crate::fourier::{C64, Fourier};
use crate::noise_level::noise_level;
use crate::operator::{Operator, Shape};
use crate::operators::{disk_kernel, gaussian_kernel, motion_kernel};

/// Sides of the squares, the first that fits.
const SIDES: [usize; 2] = [128, 64];
/// The most squares.
const MOST: usize = 64;
/// The exponents of the power, tried one by one: photographs have about 2, and 1.6 to 3.
const EXPONENTS: [f64; 9] = [1.6, 1.8, 2.0, 2.2, 2.4, 2.6, 2.8, 3.0, 3.2];
/// What kernels pass at least, from the coarse search to the finest step.
const FLOORS: [f64; 4] = [1e-2, 3e-3, 1e-3, 0.0];
/// The share of the blur's own error that is left where a kernel fits: above it nothing is gained, and no blur is seen.
const GAINED: f64 = 0.9;
/// A kernel that leaves this many times the error of the best one is another.
const ANOTHER: f64 = 2.5;
/// How much better than none a blur must go with what is seen, in the logarithm of the likelihood of one frequency: photographs
/// as they are gain less than 0.07 by their best blur, and lose more than 0.5 by a blur of a pixel.
const SEEN: f64 = 0.15;
/// The variance of rounding to 8 bits, in units of models.
const ROUNDING: f64 = 1.0 / (127.5 * 127.5 * 12.0);

/// A blur with its parameters, in pixels and degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Blur {
    /// By a Gaussian of this deviation.
    Gaussian(f64),
    /// Out of focus: by a disk of this radius.
    Disk(f64),
    /// By a straight motion of a length, at an angle.
    Motion(f64, f64),
}

/// The families that a kernel may be looked for in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Gaussians.
    Gaussian,
    /// Disks.
    Disk,
    /// Straight motions.
    Motion,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Gaussian, Self::Disk, Self::Motion];

    /// The family that a kernel's name stands for.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "gaussian" => Some(Self::Gaussian),
            "disk" => Some(Self::Disk),
            "motion" => Some(Self::Motion),
            _ => None,
        }
    }
}

impl Blur {
    /// As `langevin deblur --kernel` takes it.
    pub fn spec(&self) -> String {
        match self {
            Self::Gaussian(sigma) => format!("gaussian:sigma={sigma:.2}"),
            Self::Disk(radius) => format!("disk:radius={radius:.2}"),
            Self::Motion(length, angle) => format!("motion:length={length:.1},angle={angle:.0}"),
        }
    }

    /// In words.
    pub fn words(&self) -> String {
        match self {
            Self::Gaussian(sigma) => format!("a Gaussian blur of {sigma:.1} pixels"),
            Self::Disk(radius) => format!("a defocus of {radius:.1} pixels"),
            Self::Motion(length, angle) => format!("a motion of {length:.0} pixels at {angle:.0} degrees"),
        }
    }

    fn kernel(&self) -> Kernel {
        match *self {
            Self::Gaussian(sigma) => gaussian_kernel(sigma),
            Self::Disk(radius) => disk_kernel(radius),
            Self::Motion(length, angle) => motion_kernel(length, angle),
        }
    }

    /// The family at a few sizes and angles.
    fn coarse(family: Family) -> Vec<Self> {
        let sizes = |least: f64, factor: f64, count: i32| (0..count).map(move |k| least * factor.powi(k));
        match family {
            Family::Gaussian => sizes(0.4, 1.25, 12).map(Self::Gaussian).collect(),
            Family::Disk => sizes(1.0, 1.2, 13).map(Self::Disk).collect(),
            Family::Motion => {
                let angles = (0..12).map(|k| 15.0 * f64::from(k));
                let all = angles.flat_map(|angle| sizes(3.0, 1.25, 11).map(move |length| (length, angle)));
                all.map(|(length, angle)| Self::Motion(length, angle)).collect()
            }
        }
    }

    /// Those around it, `step` of 1 to a fraction.
    fn around(&self, step: f64) -> Vec<Self> {
        let near = |size: f64, by: f64, least: f64| {
            [-1.0, 0.0, 1.0].map(|k: f64| (size * (1.0 + k * by * step)).max(least))
        };
        match *self {
            Self::Gaussian(sigma) => near(sigma, 0.12, 0.3).map(Self::Gaussian).to_vec(),
            Self::Disk(radius) => near(radius, 0.1, 0.6).map(Self::Disk).to_vec(),
            Self::Motion(length, angle) => {
                let turned = [-1.0, 0.0, 1.0].map(|k: f64| (angle + k * 7.5 * step).rem_euclid(180.0));
                let lengths = near(length, 0.12, 2.0);
                let all = turned.iter().flat_map(|angle| lengths.map(|length| Self::Motion(length, *angle)));
                all.collect()
            }
        }
    }
}

/// How a kernel goes with an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// The expected square error of Wiener's filter for it, over that of the image as it is.
    pub error: f64,
    /// The same for the kernel that goes best.
    pub least: f64,
    /// That kernel, where it is not the one given.
    pub best: Option<Blur>,
}

impl Judged {
    /// Whether the filter for the kernel is worse than none, or leaves far more error than it must.
    pub fn is_refuted(&self) -> bool {
        self.error > 1.0 || (self.error > ANOTHER * self.least && self.best.is_some())
    }
}

/// The power spectrum of an image, its noise known.
#[derive(Debug)]
pub struct Spectrum {
    side: usize,
    fourier: Fourier,
    /// The places of half of the frequencies, with the length of each and the power there.
    places: Vec<(usize, f64, f64)>,
    noise: f64,
}

/// The power of the image without blur: `c f^-a`, by the logarithm of `c`, and how badly it goes with what is seen.
#[derive(Debug, Clone, Copy)]
struct Fit {
    cost: f64,
    exponent: f64,
    log: f64,
}

impl Spectrum {
    /// That of the brightness of `image`, values in [-1, 1].
    ///
    /// # Errors
    /// Usage: it is smaller than 64 pixels.
    pub fn of(image: &Planes) -> Result<Self> {
        let least = image.width.min(image.height);
        let side = SIDES.into_iter().find(|side| *side <= least).ok_or_else(|| {
            Error::usage(format!(
                "the blur of an image of {}x{} pixels cannot be estimated: it is too small",
                image.width, image.height
            ))
            .hint("say which with --kernel, such as gaussian:sigma=2")
        })?;
        let mut bright = vec![0.0_f32; image.width * image.height];
        for plane in image.planes() {
            bright.iter_mut().zip(plane).for_each(|(sum, v)| *sum += v / image.channels as f32);
        }
        let noise =
            noise_level(&bright, image.width, (-1.0, 1.0))?.powi(2).max(ROUNDING / image.channels as f64);
        let fourier = Fourier::new(side, side);
        let power = welch(&bright, image.width, side, &fourier);
        let signed = |k: usize| if k > side / 2 { k as f64 - side as f64 } else { k as f64 } / side as f64;
        let places = (0..side * side).filter_map(|at| {
            let (v, u) = (signed(at / side), signed(at % side));
            let length = v.hypot(u);
            // What the window smears from the mean, and what the border's step leaves along the axes, is left out.
            let half = v > 0.0 && u != 0.0;
            (half && length > 2.5 / side as f64 && length <= 0.5).then_some((at, length, power[at]))
        });
        Ok(Self { side, places: places.collect(), fourier, noise })
    }

    fn transfer(&self, kernel: &Kernel) -> Vec<C64> {
        let side = self.side;
        let mut placed = vec![0.0; side * side];
        for (at, weight) in kernel.weights.iter().enumerate() {
            let y = (at / kernel.width + side - kernel.height / 2 % side) % side;
            let x = (at % kernel.width + side - kernel.width / 2 % side) % side;
            placed[y * side + x] += weight;
        }
        self.fourier.forward(&placed)
    }

    /// `|K|^2`, as the window blurs it.
    fn passed(&self, transfer: &[C64]) -> Vec<f64> {
        let side = self.side;
        let power: Vec<f64> = transfer.iter().map(|k| k.norm_sqr()).collect();
        let blurred = |values: &[f64], step: usize, around: usize| -> Vec<f64> {
            let of = |at: usize| {
                let line = at / step % side;
                let (before, after) = ((line + side - 1) % side, (line + 1) % side);
                let place = |k: usize| values[at - line * step + k * step];
                (place(before) + 4.0 * values[at] + place(after)) / 6.0
            };
            (0..around).map(of).collect()
        };
        let rows = blurred(&power, 1, power.len());
        blurred(&rows, side, power.len())
    }

    /// The likeliest power of the image without a blur that passes `passed`.
    fn fit(&self, passed: &[f64]) -> Fit {
        let one = |exponent: f64| {
            let shape: Vec<f64> =
                self.places.iter().map(|(at, length, _)| passed[*at] * length.powf(-exponent)).collect();
            let sum = |of: &dyn Fn(f64, f64) -> f64| -> f64 {
                self.places.iter().zip(&shape).map(|((_, _, power), shape)| of(*power, *shape)).sum()
            };
            let above = sum(&|power, _| (power - self.noise).max(0.0));
            let mut log = (above / sum(&|_, shape| shape)).max(1e-30).ln();
            // Fisher's scoring of the logarithm.
            for _ in 0..12 {
                let scale = log.exp();
                let (mut slope, mut curve) = (0.0, 0.0);
                for ((_, _, power), shape) in self.places.iter().zip(&shape) {
                    let model = scale * shape + self.noise;
                    let share = scale * shape / model;
                    slope += (power / model - 1.0) * share;
                    curve += share * share;
                }
                let step = (slope / curve.max(1e-30)).clamp(-1.0, 1.0);
                log += step;
                if step.abs() < 1e-4 {
                    break;
                }
            }
            let cost = sum(&|power, shape| {
                let model = log.exp() * shape + self.noise;
                power / model + model.ln()
            });
            Fit { cost: cost / self.places.len() as f64, exponent, log }
        };
        let fits = EXPONENTS.into_iter().map(one);
        fits.min_by(|a, b| a.cost.total_cmp(&b.cost)).expect("there are exponents")
    }

    /// The likeliest blur of `families`, and how badly it goes with what is seen.
    fn likeliest(&self, families: &[Family]) -> (Blur, f64) {
        let cost = |blur: &Blur, floor: f64| {
            let mut passed = self.passed(&self.transfer(&blur.kernel()));
            passed.iter_mut().for_each(|passed| *passed = passed.max(floor));
            self.fit(&passed).cost
        };
        let best = |blurs: Vec<Blur>, floor: f64| {
            let costs = blurs.into_par_iter().map(|blur| (blur, cost(&blur, floor))).collect::<Vec<_>>();
            costs.into_iter().min_by(|a, b| a.1.total_cmp(&b.1)).expect("there are blurs")
        };
        let refined = |family: &Family| {
            // Near the zeros of a kernel all but the right one go badly with an image of little noise; a floor under them lets the
            // nearest be found first.
            let mut found = best(Blur::coarse(*family), FLOORS[0]);
            for (step, floor) in [1.0, 0.5, 0.25, 0.12].into_iter().zip(FLOORS) {
                // A better one may lie a few steps away.
                for _ in 0..4 {
                    let next = best(found.0.around(step), floor);
                    let same = next.0 == found.0;
                    found = next;
                    if same {
                        break;
                    }
                }
            }
            found
        };
        families.iter().map(refined).min_by(|a, b| a.1.total_cmp(&b.1)).expect("there are families")
    }

    /// The expected square error of Wiener's filter for a blur `own` on an image that `real` blurred, over that of the image as it
    /// is, where the clean image has the power of `fit`.
    fn error(&self, fit: Fit, own: &[C64], real: &[C64]) -> f64 {
        let (mut left, mut before) = (0.0, 0.0);
        for (at, length, _) in &self.places {
            let clean = fit.log.exp() * length.powf(-fit.exponent);
            let filter = own[*at].conj() * (clean / (own[*at].norm_sqr() * clean + self.noise));
            left +=
                (filter * real[*at] - C64::new(1.0, 0.0)).norm_sqr() * clean + filter.norm_sqr() * self.noise;
            before += (real[*at] - C64::new(1.0, 0.0)).norm_sqr() * clean + self.noise;
        }
        left / before
    }

    /// The likeliest power of the image if it has no blur.
    fn unblurred(&self) -> Fit {
        self.fit(&vec![1.0; self.side * self.side])
    }

    /// The blur of the image among `families`.
    ///
    /// # Errors
    /// Failed: no blur is seen that a filter could undo.
    pub fn blur(&self, families: &[Family]) -> Result<Blur> {
        let (blur, cost) = self.likeliest(families);
        let transfer = self.transfer(&blur.kernel());
        let fit = self.fit(&self.passed(&transfer));
        if self.unblurred().cost - cost < SEEN || self.error(fit, &transfer, &transfer) > GAINED {
            return Err(Error::failed("no blur is seen that sharpening would undo")
                .hint("say which there is with --kernel, such as gaussian:sigma=1"));
        }
        Ok(blur)
    }

    /// How the blur that `make` gives for images of a shape goes with the image.
    ///
    /// # Errors
    /// As `make`.
    pub fn judge(&self, make: &dyn Fn(Shape) -> Result<Box<dyn Operator>>) -> Result<Judged> {
        let side = self.side;
        // A point in the middle of an image shows the kernel.
        let mut point = vec![0.0; side * side];
        point[(side / 2) * side + side / 2] = 1.0;
        let spread = make([1, side, side])?.apply(&point);
        let own = self.transfer(&Kernel { height: side, width: side, weights: spread });
        let own_fit = self.fit(&self.passed(&own));
        let (blur, cost) = self.likeliest(&Family::ALL);
        if own_fit.cost <= cost {
            let error = self.error(own_fit, &own, &own);
            return Ok(Judged { error, least: error, best: None });
        }
        let real = self.transfer(&blur.kernel());
        let fit = self.fit(&self.passed(&real));
        let (error, least) = (self.error(fit, &own, &real), self.error(fit, &real, &real));
        let is_seen = self.unblurred().cost - cost > SEEN && least <= GAINED;
        Ok(Judged { error, least, best: is_seen.then_some(blur) })
    }
}

/// The mean power of the squares of `side`, each under Hann's window.
fn welch(values: &[f32], width: usize, side: usize, fourier: &Fourier) -> Vec<f64> {
    let height = values.len() / width;
    let count = |length: usize| (2 * (length - side)).div_ceil(side) + 1;
    let (mut tall, mut wide) = (count(height), count(width));
    while tall * wide > MOST {
        (tall, wide) = (tall.div_ceil(2).max(1), wide.div_ceil(2).max(1));
    }
    let place = |k: usize, of: usize, length: usize| (length - side) * k / (of - 1).max(1);
    let line: Vec<f64> =
        (0..side).map(|k| 0.5 - 0.5 * libm::cos(std::f64::consts::TAU * k as f64 / side as f64)).collect();
    let window = |at: usize| line[at / side] * line[at % side];
    let total: f64 = (0..side * side).map(window).sum();
    let squares: f64 = (0..side * side).map(|at| window(at) * window(at)).sum();
    let mut power = vec![0.0; side * side];
    for (row, column) in (0..tall).flat_map(|y| (0..wide).map(move |x| (y, x))) {
        let (top, left) = (place(row, tall, height), place(column, wide, width));
        let value = |at: usize| f64::from(values[(top + at / side) * width + left + at % side]);
        let mean = (0..side * side).map(|at| value(at) * window(at)).sum::<f64>() / total;
        let seen: Vec<f64> = (0..side * side).map(|at| (value(at) - mean) * window(at)).collect();
        let transform = fourier.forward(&seen);
        power.iter_mut().zip(transform).for_each(|(sum, k)| *sum += k.norm_sqr() / squares);
    }
    power.iter_mut().for_each(|sum| *sum /= (tall * wide) as f64);
    power
}

#[cfg(test)]
mod tests {
    use langevin_core::{Image, Purpose, Stream};

    use super::*;
    use crate::operator::NoImages;
    use crate::operators;

    const SIDE: usize = 192;

    /// Discs that cover each other, of which there are many small ones: the power of photographs.
    fn leaves() -> Vec<f64> {
        let mut random = vec![0.0_f32; 4 * 3000];
        Stream::new(3, Purpose::Measurement, 0, 0).fill_normal(&mut random);
        let uniform = |v: f32| 0.5 + 0.5 * libm::erf(f64::from(v) / std::f64::consts::SQRT_2);
        let mut values = vec![0.0; SIDE * SIDE];
        for leaf in random.chunks_exact(4) {
            let [x, y] = [leaf[0], leaf[1]].map(|v| uniform(v) * SIDE as f64);
            let radius = 1.5 / (1.0 - 0.999 * uniform(leaf[2])).sqrt();
            let bright = 1.6 * uniform(leaf[3]) - 0.8;
            for (at, value) in values.iter_mut().enumerate() {
                let (dy, dx) = ((at / SIDE) as f64 - y, (at % SIDE) as f64 - x);
                if dx * dx + dy * dy < radius * radius {
                    *value = bright;
                }
            }
        }
        values
    }

    fn blurred(operator: &str, noise: f64) -> Spectrum {
        let shape = [1, SIDE, SIDE];
        let mut values = operators::build(operator, shape, &NoImages).unwrap().apply(&leaves());
        let mut random = vec![0.0_f32; values.len()];
        Stream::new(4, Purpose::Measurement, 0, 0).fill_normal(&mut random);
        values.iter_mut().zip(random).for_each(|(v, n)| *v += noise / 127.5 * f64::from(n));
        let narrow: Vec<f32> = values.iter().map(|v| *v as f32).collect();
        Spectrum::of(&Planes::of(&Image::from_signed(&narrow, 1, SIDE, SIDE))).unwrap()
    }

    #[test]
    fn blurs_are_found_and_others_refuted() {
        let seen = blurred("gaussian_blur:sigma=2,boundary=reflect", 1.0);
        let Blur::Gaussian(sigma) = seen.blur(&Family::ALL).unwrap() else { panic!("a Gaussian") };
        assert!((sigma - 2.0).abs() < 0.2, "{sigma}");
        let judged = |spec: &str| seen.judge(&|shape| operators::build(spec, shape, &NoImages)).unwrap();
        for (spec, refuted) in [
            ("gaussian_blur:sigma=2,boundary=reflect", false),
            ("gaussian_blur:sigma=1.5,boundary=reflect", false),
            ("gaussian_blur:sigma=3,boundary=reflect", true),
            ("motion_blur:length=9,boundary=reflect", true),
        ] {
            let judged = judged(spec);
            assert_eq!(judged.is_refuted(), refuted, "{spec}: {judged:?}");
        }
        let seen = blurred("motion_blur:length=9,angle=30,boundary=reflect", 1.0);
        let Blur::Motion(length, angle) = seen.blur(&Family::ALL).unwrap() else { panic!("a motion") };
        assert!((length - 9.0).abs() < 1.0 && (angle - 30.0).abs() < 4.0, "{length} {angle}");
        let judged =
            seen.judge(&|shape| operators::build("motion_blur:boundary=reflect", shape, &NoImages)).unwrap();
        assert!(judged.is_refuted(), "{judged:?}");
    }

    #[test]
    fn where_there_is_no_blur_none_is_found() {
        let error = blurred("identity", 1.0).blur(&Family::ALL).unwrap_err();
        assert!(error.message().starts_with("no blur is seen"), "{error}");
        let small = Image::from_u8(40, 80, 1, vec![7; 3200]);
        assert_eq!(Spectrum::of(&Planes::of(&small)).unwrap_err().exit_code(), 2);
    }
}
