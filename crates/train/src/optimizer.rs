//! AdamW (Loshchilov and Hutter 2019) and the moving average of the weights, kept as one flat tensor per parameter so
//! that they can be saved, restored and updated in one pass.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use langevin_core::parameters::{flat as flat_parameters, replace, values};
use langevin_core::{Error, NamedTensors, Result};
use langevin_kernels::{AdamW as AdamWSettings, adamw_ema_step};

/// What one parameter carries beside its value.
#[derive(Debug, Clone)]
struct Slot {
    first: Tensor<1>,
    second: Tensor<1>,
    average: Tensor<1>,
    shape: Vec<usize>,
}

/// The optimiser's state: two moments and the moving average for each parameter, by its path in the network.
#[derive(Debug)]
pub struct AdamW {
    slots: BTreeMap<String, Slot>,
}

/// The gradient of each parameter, flat, by path.
pub type GradientMap = BTreeMap<String, Tensor<1>>;

impl AdamW {
    /// A fresh state for `module`: zero moments, the average equal to the weights.
    pub fn new<M: Module>(module: &M) -> Self {
        let slots = flat_parameters(module)
            .into_iter()
            .map(|(path, (shape, value))| {
                let zero = value.zeros_like();
                (path, Slot { first: zero.clone(), second: zero, average: value, shape })
            })
            .collect();
        Self { slots }
    }

    /// Updates every parameter of `module` that has a gradient, and every average.
    pub fn step<M: Module>(&mut self, module: M, gradients: GradientMap, step: &AdamWSettings) -> M {
        let mut gradients = gradients;
        replace(module, |path, old| {
            let (Some(slot), Some(gradient)) = (self.slots.get_mut(path), gradients.remove(path)) else {
                return old;
            };
            // Taken out of the slot, so that they are nobody else's and change in place.
            let mut take =
                |tensor: fn(&mut Slot) -> &mut Tensor<1>| std::mem::replace(tensor(slot), gradient.clone());
            let first = take(|slot| &mut slot.first);
            let second = take(|slot| &mut slot.second);
            let average = take(|slot| &mut slot.average);
            let value;
            (value, slot.first, slot.second, slot.average) =
                adamw_ema_step(old, gradient, first, second, average, step);
            value
        })
    }

    /// The moving average of the weights.
    pub fn average(&self) -> NamedTensors {
        self.export(|slot| &slot.average)
    }

    /// Writes the moving average into `module`'s parameters.
    pub fn with_average<M: Module>(&self, module: M) -> M {
        replace(module, |path, value| self.slots.get(path).map_or(value, |slot| slot.average.clone()))
    }

    /// The first and second moments under `first.PATH` and `second.PATH`.
    pub fn moments(&self) -> NamedTensors {
        let mut all = NamedTensors::new();
        for (prefix, pick) in [("first", first as fn(&Slot) -> &Tensor<1>), ("second", second)] {
            all.extend(
                self.export(pick).into_iter().map(|(path, value)| (format!("{prefix}.{path}"), value)),
            );
        }
        all
    }

    /// Puts back what [`AdamW::moments`] and [`AdamW::average`] gave.
    ///
    /// # Errors
    /// Bad input when a tensor is missing or has another shape.
    pub fn restore(&mut self, moments: &NamedTensors, average: &NamedTensors) -> Result<()> {
        for (path, slot) in &mut self.slots {
            let device = slot.first.device();
            slot.first = flat(moments, &format!("first.{path}"), &slot.shape, &device)?;
            slot.second = flat(moments, &format!("second.{path}"), &slot.shape, &device)?;
            slot.average = flat(average, path, &slot.shape, &device)?;
        }
        Ok(())
    }

    /// Parameters in all.
    pub fn parameter_count(&self) -> usize {
        self.slots.values().map(|slot| slot.shape.iter().product::<usize>()).sum()
    }

    fn export(&self, pick: fn(&Slot) -> &Tensor<1>) -> NamedTensors {
        self.slots
            .iter()
            .map(|(path, slot)| (path.clone(), (slot.shape.clone(), values(pick(slot)).into())))
            .collect()
    }
}

fn first(slot: &Slot) -> &Tensor<1> {
    &slot.first
}

fn second(slot: &Slot) -> &Tensor<1> {
    &slot.second
}

/// `module` with its parameters replaced by `named`.
///
/// # Errors
/// Bad input when a tensor is missing or has another shape.
pub fn with_parameters<M: Module>(module: M, named: &NamedTensors) -> Result<M> {
    let mut found = BTreeMap::new();
    for (path, (shape, value)) in flat_parameters(&module) {
        let tensor = flat(named, &path, &shape, &value.device())?;
        found.insert(path, tensor);
    }
    Ok(replace(module, |path, value| found.remove(path).unwrap_or(value)))
}

/// `module` with the same weights as new leaves, so that what is computed with it is a graph of its own.
pub fn leaves<M: Module>(module: &M) -> M {
    replace(module.clone(), |_, value| value)
}

fn flat(named: &NamedTensors, path: &str, shape: &[usize], device: &Device) -> Result<Tensor<1>> {
    let Some((found, values)) = named.get(path) else {
        return Err(Error::bad_input(format!("tensor {path} is missing")));
    };
    if found != shape {
        return Err(Error::bad_input(format!("tensor {path} has shape {found:?}, expected {shape:?}")));
    }
    Ok(Tensor::from_data(values.clone().into_data(), device))
}
