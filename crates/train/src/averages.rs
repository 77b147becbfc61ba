//! Further moving averages of the weights beside the one that becomes the model: the target of a consistency loss, and those
//! that averages of other lengths are made of afterwards.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::Tensor;
use langevin_core::parameters::{flat, replace, values};
use langevin_core::process::ema;
use langevin_core::{Error, NamedTensors, Result};

/// How an average forgets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Forgetting {
    /// It keeps this share at each update.
    Constant(f64),
    /// Its profile is a power of the time, of this relative width (Karras et al. 2024, section 3.1).
    PowerFunction {
        /// `sigma_rel`, in `(0, 0.28]`.
        width: f64,
    },
}

#[derive(Debug)]
struct Average {
    name: String,
    forgetting: Forgetting,
    values: BTreeMap<String, (Vec<usize>, Tensor<1>)>,
}

/// Averages by name.
#[derive(Debug, Default)]
pub struct Averages(Vec<Average>);

impl Averages {
    /// Averages called `wanted`, which begin at the weights of `module`.
    pub fn new<M: Module>(module: &M, wanted: &[(String, Forgetting)]) -> Self {
        let begin = |(name, forgetting): &(String, Forgetting)| Average {
            name: name.clone(),
            forgetting: *forgetting,
            values: flat(module),
        };
        Self(wanted.iter().map(begin).collect())
    }

    /// Takes in the weights of `module` after an update of `batch` images that ends at `seen`.
    pub fn step<M: Module>(&mut self, module: &M, seen: u64, batch: usize) {
        if self.0.is_empty() {
            return;
        }
        let now = flat(module);
        for average in &mut self.0 {
            let keep = match average.forgetting {
                Forgetting::Constant(keep) => keep,
                Forgetting::PowerFunction { width } => {
                    let gamma = ema::power_function_exponent(width);
                    ema::power_function_decay(seen as f64, batch as f64, gamma)
                }
            };
            for (path, (_, old)) in &mut average.values {
                if let Some((_, new)) = now.get(path) {
                    *old = old.clone().mul_scalar(keep) + new.clone().mul_scalar(1.0 - keep);
                }
            }
        }
    }

    /// `module` with the weights of the average called `name`, if there is one.
    pub fn with<M: Module>(&self, name: &str, module: M) -> Option<M> {
        let average = self.0.iter().find(|average| average.name == name)?;
        Some(replace(module, |path, value| {
            average.values.get(path).map_or(value, |(_, average)| average.clone())
        }))
    }

    /// Every average on the host, under `NAME.PATH`.
    pub fn export(&self) -> NamedTensors {
        let all = self.0.iter().flat_map(|average| {
            average.values.iter().map(|(path, (shape, value))| {
                (format!("{}.{path}", average.name), (shape.clone(), values(value).into()))
            })
        });
        all.collect()
    }

    /// Puts back what [`Averages::export`] gave.
    ///
    /// # Errors
    /// Bad input, when a tensor is missing or has another shape.
    pub fn restore(&mut self, named: &NamedTensors) -> Result<()> {
        for average in &mut self.0 {
            for (path, (shape, value)) in &mut average.values {
                let full = format!("{}.{path}", average.name);
                let found = named.get(&full).filter(|(found, _)| found == shape);
                let (_, numbers) = found.ok_or_else(|| {
                    Error::bad_input(format!("tensor {full} is missing or has another shape than {shape:?}"))
                })?;
                *value = Tensor::from_data(numbers.clone().into_data(), &value.device());
            }
        }
        Ok(())
    }
}
