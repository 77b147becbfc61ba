//! What is judged: the pictures a model draws, or a set of pictures.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;
use langevin_core::Result;
use langevin_data::{OpenOptions, Pool, PoolOptions, Prepare};
use langevin_eval::Sample;
use langevin_kernels::Arithmetic;

use super::parts::{CHUNK, Look, gather};
use crate::guiding::Guiding;
use crate::model::{Model, SHIPPED};
use crate::sampling::{Drawing, draw, even_labels};
use crate::tuned::{Asked, resolve};

/// A model or a set of pictures.
pub(super) enum Judged {
    /// Pictures that are drawn.
    Model(Box<Model>),
    /// Pictures that are there.
    Data(String),
}

/// How a model draws, where it is not as the model says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Choice {
    /// Steps.
    pub steps: Option<usize>,
    /// The sampler.
    pub sampler: Option<String>,
    /// The spacing.
    pub spacing: Option<String>,
    /// Strength of classifier-free guidance.
    pub cfg_scale: Option<f64>,
    /// Pictures at once.
    pub batch_size: usize,
}

impl Judged {
    /// Opens what `spec` names: a model if it is one, otherwise data.
    ///
    /// # Errors
    /// As [`Model::open`].
    pub(super) fn open(spec: &str, device: &Device) -> Result<Self> {
        if is_model(spec) {
            return Ok(Self::Model(Box::new(Model::open(spec, device)?)));
        }
        Ok(Self::Data(spec.to_owned()))
    }

    /// The size and channels of its pictures, when it has its own.
    pub(super) fn shape(&self) -> Option<((usize, usize), usize)> {
        match self {
            Self::Model(model) => Some((model.info.size, model.info.channels)),
            Self::Data(_) => None,
        }
    }
}

fn is_model(spec: &str) -> bool {
    if let Some(name) = spec.strip_prefix("builtin:") {
        return SHIPPED.iter().any(|shipped| shipped.name == name);
    }
    let path = Path::new(spec);
    if path.is_dir() {
        return ["model.safetensors", "run.toml", "model_index.json"]
            .iter()
            .any(|name| path.join(name).exists());
    }
    let mut head = [0_u8; 9];
    let read = std::fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut head));
    // The length of a safetensors header, and its brace.
    read.is_ok() && head[8] == b'{' && head[5..8] == [0; 3]
}

/// The settings of drawing `count` pictures with `model`.
///
/// # Errors
/// As [`resolve`].
pub(super) fn drawing(
    model: &Model,
    choice: &Choice,
    count: usize,
    seed: u64,
    cancel: &Arc<AtomicBool>,
) -> Result<Drawing> {
    let defaults = &model.info.sample;
    let asked = Asked {
        steps: choice.steps,
        calls: None,
        sampler: choice.sampler.as_deref(),
        spacing: choice.spacing.as_deref(),
    };
    let resolved = resolve(defaults, model.denoiser.diffusion(), asked)?;
    let guidance = if model.info.classes.is_empty() { 1.0 } else { defaults.cfg_scale };
    Ok(Drawing {
        count,
        first: 0,
        seed,
        steps: resolved.steps,
        sampler: resolved.sampler,
        spacing: resolved.spacing,
        cfg_scale: choice.cfg_scale.unwrap_or(guidance),
        guiding: Guiding::default(),
        clip: defaults.clip,
        labels: None,
        arithmetic: Arithmetic::Fast,
        batch_size: choice.batch_size.max(1),
        start: None,
        cancel: Arc::clone(cancel),
    })
}

/// Draws the pictures of `drawing` for classes as in `like`, where the model has these classes, and looks at them.
///
/// # Errors
/// As [`draw`].
pub(super) fn drawn(
    model: &Model,
    drawing: &Drawing,
    like: &Sample,
    classes: &[String],
    look: Look<'_>,
    device: &Device,
    mut progress: impl FnMut(f64) -> Result<()>,
) -> Result<Sample> {
    let own = &model.info.classes;
    let shared = !own.is_empty() && own == classes;
    let labels: Option<Vec<Option<u32>>> = match &like.labels {
        _ if own.is_empty() => None,
        // As often as in the data, so that what differs is not how many of each were asked for.
        Some(labels) if shared => Some(labels.iter().cycle().take(drawing.count).map(|l| Some(*l)).collect()),
        _ => Some(even_labels(own.len(), drawing.count)),
    };
    let mut sample = Sample::new(&model.name);
    for first in (0..drawing.count).step_by(CHUNK) {
        let count = CHUNK.min(drawing.count - first);
        let part = Drawing {
            count,
            first: drawing.first + first as u64,
            labels: labels.as_ref().map(|labels| labels[first..first + count].to_vec()),
            ..drawing.clone()
        };
        let mut stopped = None;
        let pictures = draw(model, &part, device, |at| {
            let done = (first as f64 + at.fraction() * count as f64) / drawing.count as f64;
            if let Err(error) = progress(done) {
                part.cancel.store(true, std::sync::atomic::Ordering::Relaxed);
                stopped = Some(error);
            }
        });
        if let Some(error) = stopped {
            return Err(error);
        }
        // A class of the model's own says nothing where the data has others.
        let labels = part.labels.filter(|_| shared).unwrap_or_else(|| vec![None; count]);
        look.add(&mut sample, pictures?, &labels)?;
    }
    Ok(sample)
}

/// The pictures of the data set `spec`, `count` of them at most, made ready as `prepare` says. Its classes are given the
/// numbers they have in `classes`.
///
/// # Errors
/// Bad input, when it cannot be read.
pub(super) fn pictures_of(
    spec: &str,
    prepare: &Prepare,
    count: usize,
    classes: &[String],
    look: Look<'_>,
    seed: u64,
    progress: impl FnMut(f64) -> Result<()>,
) -> Result<Sample> {
    let data = langevin_data::open(spec, &OpenOptions::default())?;
    let pool = Pool::new(data, prepare.clone(), PoolOptions::default())?;
    let count = pool.len().map_or(count, |len| count.min(len as usize));
    let (mut sample, _) = gather(&pool, count, look, false, seed, progress)?;
    let own = &pool.info().classes;
    let number = |label: &u32| {
        let at = classes.iter().position(|class| *class == own[*label as usize])?;
        Some(at as u32)
    };
    sample.labels = sample.labels.and_then(|labels| labels.iter().map(number).collect());
    Ok(sample)
}
