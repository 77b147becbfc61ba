//! AdamW (Loshchilov and Hutter 2019) and the moving average of the weights, kept as one flat tensor per parameter so
//! that they can be saved, restored and updated in one pass.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use langevin_core::{Error, NamedTensors, Result};
use langevin_kernels::{AdamW as AdamWSettings, adamw_ema_step};
use rayon::prelude::*;

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
        module.map(&mut Updater { path: Vec::new(), gradients, slots: &mut self.slots, step })
    }

    /// The moving average of the weights.
    pub fn average(&self) -> NamedTensors {
        self.export(|slot| &slot.average)
    }

    /// Writes the moving average into `module`'s parameters.
    pub fn with_average<M: Module>(&self, module: M) -> M {
        module.map(&mut Assigner { path: Vec::new(), slots: &self.slots })
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

    fn export(&self, pick: fn(&Slot) -> &Tensor<1>) -> NamedTensors {
        self.slots
            .iter()
            .map(|(path, slot)| (path.clone(), (slot.shape.clone(), values(pick(slot)))))
            .collect()
    }
}

fn first(slot: &Slot) -> &Tensor<1> {
    &slot.first
}

fn second(slot: &Slot) -> &Tensor<1> {
    &slot.second
}

/// The parameters of `module` on the host.
pub fn parameters<M: Module>(module: &M) -> NamedTensors {
    flat_parameters(module)
        .into_iter()
        .map(|(path, (shape, value))| (path, (shape, values(&value))))
        .collect()
}

/// `module` with its parameters replaced by `named`.
///
/// # Errors
/// Bad input when a tensor is missing or has another shape.
pub fn with_parameters<M: Module>(module: M, named: &NamedTensors) -> Result<M> {
    let mut slots = BTreeMap::new();
    for (path, (shape, value)) in flat_parameters(&module) {
        let average = flat(named, &path, &shape, &value.device())?;
        slots.insert(path, Slot { first: average.clone(), second: average.clone(), average, shape });
    }
    Ok(module.map(&mut Assigner { path: Vec::new(), slots: &slots }))
}

/// `module` with the same weights as new leaves, so that what is computed with it is a graph of its own.
pub fn leaves<M: Module>(module: &M) -> M {
    module.clone().map(&mut Renewer)
}

/// The gradients of `module`'s parameters, taken out of `gradients`.
pub fn gradients<M: Module>(module: &M, gradients: &mut Gradients) -> GradientMap {
    let mut collector = GradientCollector { path: Vec::new(), gradients, found: GradientMap::new() };
    module.visit(&mut collector);
    collector.found
}

/// The sum of the gradients of several passes, in their order, and its Euclidean norm; parameters side by side.
pub fn sum(passes: Vec<GradientMap>) -> (GradientMap, f64) {
    let mut by_path: BTreeMap<String, Vec<Tensor<1>>> = BTreeMap::new();
    for (path, gradient) in passes.into_iter().flatten() {
        by_path.entry(path).or_default().push(gradient);
    }
    let total = |(path, parts): (String, Vec<Tensor<1>>)| {
        let sum = parts.into_iter().reduce(|sum, more| sum + more)?;
        let norm = squared_norm(&sum);
        Some(((path, sum), norm))
    };
    let by_path: Vec<_> = by_path.into_iter().collect();
    let (total, norms): (Vec<_>, Vec<f64>) = by_path.into_par_iter().filter_map(total).unzip();
    (total.into_iter().collect(), norms.into_iter().sum::<f64>().sqrt())
}

/// Rows are summed on the device and the rows' sums on the host in f64, so that the order of addition is fixed.
fn squared_norm(gradient: &Tensor<1>) -> f64 {
    const ROW: usize = 1024;
    let [length] = gradient.dims();
    let whole = length / ROW * ROW;
    let squares = gradient.clone().square();
    let mut sum = 0.0;
    if whole > 0 {
        let rows =
            squares.clone().narrow(0, 0, whole).reshape([whole / ROW, ROW]).sum_dim(1).reshape([whole / ROW]);
        sum += values(&rows).iter().map(|v| f64::from(*v)).sum::<f64>();
    }
    if whole < length {
        sum += values(&squares.narrow(0, whole, length - whole)).iter().map(|v| f64::from(*v)).sum::<f64>();
    }
    sum
}

fn values(tensor: &Tensor<1>) -> Vec<f32> {
    tensor.try_to_vec_as::<f32>().expect("a float tensor holds floats")
}

fn flat(named: &NamedTensors, path: &str, shape: &[usize], device: &Device) -> Result<Tensor<1>> {
    let Some((found, values)) = named.get(path) else {
        return Err(Error::bad_input(format!("tensor {path} is missing")));
    };
    if found != shape {
        return Err(Error::bad_input(format!("tensor {path} has shape {found:?}, expected {shape:?}")));
    }
    Ok(Tensor::from_data(TensorData::new(values.clone(), [values.len()]), device))
}

fn flat_parameters<M: Module>(module: &M) -> BTreeMap<String, (Vec<usize>, Tensor<1>)> {
    let mut collector = ValueCollector { path: Vec::new(), found: BTreeMap::new() };
    module.visit(&mut collector);
    collector.found
}

fn flatten<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    let length = tensor.shape().num_elements();
    tensor.reshape([length])
}

struct ValueCollector {
    path: Vec<String>,
    found: BTreeMap<String, (Vec<usize>, Tensor<1>)>,
}

impl ModuleVisitor for ValueCollector {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val().without_autodiff();
        let shape = value.dims().to_vec();
        self.found.insert(self.path.join("."), (shape, flatten(value)));
    }

    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }
}

struct GradientCollector<'a> {
    path: Vec<String>,
    gradients: &'a mut Gradients,
    found: GradientMap,
}

impl ModuleVisitor for GradientCollector<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad_remove(self.gradients) {
            self.found.insert(self.path.join("."), flatten(gradient));
        }
    }

    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }
}

struct Updater<'a> {
    path: Vec<String>,
    gradients: GradientMap,
    slots: &'a mut BTreeMap<String, Slot>,
    step: &'a AdamWSettings,
}

impl ModuleMapper for Updater<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let path = self.path.join(".");
        let (Some(slot), Some(gradient)) = (self.slots.get_mut(&path), self.gradients.remove(&path)) else {
            return param;
        };
        param.map(|value| {
            let shape = value.dims();
            let tracked = value.is_autodiff();
            // Taken out of the slot, so that they are nobody else's and change in place.
            let mut take =
                |tensor: fn(&mut Slot) -> &mut Tensor<1>| std::mem::replace(tensor(slot), gradient.clone());
            let first = take(|slot| &mut slot.first);
            let second = take(|slot| &mut slot.second);
            let average = take(|slot| &mut slot.average);
            let value = flatten(value.without_autodiff());
            let (value, first, second, average) =
                adamw_ema_step(value, gradient, first, second, average, self.step);
            (slot.first, slot.second, slot.average) = (first, second, average);
            leaf(value.reshape(shape), tracked)
        })
    }

    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }
}

struct Assigner<'a> {
    path: Vec<String>,
    slots: &'a BTreeMap<String, Slot>,
}

impl ModuleMapper for Assigner<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(slot) = self.slots.get(&self.path.join(".")) else {
            return param;
        };
        param.map(|value| {
            let tracked = value.is_autodiff();
            leaf(slot.average.clone().reshape(value.dims()), tracked)
        })
    }

    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }
}

struct Renewer;

impl ModuleMapper for Renewer {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|value| {
            let tracked = value.is_autodiff();
            leaf(value.without_autodiff(), tracked)
        })
    }
}

fn leaf<const D: usize>(value: Tensor<D>, tracked: bool) -> Tensor<D> {
    if tracked { Tensor::from_inner(value).require_grad() } else { value }
}
