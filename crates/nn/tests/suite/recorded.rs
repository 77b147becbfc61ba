//! Numbers that another program wrote, from `references/golden/`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::module::{ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use langevin_nn::Tensors;
use safetensors::SafeTensors;

/// One file of them.
pub struct Recorded {
    pub metadata: std::collections::HashMap<String, String>,
    pub tensors: Tensors,
}

/// The file `name`.safetensors.
pub fn read(name: &str) -> Recorded {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../references/golden");
    let bytes = std::fs::read(root.join(format!("{name}.safetensors"))).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = header.metadata().clone().unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = file
        .iter()
        .map(|(name, view)| {
            let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            (name.to_owned(), (view.shape().to_vec(), values.collect()))
        })
        .collect();
    Recorded { metadata, tensors }
}

impl Recorded {
    pub fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let (shape, values) = &self.tensors[name];
        Tensor::from_data(TensorData::new(values.clone(), shape.clone()), device)
    }

    pub fn starting_with(&self, prefix: &str) -> Tensors {
        let named = self.tensors.iter();
        named
            .filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?.to_owned(), tensor.clone())))
            .collect()
    }

    /// How far `found` is from the tensor `name`, of the largest number in that (at least 1).
    pub fn off<const D: usize>(&self, name: &str, found: Tensor<D>) -> f64 {
        let expected = &self.tensors[name].1;
        difference(&found.into_data().try_to_vec::<f32>().unwrap(), expected) / size(expected).max(1.0)
    }
}

/// Collects every parameter's gradient by name.
pub struct GradientsByName<'a> {
    pub path: Vec<String>,
    pub grads: &'a Gradients,
    pub found: BTreeMap<String, Vec<f32>>,
}

impl<'a> GradientsByName<'a> {
    pub fn new(grads: &'a Gradients) -> Self {
        Self { path: vec![], grads, found: BTreeMap::new() }
    }
}

impl ModuleVisitor for GradientsByName<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(grad) = param.val().grad(self.grads) {
            self.found.insert(self.path.join("."), grad.into_data().try_to_vec::<f32>().unwrap());
        }
    }
}

pub fn difference(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected);
    pairs.fold(0.0, |worst, (a, b)| f64::max(worst, f64::from((a - b).abs())))
}

pub fn size(values: &[f32]) -> f64 {
    values.iter().fold(0.0, |largest, value| f64::max(largest, f64::from(value.abs())))
}
