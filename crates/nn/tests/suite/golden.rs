//! The networks against diffusers' `UNet2DModel`, `UNet2DConditionModel` and `DiTTransformer2DModel`: every weight loaded by its
//! name, output and gradients compared with the numbers that `references/golden/unet.py`, `text_networks.py` and `dit.py` wrote.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use burn::module::{ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use langevin_core::parameters::Path;
use langevin_core::{Cond, Context, Network};
use langevin_nn::{DitConfig, NetworkConfig, Tensors, export, load, parameters};
use safetensors::SafeTensors;

struct Golden {
    config: String,
    labels: Option<Vec<Option<u32>>>,
    tensors: Tensors,
}

/// A file among the recorded numbers.
pub fn recorded(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../references/golden").join(name)
}

/// The metadata and the tensors of a file.
pub fn tensors(name: &str) -> (HashMap<String, String>, Tensors) {
    let bytes = std::fs::read(recorded(&format!("{name}.safetensors"))).unwrap();
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
    (metadata, tensors)
}

fn read(name: &str) -> Golden {
    let (metadata, tensors) = tensors(name);
    Golden {
        config: metadata["config"].clone(),
        labels: serde_json::from_str(&metadata["labels"]).unwrap(),
        tensors,
    }
}

impl Golden {
    fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let (shape, values) = &self.tensors[name];
        Tensor::from_data(TensorData::new(values.to_vec(), shape.clone()), device)
    }

    fn starting_with(&self, prefix: &str) -> Tensors {
        starting_with(&self.tensors, prefix)
    }
}

/// The tensors whose names start with `prefix`, under the rest of the name.
pub fn starting_with(tensors: &Tensors, prefix: &str) -> Tensors {
    let named = tensors.iter();
    named.filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?.to_owned(), tensor.clone()))).collect()
}

/// Collects every parameter's gradient by name.
pub struct GradientsByName<'a> {
    path: Path,
    grads: &'a Gradients,
    pub found: BTreeMap<String, Vec<f32>>,
}

impl<'a> GradientsByName<'a> {
    pub fn new(grads: &'a Gradients) -> Self {
        Self { path: Path::default(), grads, found: BTreeMap::new() }
    }
}

impl ModuleVisitor for GradientsByName<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(grad) = param.val().grad(self.grads) {
            self.found.insert(self.path.name(), grad.into_data().try_to_vec::<f32>().unwrap());
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

fn check(name: &str) {
    let golden = read(&format!("unet_{name}"));
    let config: NetworkConfig = serde_json::from_str(&golden.config).unwrap();
    let device = Device::flex().autodiff();
    compare(name, &golden, config.init(0, &device).unwrap(), &device);
}

/// Loads the weights into `model` and compares its output and its gradients.
fn compare<N: Network>(name: &str, golden: &Golden, model: N, device: &Device) {
    let weights = golden.starting_with("weight.");
    let model = load(model, &weights).unwrap();
    assert_eq!(export(&model), weights, "{name}: what was loaded comes out again");
    let cond = Cond::labelled(golden.labels.clone());
    let context = golden.tensors.contains_key("context");
    let context = context.then(|| golden.tensor::<3>("context", device).require_grad());
    let cond = Cond { context: context.clone().map(Context::of_tokens), ..cond };
    let x = golden.tensor::<4>("input", device).require_grad();
    let out = model.forward(x.clone(), golden.tensor("time", device), &cond);
    let values = out.clone().into_data().try_to_vec::<f32>().unwrap();
    let expected = &golden.tensors["output"].1;
    let off = difference(&values, expected);
    assert!(off < 1e-5 * size(expected).max(1.0), "{name}: the output is off by {off:.1e}");

    let grads = (out * golden.tensor("probe", device)).sum().backward();
    let by_input = x.grad(&grads).unwrap().into_data().try_to_vec::<f32>().unwrap();
    let expected = &golden.tensors["grad_input"].1;
    assert!(difference(&by_input, expected) < 1e-4 * size(expected), "{name}: gradient by the input");
    if let Some(context) = context {
        let by_context = context.grad(&grads).unwrap().into_data().try_to_vec::<f32>().unwrap();
        if let Some((_, expected)) = golden.tensors.get("grad_context") {
            assert!(
                difference(&by_context, expected) < 1e-4 * size(expected),
                "{name}: gradient by the text"
            );
        }
    }
    let mut collector = GradientsByName::new(&grads);
    model.visit(&mut collector);
    let expected = golden.starting_with("grad.");
    assert!(expected.len() > 20);
    for (weight, (_, expected)) in &expected {
        let off = difference(&collector.found[weight], expected);
        assert!(off < 1e-4 * size(expected).max(0.1), "{name}: gradient by {weight} is off by {off:.1e}");
    }
}

#[test]
fn ddpm_network_is_pytorchs() {
    check("ddpm");
}

#[test]
fn adm_network_is_pytorchs() {
    check("adm");
}

#[test]
fn uneven_network_is_pytorchs() {
    check("uneven");
}

#[test]
fn fourier_network_is_pytorchs() {
    check("fourier");
}

#[test]
fn network_that_is_told_of_texts_is_diffusers() {
    check("text");
}

#[test]
fn diffusion_transformers_are_those_of_diffusers() {
    for name in ["dit_classes", "dit_text"] {
        let golden = read(name);
        let config: DitConfig = serde_json::from_str(&golden.config).unwrap();
        let device = Device::flex().autodiff();
        compare(name, &golden, config.init(0, &device).unwrap(), &device);
    }
}

#[test]
fn tensors_that_do_not_fit_are_all_named() {
    let golden = read("unet_ddpm");
    let config: NetworkConfig = serde_json::from_str(&golden.config).unwrap();
    let device = Device::flex();
    let mut weights = golden.starting_with("weight.");
    let model = config.init(0, &device).unwrap();
    assert_eq!(parameters(&model).len(), weights.len());
    weights.remove("conv_in.bias");
    weights.insert("conv_inn.bias".into(), (vec![1], vec![0.0].into()));
    weights.get_mut("mid_block.attentions.0.to_q.weight").unwrap().0 = vec![64];
    let message = load(model, &weights).unwrap_err().to_string();
    for part in [
        "1 missing: \"conv_in.bias\"",
        "1 not of this network: \"conv_inn.bias\"",
        "\"mid_block.attentions.0.to_q.weight\" [64] instead of [8, 8]",
    ] {
        assert!(message.contains(part), "{message}");
    }
}
