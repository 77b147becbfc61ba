//! The variational bound on the likelihood of an image of 8 bits, estimated from random noise levels.
//!
//! Ho et al. 2020 (2006.11239), eq. 5, in the form of Kingma et al. 2021, VDM (2107.00630): what the noisy end still tells of
//! the image, what the steps cost, and what is lost at the clean end. For an integer table of T entries the steps are the T - 1
//! KL divergences `1/2 (snr_s - snr_t) ||x0 - D||^2` (eq. 13; the variance is DDPM's small one), for a continuous schedule their limit
//! `1/2 integral ||n - n_hat||^2 d log_snr` (eq. 17). The clean end is decoded as in eq. 8: each value of a byte as likely as
//! its distance from the noisy value says. No pixel is made continuous, so the bound is on the probability of the bytes.

use langevin_core::{Cond, Denoiser, Error, Level, Levels, Purpose, Result, Stream, signed_to_batch};

use crate::likelihood::{FlowSettings, Likelihoods, Placed};

/// The parts of the bound of one image, in nats.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Bound {
    /// The divergence of the noisy end from the noise that sampling starts from.
    pub prior: f64,
    /// The divergence of all steps.
    pub diffusion: f64,
    /// The cost of the image given the clean end.
    pub decoder: f64,
}

impl Bound {
    /// The whole bound on `-ln p`.
    pub fn nats(&self) -> f64 {
        self.prior + self.diffusion + self.decoder
    }
}

impl Likelihoods<'_> {
    /// The bound on `image`, whose values are those of bytes, from `draws` noise levels spread over the schedule, each with
    /// noise of its own.
    ///
    /// # Errors
    /// Usage, where the model has no answer.
    pub fn bound(&self, model: &dyn Denoiser, image: &Placed, draws: usize) -> Result<Bound> {
        let offset = self.bound_stream(image, 0).uniform();
        let at_once = self.settings.batch_size.max(1);
        let mut diffused = 0.0;
        for first in (0..draws).step_by(at_once) {
            let part = first..draws.min(first.saturating_add(at_once));
            let costs: Vec<Cost> = part.map(|k| Cost::at(self, (k as f64 + offset) / draws as f64)).collect();
            let squares = self.squared_errors(model, image, first, &costs)?;
            diffused += costs.iter().zip(squares).map(|(cost, square)| cost.factor * square).sum::<f64>();
        }
        let table = self.diffusion.schedule().timesteps().is_some();
        let ends = (self.diffusion.lowest().ratio(), self.diffusion.highest().ratio());
        let (clean, noisy) = if table { ends } else { (clean_end(&self.settings), self.settings.highest) };
        Ok(Bound {
            prior: 0.5 * image.values.iter().map(|x| x * x).sum::<f64>() / (noisy * noisy),
            diffusion: diffused / draws.max(1) as f64,
            decoder: decoder(&image.values, clean, &mut self.bound_stream(image, u64::from(u32::MAX))),
        })
    }

    fn bound_stream(&self, image: &Placed, step: u64) -> Stream {
        Stream::new(self.seed, Purpose::Bound, image.number, step)
    }

    /// `||x0 - D||^2` at each level.
    fn squared_errors(
        &self,
        model: &dyn Denoiser,
        image: &Placed,
        first: usize,
        costs: &[Cost],
    ) -> Result<Vec<f64>> {
        let ([c, h, w], clean) = (self.shape, &image.values);
        let mut x = Vec::with_capacity(clean.len() * costs.len());
        for (k, cost) in costs.iter().enumerate() {
            let mut noise = vec![0.0_f32; clean.len()];
            self.bound_stream(image, (first + k + 1) as u64).fill_normal(&mut noise);
            let Level { alpha, sigma } = cost.level;
            x.extend(clean.iter().zip(noise).map(|(x0, n)| (alpha * x0 + sigma * f64::from(n)) as f32));
        }
        let cond = Cond::labelled(image.label.map(|label| vec![Some(label); costs.len()]));
        let levels = Levels(costs.iter().map(|cost| cost.level).collect());
        let x = signed_to_batch(x, [costs.len(), c, h, w], self.device);
        let denoised = model.denoise(x, &levels, &cond)?.try_into_vec_as::<f32>();
        let denoised = denoised.map_err(|error| Error::failed(format!("{error:?}")))?;
        let square = |made: &[f32]| {
            made.iter().zip(clean).map(|(made, x0)| (f64::from(*made) - x0).powi(2)).sum::<f64>()
        };
        Ok(denoised.chunks(clean.len()).map(square).collect())
    }
}

/// The noise at which a continuous schedule's bound turns to the decoder. A normal density of this width is as uncertain as a
/// byte's step is wide: below it a model pays for telling where in its step a byte lies, which nobody asked.
const BYTE: f64 = 0.0019;

/// Where the bound of a continuous schedule has its clean end.
fn clean_end(settings: &FlowSettings) -> f64 {
    settings.lowest.max(BYTE)
}

/// A noise level, and the factor on the squared error of its denoised image whose mean over levels is the cost of all steps.
struct Cost {
    level: Level,
    factor: f64,
}

impl Cost {
    /// The cost at part `u` of the levels, in (0, 1).
    fn at(of: &Likelihoods<'_>, u: f64) -> Self {
        let (diffusion, settings) = (of.diffusion, &of.settings);
        let snr = |level: Level| level.snr();
        if let Some(entries) = diffusion.schedule().timesteps() {
            let steps = (entries - 1) as f64;
            let step = (u * steps).floor().min(steps - 1.0) + 1.0;
            let (level, cleaner) = (diffusion.level(step / steps), diffusion.level((step - 1.0) / steps));
            return Self { level, factor: 0.5 * steps * (snr(cleaner) - snr(level)) };
        }
        let (clean, noisy) = (-2.0 * libm::log(clean_end(settings)), -2.0 * libm::log(settings.highest));
        let level = diffusion.level_at(clean + u * (noisy - clean));
        Self { level, factor: 0.5 * (clean - noisy) * snr(level) }
    }
}

/// `-ln p(bytes | y)` for `y` of noise `ratio` around them: a softmax over the 256 values of each (VDM, eq. 8).
fn decoder(values: &[f64], ratio: f64, stream: &mut Stream) -> f64 {
    let mut noise = vec![0.0_f32; values.len()];
    stream.fill_normal(&mut noise);
    let scale = -0.5 / (ratio * ratio);
    let of = |(x0, n): (&f64, f32)| {
        let y = x0 + ratio * f64::from(n);
        let energy = |byte: u32| scale * (y - (f64::from(byte) / 127.5 - 1.0)).powi(2);
        let largest = (0..256).map(energy).fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = (0..256).map(|byte| libm::exp(energy(byte) - largest)).sum();
        largest + libm::log(sum) - scale * (y - x0).powi(2)
    };
    values.iter().zip(noise).map(of).sum()
}
