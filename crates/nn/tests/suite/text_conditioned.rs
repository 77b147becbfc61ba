//! A U-Net that is text-conditioned: its promises, its price, and what a model made of it says where the text is wrong.

use burn::tensor::{Device, Tensor, TensorData};
use langevin_core::guidance::{ClassifierFree, Guided};
use langevin_core::process::{Diffusion, DiffusionSpec};
use langevin_core::{
    Added, Autodiff, Cond, Context, Denoiser, Differentiable, Levels, Network, Preconditioned, Windowed,
    Windows,
};
use langevin_nn::unet::Resample;
use langevin_nn::{AddedConfig, NetworkConfig, TextConfig, UNet, export, load};

fn config() -> NetworkConfig {
    let added = Some(AddedConfig { inputs: 5 + 3 * 4, features: 4 });
    NetworkConfig {
        channels: vec![8, 16],
        layers_per_block: 1,
        attention_levels: vec![0, 1],
        norm_groups: 4,
        text: Some(TextConfig { added, depths: Some(vec![1, 2]), ..TextConfig::new(6, [2, 4]) }),
        ..NetworkConfig::default()
    }
}

fn tensor<const D: usize>(shape: [usize; D], device: &Device, of: impl Fn(usize) -> f64) -> Tensor<D> {
    let values: Vec<f32> = (0..shape.iter().product()).map(|at| of(at) as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn context(n: usize, shift: f64, device: &Device) -> Context {
    Context {
        tokens: tensor([n, 5, 6], device, |at| (0.7 * at as f64 + shift).sin()),
        added: Some(Added {
            pooled: tensor([n, 5], device, |at| (1.3 * at as f64 + shift).cos()),
            numbers: tensor([n, 3], device, |at| 10.0 * at as f64 + shift),
        }),
    }
}

/// Weights away from zero, so that nothing hides behind a zero-initialised layer.
fn stirred(config: &NetworkConfig, device: &Device) -> UNet {
    let model = config.init(1, device).unwrap();
    let mut tensors = export(&model);
    for (i, (_, values)) in tensors.values_mut().enumerate() {
        for (j, value) in values.iter_mut().enumerate() {
            *value += 0.05 * ((i * 31 + j * 17) as f32).sin();
        }
    }
    load(model, &tensors).unwrap()
}

fn image(n: usize, device: &Device) -> Tensor<4> {
    tensor([n, 3, 8, 12], device, |at| (0.37 * at as f64).sin())
}

fn bits(x: Tensor<4>) -> Vec<u32> {
    x.try_into_vec_as::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
}

fn model(config: &NetworkConfig, device: &Device) -> Preconditioned<UNet> {
    let spec = DiffusionSpec { schedule: "cosine".into(), ..DiffusionSpec::default() };
    Preconditioned::new(stirred(config, device), Diffusion::new(&spec).unwrap())
}

fn levels(model: &Preconditioned<UNet>, n: usize) -> Levels {
    Levels((0..n).map(|k| model.diffusion.level(0.2 + 0.1 * k as f64)).collect())
}

#[test]
fn an_image_and_its_text_are_the_same_bytes_in_every_batch_and_on_every_number_of_threads() {
    let device = Device::flex();
    let model = stirred(&config(), &device);
    let (x, cond) = (image(9, &device), Cond::texts(context(9, 0.0, &device), None));
    let time = tensor([9], &device, |at| at as f64);
    let forward = |start: usize, count: usize| {
        let (x, time) = (x.clone().narrow(0, start, count), time.clone().narrow(0, start, count));
        bits(model.forward(x, time, &cond.range(start, count)))
    };
    let expected = forward(0, 9);
    let size = expected.len() / 9;
    for threads in [1, 2, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for (start, count) in [(0, 9), (0, 1), (3, 1), (1, 4), (4, 5)] {
            let found = pool.install(|| forward(start, count));
            assert!(
                found == expected[start * size..(start + count) * size],
                "{threads} threads, {start}, {count}"
            );
        }
    }
    // And the texts matter.
    let other = Cond::texts(context(9, 1.0, &device), None);
    assert_ne!(bits(model.forward(x.clone(), time.clone(), &other)), expected);
}

#[test]
fn computing_again_gives_the_same_gradients() {
    let gradients = |device: Device| {
        let model = stirred(&config(), &device);
        let cond = Cond::texts(context(2, 0.0, &device), None);
        let out = model.forward(image(2, &device), tensor([2], &device, |at| at as f64), &cond);
        let mut grads = out.powi_scalar(2).mean().backward();
        let found = langevin_core::parameters::gradients(&model, &mut grads);
        found
            .into_iter()
            .map(|(name, grad)| (name, langevin_core::parameters::values(&grad)))
            .collect::<Vec<_>>()
    };
    let kept = gradients(Device::flex().autodiff());
    assert_eq!(kept.len(), export(&config().init(0, &Device::flex()).unwrap()).len(), "every weight has one");
    assert!(gradients(Device::flex().autodiff().gradient_checkpointing()) == kept);
}

#[test]
fn a_network_starts_by_answering_zero() {
    let device = Device::flex();
    let network = config().init(9, &device).unwrap();
    let cond = Cond::texts(context(1, 0.0, &device), None);
    let out = network.forward(image(1, &device), tensor([1], &device, |_| 0.5), &cond);
    assert!(out.try_into_vec_as::<f32>().unwrap().iter().all(|value| *value == 0.0));
}

#[test]
fn guidance_compares_with_what_takes_the_texts_place() {
    let device = Device::flex();
    let model = model(&config(), &device);
    let (x, at) = (image(2, &device), levels(&model, 2));
    let (prompt, free) = (context(2, 0.0, &device), context(2, 2.0, &device));
    let alone =
        |context: &Context| model.denoise(x.clone(), &at, &Cond::texts(context.clone(), None)).unwrap();
    let expected = alone(&free) + (alone(&prompt) - alone(&free)) * 3.0;
    let guided = Guided::new(&model, Box::new(ClassifierFree), 3.0, None).unwrap();
    let found = guided.denoise(x.clone(), &at, &Cond::texts(prompt.clone(), Some(free))).unwrap();
    let off = (found - expected).abs().max().into_scalar::<f32>();
    assert!(off < 1e-5, "{off}");
    // Without anything to compare with it says so, rather than not guiding.
    let message = guided.denoise(x, &at, &Cond::texts(prompt, None)).unwrap_err().to_string();
    assert!(message.contains("text-conditioned and needs a prompt"), "{message}");
}

#[test]
fn a_text_that_does_not_fit_is_refused_with_the_reason() {
    let device = Device::flex();
    let with_added = model(&config(), &device);
    let plain = NetworkConfig { text: Some(TextConfig::new(6, [2, 4])), ..config() };
    let without_added = model(&plain, &device);
    let untold = model(
        &NetworkConfig { text: None, attention_levels: vec![], mid_attention: false, ..config() },
        &device,
    );
    assert_eq!((with_added.network.context_dim(), untold.network.context_dim()), (Some(6), None));
    let (x, at) = (image(2, &device), levels(&untold, 2));
    let good = context(2, 0.0, &device);
    let tokens = |shape: [usize; 3]| Context { tokens: Tensor::zeros(shape, &device), ..good.clone() };
    let numbers = Tensor::zeros([2, 2], &device);
    let fewer = Added { numbers, ..good.added.clone().unwrap() };
    for (model, context, said) in [
        (&untold, Some(good.clone()), "trained without texts"),
        (&with_added, None, "needs a prompt"),
        (&with_added, Some(tokens([2, 5, 7])), "vectors of 6 numbers, not 7"),
        (&with_added, Some(tokens([1, 5, 6])), "there are 1 texts for 2 images"),
        (&with_added, Some(Context { added: None, ..good.clone() }), "needs a pooled vector"),
        (&with_added, Some(Context { added: Some(fewer), ..good.clone() }), "17 long together"),
        (&without_added, Some(good.clone()), "takes no pooled vector"),
    ] {
        let error = model.denoise(x.clone(), &at, &Cond { context, ..Cond::none() }).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let message = error.to_string();
        assert!(message.contains(said), "{message}");
    }
    assert!(with_added.denoise(x.clone(), &at, &Cond::texts(good, None)).is_ok());
    // A training without texts ends in the same way.
    let loss = with_added.loss(x.clone(), x, &at, &Cond::none(), &[1.0, 1.0]);
    assert!(loss.unwrap_err().to_string().contains("needs a prompt"));
}

#[test]
fn windows_and_derivatives_take_the_texts_along() {
    let device = Device::flex();
    let model = model(&config(), &device);
    let (x, at) = (image(2, &device), levels(&model, 2));
    let cond = Cond::texts(context(2, 0.0, &device), None);
    let expected = model.denoise(x.clone(), &at, &cond).unwrap();
    // One window is the image itself.
    let windows = Windows { side: 16, overlap: 4, multiple: 2, at_once: 1 };
    let windowed = Windowed::new(&model, windows).unwrap().denoise(x.clone(), &at, &cond).unwrap();
    assert_eq!(bits(windowed), bits(expected.clone()));
    // A model with autodiff takes texts without.
    let tracked = Autodiff::new(&model, &device);
    let v = tensor([2, 3, 8, 12], &device, |at| (0.11 * at as f64).cos());
    let (denoised, pulled) = tracked.denoise_vjp(x.clone(), v.clone(), &at, &cond).unwrap();
    assert_eq!(bits(denoised), bits(expected));
    // Against a difference of the denoiser along a direction.
    let along = tensor([2, 3, 8, 12], &device, |at| (0.23 * at as f64).sin());
    let step = 1e-2;
    let moved = |by: f64| model.denoise(x.clone() + along.clone() * by, &at, &cond).unwrap();
    let slope = ((moved(step) - moved(-step)) / (2.0 * step) * v).sum().into_scalar::<f32>();
    let found = (pulled * along).sum().into_scalar::<f32>();
    assert!((found - slope).abs() < 2e-3 * slope.abs().max(1.0), "{found} and {slope}");
}

#[test]
fn estimates_are_the_published_numbers_of_parameters() {
    let published = NetworkConfig {
        in_channels: 4,
        out_channels: 4,
        channels: vec![320, 640, 1280, 1280],
        attention_levels: vec![0, 1, 2],
        text: Some(TextConfig::new(768, [8; 4])),
        ..NetworkConfig::default()
    };
    let linear = TextConfig { linear_projection: true, ..TextConfig::new(1024, [5, 10, 20, 20]) };
    let xl = TextConfig {
        depths: Some(vec![1, 2, 10]),
        linear_projection: true,
        added: Some(AddedConfig { inputs: 2816, features: 256 }),
        ..TextConfig::new(2048, [5, 10, 20])
    };
    let xl = NetworkConfig {
        channels: vec![320, 640, 1280],
        attention_levels: vec![1, 2],
        text: Some(xl),
        ..published.clone()
    };
    let two = NetworkConfig { text: Some(linear), ..published.clone() };
    for (name, config, parameters) in [
        ("Stable Diffusion 1.5", &published, 859_520_964),
        ("its inpainting", &NetworkConfig { in_channels: 9, ..published.clone() }, 859_535_364),
        ("Stable Diffusion 2.1", &two, 865_910_724),
        ("SDXL", &xl, 2_567_463_684),
    ] {
        config.check().unwrap();
        assert_eq!(config.estimate(64, 64).parameters, parameters, "{name}");
    }
}

#[test]
fn configs_that_cannot_be_built_say_which_field() {
    let with = |text: TextConfig| NetworkConfig { text: Some(text), ..config() };
    let text = TextConfig::new(6, [2, 4]);
    for (config, said) in [
        (with(TextConfig { dim: 0, ..text.clone() }), "text.dim"),
        (with(TextConfig::new(6, [2])), "text.heads"),
        (with(TextConfig::new(6, [3, 4])), "3 do not divide the 8 channels of level 0"),
        (with(TextConfig { depths: Some(vec![0, 1]), ..text.clone() }), "level 0 has 0"),
        (with(TextConfig { only_cross_levels: vec![2], ..text.clone() }), "level 2"),
        (
            with(TextConfig { added: Some(AddedConfig { inputs: 4, features: 8 }), ..text.clone() }),
            "8 features",
        ),
        (NetworkConfig { resample: Resample::Skip, channels: vec![32, 32], ..with(text.clone()) }, "by skip"),
    ] {
        let message = config.init(0, &Device::flex()).unwrap_err().to_string();
        assert!(message.contains(said), "{message}");
    }
    // What is stored of a network without texts is what was stored before there were any.
    let stored = serde_json::to_value(NetworkConfig::default()).unwrap();
    assert!(stored.get("text").is_none());
    let stored = serde_json::to_string(&config()).unwrap();
    assert_eq!(serde_json::from_str::<NetworkConfig>(&stored).unwrap(), config());
}
