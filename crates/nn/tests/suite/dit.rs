//! The diffusion transformer's promises: bytes, beginnings, sizes, and what cannot be built.

use burn::tensor::{Device, Tensor, TensorData};
use langevin_core::{Cond, Context, Network};
use langevin_nn::{Dit, DitConfig, export, load, parameter_count};

fn config() -> DitConfig {
    DitConfig {
        size: 8,
        dim: 16,
        heads: 2,
        layers: 2,
        classes: 3,
        context_dim: Some(6),
        ..DitConfig::default()
    }
}

fn tensor<const D: usize>(shape: [usize; D], of: impl Fn(usize) -> f64) -> Tensor<D> {
    let values: Vec<f32> = (0..shape.iter().product()).map(|at| of(at) as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

fn stirred(config: &DitConfig) -> Dit {
    let model = config.init(1, &Device::flex()).unwrap();
    let mut tensors = export(&model);
    for (i, (_, values)) in tensors.values_mut().enumerate() {
        for (j, value) in values.iter_mut().enumerate() {
            *value += 0.05 * ((i * 31 + j * 17) as f32).sin();
        }
    }
    load(model, &tensors).unwrap()
}

#[test]
fn an_image_is_the_same_bytes_in_every_batch_and_on_every_number_of_threads() {
    let model = stirred(&config());
    let x = tensor([7, 3, 6, 10], |at| (0.37 * at as f64).sin());
    let time = tensor([7], |at| 100.0 * at as f64);
    let labels = (0..7).map(|at| [None, Some(0), Some(2)][at % 3]);
    let context = Context::of_tokens(tensor([7, 4, 6], |at| (0.7 * at as f64).cos()));
    let cond = Cond { context: Some(context), ..Cond::classes(labels) };
    let forward = |start: usize, count: usize| {
        let (x, time) = (x.clone().narrow(0, start, count), time.clone().narrow(0, start, count));
        let out = model.forward(x, time, &cond.range(start, count));
        assert_eq!(out.dims(), [count, 3, 6, 10]);
        out.try_into_vec_as::<f32>().unwrap().into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    let expected = forward(0, 7);
    let size = expected.len() / 7;
    for threads in [1, 2, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for (start, count) in [(0, 7), (0, 1), (2, 1), (1, 3), (3, 4)] {
            let found = pool.install(|| forward(start, count));
            assert!(
                found == expected[start * size..(start + count) * size],
                "{threads} threads, {start}, {count}"
            );
        }
    }
}

#[test]
fn one_embedding_for_all_blocks_is_the_same_one_in_each() {
    let shared = stirred(&config());
    let mut tensors = export(&shared);
    let first: Vec<_> = tensors.iter().filter(|(name, _)| name.contains("blocks.0.norm1.emb")).collect();
    let copies: Vec<_> = first
        .into_iter()
        .map(|(name, tensor)| (name.replace("blocks.0", "blocks.1"), tensor.clone()))
        .collect();
    assert_eq!(copies.len(), 5);
    tensors.extend(copies);
    let own = DitConfig { own_embeddings: true, ..config() }.init(0, &Device::flex()).unwrap();
    let own = load(own, &tensors).unwrap();
    let context = Context::of_tokens(tensor([1, 4, 6], |at| at as f64 / 24.0));
    let answer = |model: &Dit| {
        let x = tensor([1, 3, 8, 8], |at| (0.37 * at as f64).sin());
        model.forward(x, tensor([1], |_| 300.0), &Cond::texts(context.clone(), None))
    };
    let found = answer(&own).try_into_vec_as::<f32>().unwrap();
    assert_eq!(found, answer(&shared).try_into_vec_as::<f32>().unwrap());
}

#[test]
fn it_starts_by_answering_zero_and_has_as_many_parameters_as_was_published() {
    let model = DitConfig { context_dim: None, ..config() }.init(3, &Device::flex()).unwrap();
    let out = model.forward(tensor([1, 3, 8, 8], |at| at as f64), tensor([1], |_| 5.0), &Cond::none());
    assert!(out.try_into_vec_as::<f32>().unwrap().iter().all(|value| *value == 0.0));
    // DiT-S/2 of 1000 classes on latents, with a variance: 33 million (Peebles and Xie 2023, table 4); there the layers of the norms
    // of all blocks have one embedding.
    let small = DitConfig { in_channels: 4, out_channels: 8, classes: 1000, ..DitConfig::default() };
    let count = parameter_count(&small.init(0, &Device::flex()).unwrap());
    // 12 blocks of 18 dim^2 + 15 dim numbers, and what is before and after them.
    let (d, blocks) = (384, 12);
    let before = 17 * d + (257 * d + 385 * d) + 1001 * d;
    let after = 2 * d * (d + 1) + 32 * (d + 1);
    assert_eq!(count, blocks * (18 * d * d + 15 * d) + before + after);
    assert!((count as f64 / 33e6 - 1.0).abs() < 0.02, "{count}");
}

#[test]
fn configs_that_cannot_be_built_say_which_field() {
    for (config, said) in [
        (DitConfig { layers: 0, ..config() }, "layers = 0"),
        (DitConfig { heads: 3, ..config() }, "heads = 3"),
        (DitConfig { dim: 18, ..config() }, "dim = 18"),
        (DitConfig { patch: 3, ..config() }, "patch = 3"),
        (DitConfig { norm_eps: -1.0, ..config() }, "norm_eps"),
        (DitConfig { time_scale: f64::NAN, ..config() }, "time_scale"),
    ] {
        let message = config.init(0, &Device::flex()).unwrap_err().to_string();
        assert!(message.contains(said), "{message}");
    }
    assert!(config().check_size(6, 10).is_ok());
    assert!(config().check_size(6, 9).unwrap_err().to_string().contains("multiples of 2"));
}
