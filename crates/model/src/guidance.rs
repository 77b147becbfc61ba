//! How the answers of a model are guided while it draws: the rule, and the worse model that autoguidance compares with.

use std::sync::Arc;

use langevin_core::guidance::{GUIDANCES, Guidance, Guided};
use langevin_core::{Denoiser, Error, Parallel, Result};
use langevin_kernels::Arithmetic;
use langevin_process::limits;

use crate::memory;
use crate::model::Model;

/// The guidance of a drawing; by default classifier-free guidance.
#[derive(Debug, Clone, Default)]
pub struct GuidanceConfig {
    /// The guidance, as in `langevin list guidances`; where none is named, `autoguidance` with a guide and `cfg` without.
    pub rule: Option<String>,
    /// The worse model whose answers are compared with, in place of the model's own without the class.
    pub guide: Option<Arc<Model>>,
}

impl GuidanceConfig {
    /// The name of the rule with its options, where it is not plain classifier-free guidance by default.
    pub fn named(&self) -> Option<&str> {
        self.rule.as_deref().or(self.guide.as_ref().map(|_| "autoguidance"))
    }

    /// Guides `inner`, the denoiser of `model`, with the strength `scale`.
    ///
    /// # Errors
    /// Usage: an unknown guidance, a guide that does not fit the model, nothing to guide towards, a strength that does
    /// nothing. Failed, when the memory that is free does not suffice for the guide.
    pub fn apply<D: Denoiser>(
        &self,
        model: &Model,
        inner: D,
        scale: f64,
        batch_size: usize,
        arithmetic: Arithmetic,
    ) -> Result<Guided<'static, D>> {
        let rule = self.rule(model, scale)?;
        let guide = match &self.guide {
            None => None,
            Some(guide) => {
                if guide.denoiser.network().is_some() {
                    memory::check_sampling(&guide.info.network, guide.shape(), batch_size)?;
                }
                let computed = guide.denoiser.with_arithmetic(arithmetic);
                Some(Box::new(Parallel::new(computed, batch_size)?) as Box<dyn Denoiser>)
            }
        };
        Guided::new(inner, rule, scale, guide)
    }

    /// The rule, if `model` can be guided by it with the strength `scale`.
    ///
    /// # Errors
    /// Usage, as [`GuidanceConfig::apply`].
    pub fn rule(&self, model: &Model, scale: f64) -> Result<Box<dyn Guidance>> {
        limits::check("guidance strength", scale, -limits::CFG_SCALE, limits::CFG_SCALE)?;
        let rule = GUIDANCES.build(self.named().unwrap_or("cfg"))?;
        if rule.needs_guide() && self.guide.is_none() {
            return Err(Error::usage("autoguidance compares with a second, worse model, and none is named")
                .hint("name it with --guide MODEL"));
        }
        let asked = scale != 1.0 || self.named().is_some();
        if asked && self.guide.is_none() && !model.is_conditional() {
            return Err(Error::usage(format!(
                "{}: was trained without classes and texts, so there is nothing to guide towards",
                model.name
            ))
            .hint(match self.rule {
                None => "leave --cfg-scale out",
                Some(_) => "name a worse model to guide away from with --guide MODEL",
            }));
        }
        if let Some(name) = self.named().filter(|_| scale == 1.0) {
            return Err(Error::usage(format!("guidance \"{name}\" does nothing at strength 1"))
                .hint("give a strength, as --cfg-scale 2"));
        }
        self.guide.as_ref().map_or(Ok(()), |guide| check_guide(model, guide))?;
        Ok(rule)
    }
}

/// Both must answer the same question: images of one shape, with the same classes, under the same process.
fn check_guide(model: &Model, guide: &Model) -> Result<()> {
    let of = |model: &Model| {
        let ([channels, height, width], info) = (model.shape(), &model.info);
        let classes = if info.classes.is_empty() { "no".to_owned() } else { info.classes.join(", ") };
        let process = &info.diffusion.process;
        format!("images of {width}x{height}x{channels}, {classes} classes, process {process}")
    };
    let (wanted, found) = (of(model), of(guide));
    if wanted == found {
        return Ok(());
    }
    Err(Error::usage(format!("{}: cannot guide {}: it has {found}, not {wanted}", guide.name, model.name))
        .hint("a guide is a smaller or less trained model of the same images"))
}
