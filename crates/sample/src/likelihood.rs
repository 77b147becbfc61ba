//! The exact likelihood of an image by the probability-flow equation: the density of the noise it flows to, and how much the
//! flow stretches space on the way.
//!
//! Song et al. 2021 (2011.13456), eq. 39 and 40. With `y = x / alpha` and `u = ln(sigma / alpha)` the flow of every process is
//! `dy/du = y - D(y)` (Karras et al. 2022, eq. 1), so that `ln p(y, low) = ln p(y, high) + integral (d - tr dD/dy) du`: one
//! equation for VP, sub-VP, VE, EDM and flow matching. The trace is exact, or `v^T (dD/dy) v` for a random probe `v`
//! (Hutchinson 1989), whose mean it is.

use burn::tensor::Device;
use langevin_core::process::Diffusion;
use langevin_core::process::limits::shown;
use langevin_core::{Cond, Differentiable, Error, Level, Levels, Purpose, Result, Stream, signed_to_batch};

use crate::dormand_prince::{Arrived, Asked, Tolerance, integrate};

/// How the trace of the denoiser's derivative is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trace {
    /// By as many backward passes as an image has values.
    Exact,
    /// By a probe of random signs, one for each trajectory.
    Rademacher,
    /// By a probe of normal numbers.
    Gaussian,
}

/// How densities are computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FlowSettings {
    /// How the trace is found.
    pub trace: Trace,
    /// The error allowed of a step, absolute and relative; of the log-density, divided by the number of values, absolute.
    pub tolerance: f64,
    /// The lowest noise, `sigma / alpha`, at which an image counts as clean.
    pub lowest: f64,
    /// The highest noise, where the density is that of the noise that sampling starts from.
    pub highest: f64,
    /// Images (and, for the exact trace, values) that the model is asked for at once.
    pub batch_size: usize,
}

/// An image whose density is wanted.
#[derive(Debug, Clone)]
pub struct Placed {
    /// Its values in planes, data in [-1, 1].
    pub values: Vec<f64>,
    /// What the model is conditioned on.
    pub label: Option<u32>,
    /// The number that its probe is drawn by.
    pub number: u64,
}

/// A density.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogDensity {
    /// `ln p`, in nats.
    pub nats: f64,
    /// How often the model was asked.
    pub calls: usize,
}

/// Noise beyond which a process without signal at its end is not followed: there the data is a part in a million of the
/// variance.
const FAR: f64 = 1e3;
/// Noise that counts as none, where the schedule goes lower: an eighth of a byte's step. It is that of Song et al. 2021
/// (appendix C, `t = 1e-5`) for their VP process.
const NEAR: f64 = 1e-3;

impl FlowSettings {
    /// The whole range of `diffusion`, probes of signs and a tolerance of 1e-5.
    pub fn new(diffusion: &Diffusion) -> Self {
        let lowest = diffusion.lowest().ratio().max(NEAR);
        let highest = diffusion.highest().ratio().min(FAR);
        Self { trace: Trace::Rademacher, tolerance: 1e-5, lowest, highest, batch_size: 16 }
    }
}

/// What likelihoods are computed in: the noise of the model, the shape `[channels, height, width]` of its images, the seed of
/// probes and noise, and where tensors lie.
#[derive(Debug, Clone, Copy)]
pub struct Likelihoods<'a> {
    /// The noise.
    pub diffusion: &'a Diffusion,
    /// `[channels, height, width]`.
    pub shape: [usize; 3],
    /// The seed.
    pub seed: u64,
    /// How.
    pub settings: FlowSettings,
    /// Where.
    pub device: &'a Device,
}

impl Likelihoods<'_> {
    /// The density of each of `images` under the probability flow of `model`. Each has steps of its own, so its density does
    /// not depend on the others.
    ///
    /// # Errors
    /// Usage, for a range of noise or tolerance that is none, or where the model has no answer. Failed, where the equation
    /// cannot be followed.
    pub fn log_densities(&self, model: &dyn Differentiable, images: &[Placed]) -> Result<Vec<LogDensity>> {
        let FlowSettings { tolerance, lowest, highest, trace, .. } = self.settings;
        if !(lowest > 0.0 && lowest < highest && highest.is_finite()) {
            return Err(Error::usage(format!(
                "the range of noise {} to {} is none",
                shown(&lowest),
                shown(&highest)
            ))
            .hint("give a lowest sigma / alpha above 0 and below the highest"));
        }
        if !(1e-9..=1e-1).contains(&tolerance) {
            return Err(Error::usage(format!("tolerance {} must lie in [1e-9, 0.1]", shown(&tolerance))));
        }
        let values: usize = self.shape.iter().product();
        let flow = Flow { model, of: self, images, values };
        let probes: Vec<Vec<f64>> =
            images.iter().map(|image| probe(trace, self.seed, image.number, values)).collect();
        // The state is the image, and how much of the log-density has been gathered, divided by the number of values.
        let states = images.iter().map(|p| p.values.iter().copied().chain([0.0]).collect()).collect();
        let steps = Tolerance { absolute: tolerance, relative: tolerance, apart: 1, steps: 20_000 };
        let (start, end) = (libm::log(lowest), libm::log(highest));
        let arrived = integrate(states, start, end, &steps, |asked| flow.slopes(asked, &probes))?;
        let density = |arrived: Arrived| {
            let (noise, gathered) = arrived.state.split_at(values);
            let square: f64 = noise.iter().map(|y| y * y).sum();
            let prior = -0.5 * square / (highest * highest)
                - values as f64 * (end + 0.5 * libm::log(std::f64::consts::TAU));
            LogDensity { nats: prior + gathered[0] * values as f64, calls: arrived.calls }
        };
        Ok(arrived.into_iter().map(density).collect())
    }
}

/// The probe of trajectory `number`; empty for the exact trace.
fn probe(trace: Trace, seed: u64, number: u64, values: usize) -> Vec<f64> {
    let mut stream = Stream::new(seed, Purpose::Probe, number, 0);
    let mut numbers = vec![0.0_f32; values];
    match trace {
        Trace::Exact => return Vec::new(),
        Trace::Gaussian => stream.fill_normal(&mut numbers),
        Trace::Rademacher => {
            stream.fill_uniform(&mut numbers);
            numbers.iter_mut().for_each(|v| *v = if *v < 0.5 { -1.0 } else { 1.0 });
        }
    }
    numbers.into_iter().map(f64::from).collect()
}

struct Flow<'a> {
    model: &'a dyn Differentiable,
    of: &'a Likelihoods<'a>,
    images: &'a [Placed],
    values: usize,
}

/// A question to the model: a system, and the vector its derivative is multiplied by.
struct Question<'a> {
    asked: &'a Asked<'a>,
    v: Vec<f64>,
}

impl Flow<'_> {
    /// `y - D` and `1 - tr(dD/dy) / d` of every system that is asked for.
    fn slopes(&self, asked: &[Asked<'_>], probes: &[Vec<f64>]) -> Result<Vec<Vec<f64>>> {
        let d = self.values;
        let exact = self.of.settings.trace == Trace::Exact;
        let questions: Vec<Question<'_>> = if exact {
            let unit = |at: usize| (0..d).map(|i| f64::from(i == at)).collect();
            asked.iter().flat_map(|asked| (0..d).map(move |at| Question { asked, v: unit(at) })).collect()
        } else {
            asked.iter().map(|asked| Question { asked, v: probes[asked.system].clone() }).collect()
        };
        let mut slopes: Vec<Vec<f64>> = Vec::with_capacity(asked.len());
        for (number, (denoised, along)) in self.evaluate(&questions)?.into_iter().enumerate() {
            if exact && number % d > 0 {
                slopes[number / d][d] -= along / d as f64;
                continue;
            }
            let state = questions[number].asked.state;
            let mut slope: Vec<f64> = state[..d].iter().zip(denoised).map(|(y, clean)| y - clean).collect();
            slope.push(1.0 - along / d as f64);
            slopes.push(slope);
        }
        Ok(slopes)
    }

    /// `D` and `v^T (dD/dy) v` for every question.
    fn evaluate(&self, questions: &[Question<'_>]) -> Result<Vec<(Vec<f64>, f64)>> {
        let [c, h, w] = self.of.shape;
        let mut answers = Vec::with_capacity(questions.len());
        for part in questions.chunks(self.of.settings.batch_size.max(1)) {
            let levels: Vec<Level> =
                part.iter().map(|q| self.of.diffusion.level_at(-2.0 * q.asked.at)).collect();
            let mut x = Vec::with_capacity(part.len() * self.values);
            let mut v = Vec::with_capacity(part.len() * self.values);
            for (question, level) in part.iter().zip(&levels) {
                x.extend(question.asked.state[..self.values].iter().map(|y| (level.alpha * y) as f32));
                v.extend(question.v.iter().map(|v| *v as f32));
            }
            let labels: Vec<Option<u32>> = part.iter().map(|q| self.images[q.asked.system].label).collect();
            let cond = Cond::labelled(labels.iter().any(Option::is_some).then_some(labels));
            let shape = [part.len(), c, h, w];
            let (denoised, pulled) = self.model.denoise_vjp(
                signed_to_batch(x, shape, self.of.device),
                signed_to_batch(v, shape, self.of.device),
                &Levels(levels.clone()),
                &cond,
            )?;
            let host = |t: burn::tensor::Tensor<4>| -> Result<Vec<f32>> {
                t.try_into_vec_as::<f32>().map_err(|error| Error::failed(format!("{error:?}")))
            };
            let (denoised, pulled) = (host(denoised)?, host(pulled)?);
            let each = denoised.chunks(self.values).zip(pulled.chunks(self.values)).zip(part).zip(&levels);
            answers.extend(each.map(|(((denoised, pulled), question), level)| {
                let along: f64 = pulled.iter().zip(&question.v).map(|(p, v)| f64::from(*p) * v).sum();
                (denoised.iter().map(|v| f64::from(*v)).collect(), level.alpha * along)
            }));
        }
        Ok(answers)
    }
}
