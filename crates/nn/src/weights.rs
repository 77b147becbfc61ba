//! A network's tensors by name: listing, taking out, putting in.
//!
//! A name is the module path joined by dots, which for a [`crate::UNet`] is the name diffusers gives the tensor.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use langevin_core::{Error, Result};

/// Tensors by name, as model files hold them.
pub use langevin_core::NamedTensors as Tensors;

/// Every parameter's name and shape, in the module's order.
pub fn parameters<M: Module>(module: &M) -> Vec<(String, Vec<usize>)> {
    let mut names = Names::default();
    module.visit(&mut names);
    names.found
}

/// How many numbers the parameters hold.
pub fn parameter_count<M: Module>(module: &M) -> usize {
    parameters(module).iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
}

/// Every parameter as f32.
pub fn export<M: Module>(module: &M) -> Tensors {
    let mut taker = Taker::default();
    module.visit(&mut taker);
    taker.taken
}

/// The module with every parameter replaced by the tensor of its name.
///
/// # Errors
/// `BadInput`, naming every tensor that is missing, is not the module's, or has another shape (the first eight of each
/// sort); nothing is loaded then.
pub fn load<M: Module>(module: M, tensors: &Tensors) -> Result<M> {
    let expected: BTreeMap<String, Vec<usize>> = parameters(&module).into_iter().collect();
    let missing: Vec<String> = expected
        .keys()
        .filter(|name| !tensors.contains_key(*name))
        .map(|name| format!("\"{name}\""))
        .collect();
    let extra: Vec<String> = tensors
        .keys()
        .filter(|name| !expected.contains_key(*name))
        .map(|name| format!("\"{name}\""))
        .collect();
    let other_shape: Vec<String> = expected
        .iter()
        .filter_map(|(name, shape)| {
            let (found, values) = tensors.get(name)?;
            let whole = found == shape && values.len() == shape.iter().product::<usize>();
            (!whole).then(|| format!("\"{name}\" {found:?} instead of {shape:?}"))
        })
        .collect();
    let faults: Vec<String> =
        [("missing", missing), ("not of this network", extra), ("of another shape", other_shape)]
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(fault, names)| {
                let shown = names.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
                let rest =
                    if names.len() > 8 { format!(" and {} more", names.len() - 8) } else { String::new() };
                format!("{} {fault}: {shown}{rest}", names.len())
            })
            .collect();
    if !faults.is_empty() {
        return Err(Error::bad_input(format!("the tensors do not fit the network: {}", faults.join("; ")))
            .hint("the config must be the one the weights were trained with"));
    }
    Ok(module.map(&mut Putter { path: Vec::new(), tensors }))
}

/// Follows the module path.
macro_rules! follow_path {
    () => {
        fn enter_module(&mut self, name: &str, _container: &str) {
            self.path.push(name.to_owned());
        }

        fn exit_module(&mut self, _name: &str, _container: &str) {
            self.path.pop();
        }
    };
}

#[derive(Default)]
struct Names {
    path: Vec<String>,
    found: Vec<(String, Vec<usize>)>,
}

impl ModuleVisitor for Names {
    follow_path!();

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found.push((self.path.join("."), param.lazy_shape().to_vec()));
    }
}

#[derive(Default)]
struct Taker {
    path: Vec<String>,
    taken: Tensors,
}

impl ModuleVisitor for Taker {
    follow_path!();

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let shape = tensor.dims().to_vec();
        let values = tensor.into_data().convert::<f32>().try_to_vec::<f32>().expect("converted to f32");
        self.taken.insert(self.path.join("."), (shape, values));
    }
}

struct Putter<'a> {
    path: Vec<String>,
    tensors: &'a Tensors,
}

impl ModuleMapper for Putter<'_> {
    follow_path!();

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (shape, values) = &self.tensors[&self.path.join(".")];
        let data = TensorData::new(values.clone(), shape.clone());
        param.map(|old| {
            let wants_grad = old.is_require_grad();
            Tensor::from_data(data, &old.device()).set_require_grad(wants_grad)
        })
    }
}
