//! Forward and backward against the plain bodies, and those against finite differences.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use burn::tensor::{Device, Tensor, TensorData};
use langevin_kernels::{AdamW, Algorithm, Arithmetic, Conv2d, DiffusionOps, Isa, adamw_ema_step, plain};

use crate::cases::{Case, Input, Op, all, plain_with_gradients};

fn largest_difference(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let scale = b.iter().fold(1e-3_f64, |scale, value| scale.max(f64::from(value.abs())));
    a.iter().zip(b).fold(0.0_f64, |worst, (a, b)| worst.max(f64::from((a - b).abs()))) / scale
}

fn gradients(case: &Case, inputs: &[Vec<f32>], batch: usize, probe: &[f32]) -> (Vec<f32>, Vec<Vec<f32>>) {
    let device = Device::flex().autodiff();
    let (inputs, out) = case.fast(inputs, batch, &device);
    let values = out.clone().values();
    let shape = out.0.shape();
    let probe = Input::with_shape(probe, &shape.to_vec(), &device);
    let grads = (out.0 * probe.0).sum().backward();
    let by_input = inputs
        .iter()
        .map(|input| input.0.grad(&grads).expect("a gradient").into_data().try_to_vec::<f32>().unwrap())
        .collect();
    (values, by_input)
}

impl Input {
    fn with_shape(values: &[f32], shape: &[usize], device: &Device) -> Self {
        let data = TensorData::new(values.to_vec(), shape.to_vec());
        Self(match shape.len() {
            2 => Tensor::from_dispatch(Tensor::<2>::from_data(data, device).into_dispatch()),
            3 => Tensor::from_dispatch(Tensor::<3>::from_data(data, device).into_dispatch()),
            _ => Tensor::from_dispatch(Tensor::<4>::from_data(data, device).into_dispatch()),
        })
    }
}

#[test]
fn fast_bodies_and_their_gradients_agree_with_the_plain_ones() {
    let mut wrong = Vec::new();
    for case in all() {
        let batch = 3;
        let inputs = case.inputs(batch);
        let (plain, plain_grads, probe) = plain_with_gradients(&case, &inputs, batch);
        for isa in Isa::all() {
            let (fast, fast_grads) = isa.within(|| case.within(|| gradients(&case, &inputs, batch, &probe)));
            let mut differences = vec![largest_difference(&fast, &plain)];
            differences.extend(fast_grads.iter().zip(&plain_grads).map(|(a, b)| largest_difference(a, b)));
            if differences.iter().any(|difference| *difference > 2e-5) {
                wrong.push(format!("{} {case:?}: {differences:?}", isa.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "output then gradients differ:\n{}", wrong.join("\n"));
}

/// The backward bodies in plain operations, which other backends get, against autodiff's composition of the forward ones.
#[test]
fn plain_backward_bodies_agree_with_composition() {
    use burn::backend::ops::FloatTensorOps;
    for case in all() {
        let batch = 2;
        let inputs = case.inputs(batch);
        let (values, expected, probe) = plain_with_gradients(&case, &inputs, batch);
        let device = Default::default();
        let tensors: Vec<_> = inputs
            .iter()
            .zip(case.shapes(batch))
            .map(|(values, shape)| Flex::float_from_data(TensorData::new(values.clone(), shape), &device))
            .collect();
        let out = case.plain::<Flex>(tensors.clone());
        assert_eq!(values.len(), probe.len());
        let grad = Flex::float_from_data(TensorData::new(probe, out.layout().shape().clone()), &device);
        let [a, b, c, d] =
            [0, 1, 2, 3].map(|i| tensors.get(i).cloned().unwrap_or_else(|| tensors[0].clone()));
        let rows = tensors.last().expect("there are inputs").layout().shape()[0];
        let found = match case.op {
            Op::JoinedConv(options) => {
                let found = plain::joined_conv_backward::<Flex>(a, b, c, grad, rows, options);
                agree(&case, [found.0, found.1, found.2, found.3], &expected);
                continue;
            }
            Op::JoinedNorm(options) => {
                let found = plain::joined_norm_act_backward::<Flex>(a, b, c, d, grad, options);
                agree(&case, [found.0, found.1, found.2, found.3], &expected);
                continue;
            }
            Op::Conv(options) => plain::image_conv_backward::<Flex>(a, b, grad, rows, options, true),
            Op::Norm(options) => plain::group_norm_act_backward::<Flex>(a, b, c, grad, options),
            Op::Attention(heads) => plain::softmax_attention_backward::<Flex>(
                a,
                b,
                c,
                grad,
                langevin_kernels::Attention { heads, scale: 0.5 },
            ),
            Op::Linear => {
                let (by_x, by_weight, by_bias) = plain::row_linear_backward::<Flex>(a, b, grad);
                (by_x, by_weight, by_bias)
            }
            Op::ModulatedNorm => plain::modulated_norm_backward::<Flex>(a, b, grad, 1e-5),
            Op::GatedResidual => {
                let (by_y, by_gate) = plain::gated_residual_backward::<Flex>(b, c, grad.clone());
                (grad, by_y, by_gate)
            }
            Op::Silu | Op::Gelu(_) | Op::GatedGelu(_) => {
                let by_x = match case.op {
                    Op::Gelu(kind) => plain::gelu_act_backward::<Flex>(a, grad, kind),
                    Op::GatedGelu(kind) => plain::gated_gelu_backward::<Flex>(a, grad, kind),
                    _ => plain::swish_backward::<Flex>(a, grad),
                };
                (by_x.clone(), by_x.clone(), by_x)
            }
            _ => continue,
        };
        agree(&case, [found.0, found.1, found.2], &expected);
    }
}

fn agree<const N: usize>(case: &Case, found: [FloatTensor<Flex>; N], expected: &[Vec<f32>]) {
    for (found, expected) in found.iter().zip(expected) {
        let found = found.to_contiguous();
        let difference = largest_difference(found.as_slice::<f32>().unwrap(), expected);
        assert!(difference < 2e-5, "{case:?}: {difference:.1e}");
    }
}

/// Two images that are read where they lie give the bytes that their copy would.
#[test]
fn joined_images_give_the_bytes_of_their_copy() {
    for case in all() {
        let joined = match case.op {
            Op::JoinedConv(options) => Op::Conv(options),
            Op::JoinedNorm(options) => Op::Norm(options),
            _ => continue,
        };
        let batch = 3;
        let inputs = case.inputs(batch);
        let channels = [case.shapes[0][3], case.shapes[1][3]];
        let pixels = inputs[0].chunks_exact(channels[0]).zip(inputs[1].chunks_exact(channels[1]));
        let copy: Vec<f32> = pixels.flat_map(|(a, b)| [a, b].concat()).collect();
        let mut shapes = case.shapes[1..].to_vec();
        shapes[0][3] += channels[0];
        let of_copy = Case { op: joined, shapes, algorithm: None };
        let copies = [vec![copy], inputs[2..].to_vec()].concat();
        let probe = crate::cases::noise(
            case.within(|| case.fast(&inputs, batch, &Device::flex())).1.values().len(),
            3,
        );
        for isa in Isa::all() {
            let (apart, by_apart) = isa.within(|| gradients(&case, &inputs, batch, &probe));
            let (whole, by_whole) = isa.within(|| gradients(&of_copy, &copies, batch, &probe));
            assert_eq!(apart, whole, "{} {case:?}", isa.name());
            let pixels = by_apart[0].chunks_exact(channels[0]).zip(by_apart[1].chunks_exact(channels[1]));
            let by_copy: Vec<f32> = pixels.flat_map(|(a, b)| [a, b].concat()).collect();
            assert_eq!(by_copy, by_whole[0], "{} {case:?}: the images' gradients", isa.name());
            assert_eq!(by_apart[2..], by_whole[1..], "{} {case:?}: the weights' gradients", isa.name());
        }
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    for case in all() {
        let batch = 2;
        let inputs = case.inputs(batch);
        let (_, _, probe) = plain_with_gradients(&case, &inputs, batch);
        let (_, grads) = case.within(|| gradients(&case, &inputs, batch, &probe));
        let device = Device::flex();
        let loss = |inputs: &[Vec<f32>]| {
            let out = case.within(|| case.fast(inputs, batch, &device)).1.values();
            out.iter().zip(&probe).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
        };
        for (i, grad) in grads.iter().enumerate() {
            for position in [0, grad.len() / 3, grad.len() - 1] {
                let shifted = |by: f32| {
                    let mut inputs = inputs.clone();
                    inputs[i][position] += by;
                    loss(&inputs)
                };
                // Convolutions are linear, so a large step tells as much and rounding less.
                let step = if matches!(case.op, Op::Conv(_) | Op::JoinedConv(_)) { 0.25 } else { 1e-2 };
                let measured = (8.0 * (shifted(step) - shifted(-step))
                    - (shifted(2.0 * step) - shifted(-2.0 * step)))
                    / (12.0 * f64::from(step));
                let error = (measured - f64::from(grad[position])).abs();
                assert!(
                    error < 2e-3 * measured.abs().max(0.5),
                    "{case:?} input {i} at {position}: {measured} measured, {} computed",
                    grad[position]
                );
            }
        }
    }
}

#[test]
fn adamw_agrees_with_the_plain_body_and_works_in_place() {
    use burn::backend::ops::FloatTensorOps;
    let device = Device::flex();
    let options = AdamW {
        learning_rate: 0.01,
        beta1: 0.9,
        beta2: 0.99,
        eps: 1e-8,
        weight_decay: 0.1,
        step: 3,
        grad_scale: 0.5,
        ema_decay: 0.95,
    };
    let values: Vec<Vec<f32>> =
        (0..5).map(|i| crate::cases::noise(35, i).iter().map(|v| v.abs() + 0.1).collect()).collect();
    let [param, grad, m, v, ema] = [0, 1, 2, 3, 4]
        .map(|i| Tensor::<2>::from_data(TensorData::new(values[i as usize].clone(), [7, 5]), &device));
    let found = adamw_ema_step(param, grad, m, v, ema, &options);
    let [param, grad, m, v, ema] = [0, 1, 2, 3, 4].map(|i| {
        Flex::float_from_data(TensorData::new(values[i as usize].clone(), [7, 5]), &Default::default())
    });
    let expected = plain::adamw_ema::<Flex>(param, grad, m, v, ema, options);
    for (found, expected) in
        [(found.0, expected.0), (found.1, expected.1), (found.2, expected.2), (found.3, expected.3)]
    {
        let found = found.into_data().try_to_vec::<f32>().unwrap();
        assert!(largest_difference(&found, expected.as_slice::<f32>().unwrap()) < 1e-6);
    }
    // The first step of Adam moves each weight by the learning rate against the gradient's sign.
    let options = AdamW { step: 1, weight_decay: 0.0, eps: 0.0, ..options };
    let one = |value: f32| Tensor::<1>::from_data([value].as_slice(), &device);
    let (param, ..) = adamw_ema_step(one(1.0), one(-0.3), one(0.0), one(0.0), one(0.0), &options);
    assert!((param.into_scalar::<f32>() - 1.01).abs() < 1e-6);
}

/// The seam composes through autodiff where a backend has only plain bodies.
#[test]
fn every_backend_with_the_seam_has_it_under_autodiff() {
    fn has_it<B: DiffusionOps>() {}
    has_it::<Flex>();
    has_it::<Autodiff<Flex>>();
}

/// Products of numbers rounded to bf16, within what rounding allows and close to the same sum of rounded numbers.
#[test]
fn bf16_is_the_product_of_rounded_numbers() {
    let nearest = |value: f32| {
        let bits = value.to_bits();
        f32::from_bits(bits.wrapping_add(0x7fff + (bits >> 16 & 1)) & 0xffff_0000)
    };
    for case in all() {
        // Behind an upsampling the sums of weights are rounded, not the weights.
        let Op::Conv(options @ Conv2d { upsample: false, .. }) = case.op else { continue };
        if !matches!(case.algorithm, None | Some(Algorithm::Direct)) {
            continue;
        }
        let half = Case { op: Op::Conv(Conv2d { arithmetic: Arithmetic::Bf16, ..options }), ..case.clone() };
        let (batch, device) = (3, Device::flex());
        let inputs = case.inputs(batch);
        let mut rounded = inputs.clone();
        rounded[..2].iter_mut().flatten().for_each(|value| *value = nearest(*value));
        let tensors = rounded.iter().zip(case.shapes(batch)).map(|(values, shape)| {
            use burn::backend::ops::FloatTensorOps;
            Flex::float_from_data(TensorData::new(values.clone(), shape), &Default::default())
        });
        let expected = case.plain::<Flex>(tensors.collect()).to_contiguous();
        for isa in Isa::all() {
            let found = isa.within(|| half.within(|| half.fast(&inputs, batch, &device))).1.values();
            let difference = largest_difference(&found, expected.as_slice::<f32>().unwrap());
            assert!(difference < 2e-6, "{} {case:?}: {difference:.1e}", isa.name());
        }
    }
}

/// Without transforms the error is that of the sums alone; small tiles lose less than large ones.
#[test]
fn exact_is_closer_than_transforms() {
    let mut errors = [0.0_f64; 3];
    for case in all() {
        let Some(algorithm) = case.algorithm else { continue };
        let (batch, device) = (2, Device::flex());
        let inputs = case.inputs(batch);
        let (plain, ..) = plain_with_gradients(&case, &inputs, batch);
        let answer = |arithmetic| {
            let op = Op::Conv(Conv2d { arithmetic, ..Conv2d::same(3) });
            let case = Case { op, ..case.clone() };
            case.within(|| case.fast(&inputs, batch, &device)).1.values()
        };
        let (fast, exact) = (answer(Arithmetic::Fast), answer(Arithmetic::Exact));
        assert!(largest_difference(&exact, &plain) < 1e-6, "{case:?}: exact");
        assert_eq!(fast != exact, algorithm != Algorithm::Direct, "{case:?}: whether transforms were used");
        let at = Algorithm::ALL.iter().position(|way| *way == algorithm).expect("one of them");
        errors[at] = errors[at].max(largest_difference(&fast, &plain));
    }
    let [direct, two, four] = errors;
    assert!(direct < 1e-6 && two < 2e-6 && four < 1e-5 && two < four, "{errors:?}");
}
