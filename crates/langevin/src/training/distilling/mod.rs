//! Distilling a model into one that draws in few steps: which stages there are, what their students are, and what each is
//! taught with.

mod fitting;
pub mod job;
mod request;

use std::path::PathBuf;
use std::sync::Arc;

use burn::tensor::Device;
use langevin_core::{Denoiser, Error, Result, Stop};
use langevin_data::{Dataset, OpenOptions};
use langevin_kernels::Arithmetic;
use langevin_model::pipeline::path;
use langevin_model::{GuidanceConfig, Model, ModelInfo, Pipeline, SampleSettings};
use langevin_process::{Diffusion, DiffusionSpec, Level, SPACINGS};
use langevin_train::distillations::Traits;
use langevin_train::{DISTILLATIONS, Decay, DistillSchedule, Distilled, TrainConfig};

use crate::training::prepare::{ObjectiveOverride, Prepared, TrainPlan, prepare};
use crate::training::settings::{DataSettings, Distill, Settings, layered};

use langevin_inference::job::check_ranges;

pub use job::{DistillOutcome, resolved_settings};
pub use request::DistillRequest;

/// What the preset of a student is called, before its method.
const PRESET: &str = "distill ";
/// Steps a teacher that names none begins with, at least.
const TEACHER_STEPS: usize = 16;
/// The lowest `sigma / alpha` of the grids of consistency models is that of `karras`.
const GRID: &str = "karras";

/// One student.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Steps of the student.
    pub steps: usize,
    /// Steps of its teacher; 0 where none are halved.
    pub from: usize,
    /// Its run folder.
    pub out: PathBuf,
}

/// A distillation whose request is checked; nothing is written yet.
pub struct DistillPlan {
    /// The students, each the teacher of the next.
    pub stages: Vec<Stage>,
    /// The settings of the last, but for the hash of a teacher that is not yet made.
    pub settings: Settings,
    traits: Traits,
    /// The levels of the first teacher's steps.
    path: Vec<Level>,
    teacher: Model,
    dataset: Arc<dyn Dataset>,
    request: DistillRequest,
    stop: Stop,
}

/// Opens the model, looks at the data and resolves the stages.
///
/// # Errors
/// Bad input: a model or data that cannot be read. Usage: a model of an unsuitable kind or for other images, steps that
/// halving does not lead to, unknown names.
pub fn plan(request: DistillRequest, stop: &Stop, device: &Device) -> Result<DistillPlan> {
    check_ranges(&request)?;
    let (flags, out) = (request.flags()?, request.run_folder());
    let traits = DISTILLATIONS.build(&request.method)?.traits();
    let teacher = Model::open_pixels(&request.model, device)?;
    fitting::check_teacher(&teacher, &request, traits)?;
    teacher.check_weights()?;
    let dataset = langevin_data::open(&request.data, &OpenOptions::stopped_by(stop))?;
    fitting::check_data(&teacher, dataset.info(), &request.data)?;
    let mut distill = Distill {
        method: request.method.clone(),
        teacher: request.model.clone(),
        teacher_hash: teacher.hash().to_owned(),
        from: 0,
        steps: request.steps.unwrap_or(if traits.halves { 4 } else { 2 }),
        spacing: request.spacing.clone().unwrap_or_else(|| "trailing".to_owned()),
        cfg_scale: request.cfg_scale,
        scratch: request.scratch,
    };
    let diffusion = teacher.denoiser.diffusion();
    let (mut stages, mut levels) = (Vec::new(), Vec::new());
    if traits.halves {
        let student = teacher.info.preset.starts_with(PRESET).then_some(&teacher.info.sample);
        if let (Some(own), None) = (student, &request.spacing) {
            distill.spacing.clone_from(&own.spacing);
        }
        let own = student.map(|own| own.steps);
        let from = request.from.or(own).unwrap_or_else(|| from_for(distill.steps));
        let halved = halvings(from, distill.steps)?;
        distill.from = from;
        levels = Pipeline::new(&teacher, 1).path(traits.sampler, &distill.spacing, from)?;
        for steps in halved {
            let last = steps == distill.steps;
            let out = if last { out.clone() } else { out.join(format!("steps-{steps:03}")) };
            stages.push(Stage { steps, from: 2 * steps, out });
        }
    } else {
        if let Some(from) = request.from {
            return Err(
                Error::usage(format!("--from {from}: this method does not halve steps")).hint("leave it out")
            );
        }
        path(diffusion, &distill.spacing, distill.steps)?;
        stages.push(Stage { steps: distill.steps, from: 0, out });
    }
    let settings = settings(&teacher.info, diffusion, traits, distill, &flags)?;
    Ok(DistillPlan { stages, settings, traits, path: levels, teacher, dataset, request, stop: stop.clone() })
}

/// The least `steps` times a power of two that is at least [`TEACHER_STEPS`].
fn from_for(steps: usize) -> usize {
    let mut from = 2 * steps.max(1);
    while from < TEACHER_STEPS {
        from *= 2;
    }
    from
}

/// The steps of each student on the way from `from` to `steps`.
fn halvings(from: usize, steps: usize) -> Result<Vec<usize>> {
    let fits = steps > 0 && from > steps && from.is_multiple_of(steps) && (from / steps).is_power_of_two();
    if !fits {
        let near = from_for(steps);
        return Err(Error::usage(format!("halving {from} steps of the teacher does not lead to {steps}"))
            .hint(format!("for {steps} steps begin from {near}, {} or {}", 2 * near, 4 * near)));
    }
    let halved = std::iter::successors(Some(from / 2), |steps| Some(steps / 2));
    Ok(halved.take_while(|now| *now >= steps).collect())
}

fn settings(
    info: &ModelInfo,
    diffusion: &Diffusion,
    traits: Traits,
    distill: Distill,
    flags: &[String],
) -> Result<Settings> {
    let base = Settings {
        data: DataSettings {
            size: info.size.width,
            channels: info.channels,
            class_conditional: !info.classes.is_empty(),
            ..DataSettings::default()
        },
        task: None,
        autoencoder: None,
        latent: None,
        text: None,
        init: None,
        diffusion: student_diffusion(info, diffusion, traits)?,
        network: info.network.clone(),
        train: TrainConfig {
            images: 1 << 16,
            batch_size: 32,
            learning_rate: 5e-4,
            warmup_images: 2_048,
            decay: Decay::Cosine,
            ema_width: 0.1,
            ..TrainConfig::default()
        },
        sample: SampleSettings {
            sampler: traits.sampler.to_owned(),
            spacing: distill.spacing.clone(),
            steps: distill.steps,
            cfg_scale: 1.0,
            tuned: Vec::new(),
            grids: Vec::new(),
            ..info.sample.clone()
        },
        run: None,
        distill: Some(distill),
    };
    let mut settings = layered("distill", &base.to_toml(), flags)?;
    if settings.network != base.network
        || settings.diffusion != base.diffusion
        || settings.data != base.data
        || settings.distill != base.distill
    {
        return Err(Error::usage("a student has the network, the noise and the images of its teacher")
            .hint("only settings of train and sample can be changed"));
    }
    // What depends on the progress of training follows this, also where time decides when it ends.
    if settings.train.decay_images == 0 {
        settings.train.decay_images = settings.train.images;
    }
    if settings.train.minutes > 0.0 && !flags.iter().any(|flag| flag.starts_with("train.images=")) {
        settings.train.images = 1 << 40;
    }
    settings.train.check()?;
    Ok(settings)
}

fn student_diffusion(info: &ModelInfo, diffusion: &Diffusion, traits: Traits) -> Result<DiffusionSpec> {
    let spec = info.diffusion.clone();
    if !traits.is_consistent || spec.parameterisation.starts_with("consistency") {
        return Ok(spec);
    }
    // The lowest level of the grid that the student will be taught on.
    let lowest = SPACINGS.build(GRID)?.path(diffusion, 2)?[1].ratio();
    Ok(DiffusionSpec {
        parameterisation: format!("consistency:of={},end={lowest}", spec.parameterisation),
        ..spec
    })
}

impl DistillPlan {
    /// Makes stage `index` ready to train; the stages before it are finished.
    ///
    /// # Errors
    /// As [`prepare`]; bad input, when the model of the stage before cannot be read.
    pub fn prepare(&self, index: usize, device: &Device) -> Result<Prepared> {
        let stage = &self.stages[index];
        let mut settings = self.settings.clone();
        let before = match index {
            0 => None,
            _ => Some(Model::open(&self.stages[index - 1].out.display().to_string(), device)?),
        };
        let teacher = before.as_ref().unwrap_or(&self.teacher);
        let mut spacing = settings.sample.spacing.clone();
        let path = self.stage_path(stage);
        if self.traits.halves {
            spacing = spacing_of(&spacing, teacher.denoiser.diffusion(), &path)?;
        }
        settings.sample.steps = stage.steps;
        settings.sample.spacing = spacing;
        let first = index == 0;
        if let Some(distill) = &mut settings.distill {
            teacher.hash().clone_into(&mut distill.teacher_hash);
            distill.from = stage.from;
            distill.steps = stage.steps;
            // The guidance is in the first student already.
            distill.cfg_scale = if first { self.request.cfg_scale } else { 1.0 };
        }
        let course = DistillSchedule {
            diffusion: teacher.denoiser.diffusion().clone(),
            path,
            images: settings.train.decay_images,
        };
        let taught_by = match self.traits.needs_teacher {
            true => Some(self.teacher(teacher, &settings, first)?),
            false => None,
        };
        let method = DISTILLATIONS.build(&self.request.method)?;
        let network = teacher.denoiser.network();
        let weights = network.filter(|_| !self.request.scratch).map(langevin_nn::export);
        prepare(TrainPlan {
            data: self.request.data.clone(),
            dataset: Some(Arc::clone(&self.dataset)),
            settings,
            preset: format!("{PRESET}{}", self.request.method),
            out: stage.out.clone(),
            strict: self.request.strict,
            dry_run: self.request.dry_run,
            // Students on the way teach, with all of their bits.
            half: self.request.half && index + 1 == self.stages.len(),
            stop: self.stop.clone(),
            weights,
            lesson: Some(ObjectiveOverride {
                objective: Box::new(Distilled::new(method, course, taught_by)),
            }),
        })
    }

    /// The levels of the teacher's steps in a stage.
    fn stage_path(&self, stage: &Stage) -> Vec<Level> {
        let stride = if self.traits.halves { (self.path.len() - 1) / stage.from } else { 1 };
        self.path.iter().step_by(stride).copied().collect()
    }

    /// The teacher as it samples: guided, and clipped.
    fn teacher(&self, teacher: &Model, settings: &Settings, guided: bool) -> Result<Box<dyn Denoiser>> {
        let arithmetic = if settings.train.exact { Arithmetic::Exact } else { Arithmetic::Fast };
        let scale = if guided { self.request.cfg_scale } else { 1.0 };
        Pipeline::new(teacher, settings.train.micro_batch)
            .with_arithmetic(arithmetic)
            .with_guidance(GuidanceConfig::default(), scale)
            .within_pass()
    }
}

/// What names the levels of every second step of `levels`: `spacing` itself where it places them so, else a list.
fn spacing_of(spacing: &str, diffusion: &Diffusion, levels: &[Level]) -> Result<String> {
    let wanted: Vec<Level> = levels.iter().step_by(2).copied().collect();
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
    let same = |spacing: &str| {
        path(diffusion, spacing, wanted.len() - 1).is_ok_and(|found| {
            let pairs = found.iter().zip(&wanted);
            found.len() == wanted.len()
                && pairs.into_iter().all(|(a, b)| near(a.alpha, b.alpha) && near(a.sigma, b.sigma))
        })
    };
    if same(spacing) {
        return Ok(spacing.to_owned());
    }
    let ratios: Vec<String> =
        wanted[..wanted.len() - 1].iter().map(|level| level.ratio().min(1e9).to_string()).collect();
    let list = format!("levels:at={}", ratios.join("/"));
    if same(&list) {
        return Ok(list);
    }
    Err(Error::usage(format!("spacing {spacing}: every second of its levels cannot be named"))
        .hint("use --spacing trailing or karras"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_leads_from_the_teachers_steps_to_the_students() {
        assert_eq!(halvings(16, 4).unwrap(), [8, 4]);
        assert_eq!(halvings(2, 1).unwrap(), [1]);
        assert_eq!(halvings(24, 3).unwrap(), [12, 6, 3]);
        for (from, steps) in [(16, 3), (4, 4), (4, 8), (12, 1), (8, 0)] {
            let error = halvings(from, steps).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(&format!("halving {from} steps")), "{error}");
        }
        assert_eq!([1, 3, 8, 16].map(from_for), [16, 24, 16, 32]);
    }

    #[test]
    fn a_students_levels_are_every_second_of_its_teachers() {
        for (schedule, process) in [("edm", "edm"), ("cosine", "vp"), ("linear", "vp"), ("flow", "flow")] {
            let spec =
                DiffusionSpec { schedule: schedule.into(), process: process.into(), ..Default::default() };
            let diffusion = Diffusion::new(&spec).unwrap();
            for spacing in ["trailing", "karras", "log_snr"] {
                for steps in [1, 2, 8] {
                    let teacher = path(&diffusion, spacing, 2 * steps).unwrap();
                    let named = spacing_of(spacing, &diffusion, &teacher).unwrap();
                    let student = path(&diffusion, &named, steps).unwrap();
                    for (a, b) in student.iter().zip(teacher.iter().step_by(2)) {
                        assert!(
                            (a.sigma - b.sigma).abs() <= 1e-9 * b.sigma,
                            "{schedule} {named}: {a:?} {b:?}"
                        );
                    }
                    if spacing == "trailing" && schedule != "linear" {
                        assert_eq!(named, "trailing");
                    }
                }
            }
        }
    }
}
