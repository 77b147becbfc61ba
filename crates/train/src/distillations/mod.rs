//! Distillations: what a student learns of a model that needs many steps, so that it needs few. One file each.

mod compare;
mod consistency;
mod consistency_training;
mod discretisation;
mod progressive;

use std::fmt::Debug;

use langevin_core::process::{Diffusion, Registry};
use langevin_core::{Denoiser, Level, Losses, Network, Preconditioned, Result};

use crate::objective::Objective;
use crate::passes::Pass;

/// Every distillation.
pub const DISTILLATIONS: Registry<dyn Distillation> = Registry {
    kind: "distillation",
    entries: &[progressive::ENTRY, consistency::ENTRY, consistency_training::ENTRY],
};

/// What a distillation is given and what its student is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    /// Whether the answers of a teacher are asked for.
    pub needs_teacher: bool,
    /// Whether the student of `N` steps is the teacher of one of `N / 2`.
    pub halves: bool,
    /// Whether the student must give back images of the lowest level as they are, so that its parameterisation is
    /// `consistency` around that of the model it begins from.
    pub is_consistent: bool,
    /// The sampler that the student is made for.
    pub sampler: &'static str,
}

/// What a student is taught with.
#[derive(Debug, Clone)]
pub struct DistillSchedule {
    /// The noise, which the teacher and the student share.
    pub diffusion: Diffusion,
    /// The levels of the teacher's steps, noisiest first, for a distillation that halves them: twice as many steps as the
    /// student's. Empty for others.
    pub path: Vec<Level>,
    /// Images over which whatever depends on the progress of training goes from its beginning to its end.
    pub images: u64,
}

/// Who answers in a distillation.
pub struct Models<'a> {
    /// The student; its answers can be differentiated by its weights.
    pub student: &'a dyn Denoiser,
    /// The student as it is, without gradients.
    pub still: &'a dyn Denoiser,
    /// The student with averaged weights, where [`Distillation::target_decay`] asks for it; without gradients.
    pub target: Option<&'a dyn Denoiser>,
    /// The teacher, where there is one.
    pub teacher: Option<&'a dyn Denoiser>,
}

/// A way to teach a student.
pub trait Distillation: Debug + Send + Sync {
    /// What it is given and what comes of it.
    fn traits(&self) -> Traits;

    /// The level that an image with the number `uniform` in (0, 1) is shown at, after `seen` images.
    fn level(&self, course: &DistillSchedule, uniform: f64, seen: u64) -> Level;

    /// The loss of a pass, times [`Pass::share`].
    ///
    /// # Errors
    /// Usage, where a model has no answer at a level.
    fn loss(&self, course: &DistillSchedule, models: &Models<'_>, pass: Pass) -> Result<Losses>;

    /// The share of the old that the target's weights keep at each update, if it has a target of averaged weights.
    fn target_decay(&self) -> Option<f64> {
        None
    }
}

/// A distillation as the trainer's objective.
pub struct Distilled {
    method: Box<dyn Distillation>,
    course: DistillSchedule,
    teacher: Option<Box<dyn Denoiser>>,
}

impl Distilled {
    /// `method` over `course`, with the answers of `teacher` where it needs one.
    pub fn new(
        method: Box<dyn Distillation>,
        course: DistillSchedule,
        teacher: Option<Box<dyn Denoiser>>,
    ) -> Self {
        Self { method, course, teacher }
    }
}

impl Debug for Distilled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Distilled").field("method", &self.method).finish_non_exhaustive()
    }
}

impl<N: Network> Objective<N> for Distilled {
    fn level(&self, _diffusion: &Diffusion, uniform: f64, seen: u64) -> Level {
        self.method.level(&self.course, uniform, seen)
    }

    fn loss(
        &self,
        pass: Pass,
        model: &Preconditioned<N>,
        target: Option<&Preconditioned<N>>,
    ) -> Result<Losses> {
        let still = Preconditioned::new(model.network.valid(), model.diffusion.clone());
        let models = Models {
            student: model,
            still: &still,
            target: target.map(|target| target as &dyn Denoiser),
            teacher: self.teacher.as_deref(),
        };
        self.method.loss(&self.course, &models, pass)
    }

    fn target_decay(&self) -> Option<f64> {
        self.method.target_decay()
    }
}
