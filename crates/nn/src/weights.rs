//! A network's tensors by name: listing, taking out, putting in.
//!
//! A name is the module path joined by dots, which for a [`crate::UNet`] is the name diffusers gives the tensor.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use langevin_core::parameters::{replace, shapes};
use langevin_core::{Error, Result};

/// Tensors by name, as model files hold them.
pub use langevin_core::NamedTensors as Tensors;
pub use langevin_core::parameters::{export, shapes as parameters};

/// How many numbers the parameters hold.
pub fn parameter_count<M: Module>(module: &M) -> usize {
    shapes(module).iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
}

/// The module with every parameter replaced by the tensor of its name.
///
/// # Errors
/// `BadInput`, naming every tensor that is missing, is not the module's, or has another shape (the first eight of each
/// sort); nothing is loaded then.
pub fn load<M: Module>(module: M, tensors: &Tensors) -> Result<M> {
    check(&module, tensors)?;
    Ok(replace(module, |name, old| {
        let values = tensors[name].1.as_slice();
        Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), &old.device())
    }))
}

/// As [`load`], with the tensors themselves rather than copies of them: what a large network needs no memory twice for.
///
/// # Errors
/// As [`load`].
pub fn load_whole<M: Module>(module: M, mut tensors: Tensors) -> Result<M> {
    check(&module, &tensors)?;
    Ok(replace(module, |name, old| {
        let (_, values) = tensors.remove(name).unwrap_or_default();
        Tensor::from_data(values.into_data(), &old.device())
    }))
}

/// Whether the tensors are those of the module.
fn check<M: Module>(module: &M, tensors: &Tensors) -> Result<()> {
    let expected: BTreeMap<String, Vec<usize>> = shapes(module).into_iter().collect();
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
    Ok(())
}
