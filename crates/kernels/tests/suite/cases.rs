//! Inputs for the tests, and the list of operations they run over.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex};
use burn::tensor::{Device, Tensor, TensorData};
use langevin_kernels::{Algorithm, Attention, Conv2d, DiffusionOps, Gelu, GroupNorm, plain};

/// Numbers in (-1, 1) from a fixed linear congruential generator.
pub fn noise(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 40) as f32) / 8_388_608.0 - 1.0
        })
        .collect()
}

/// An operation on up to three inputs.
#[derive(Debug, Clone, Copy)]
pub enum Op {
    Conv(Conv2d),
    Linear,
    Norm(GroupNorm),
    Attention(usize),
    Join,
    JoinedConv(Conv2d),
    JoinedNorm(GroupNorm),
    ModulatedNorm,
    GatedResidual,
    Gelu(Gelu),
    GatedGelu(Gelu),
    Silu,
    Up,
    Down,
}

/// One operation with the shapes of its inputs; a leading `n` of 0 stands for the batch.
#[derive(Debug, Clone)]
pub struct Case {
    pub op: Op,
    pub shapes: Vec<Vec<usize>>,
    /// How its convolution is multiplied, instead of as it would be.
    pub algorithm: Option<Algorithm>,
}

impl Case {
    fn new(op: Op, shapes: &[&[usize]]) -> Self {
        Self { op, shapes: shapes.iter().map(|shape| shape.to_vec()).collect(), algorithm: None }
    }

    /// Does `work` with convolutions multiplied as this case wants.
    pub fn within<R>(&self, work: impl FnOnce() -> R) -> R {
        match self.algorithm {
            Some(algorithm) => algorithm.within(work),
            None => work(),
        }
    }

    /// The case once by each algorithm, if it is a convolution that has several.
    fn each_way(self) -> Vec<Self> {
        let several = matches!(self.op, Op::Conv(options) if options == Conv2d::same(3))
            && self.shapes[1][..2].iter().all(|channels| channels.is_multiple_of(16));
        let ways = if several { Algorithm::ALL.map(Some).to_vec() } else { vec![None] };
        ways.into_iter().map(|algorithm| Self { algorithm, ..self.clone() }).collect()
    }

    /// The shapes with `batch` images.
    pub fn shapes(&self, batch: usize) -> Vec<Vec<usize>> {
        let fill =
            |shape: &Vec<usize>| shape.iter().map(|dim| if *dim == 0 { batch } else { *dim }).collect();
        self.shapes.iter().map(fill).collect()
    }

    /// Inputs for `batch` images; image `k`'s numbers are the same in every batch.
    pub fn inputs(&self, batch: usize) -> Vec<Vec<f32>> {
        let shapes = self.shapes.iter().zip(self.shapes(batch)).enumerate();
        shapes
            .map(|(i, (pattern, shape))| {
                let size: usize = shape[1..].iter().product();
                if pattern[0] == 0 {
                    (0..batch).flat_map(|k| noise(size, (i * 1000 + k) as u64)).collect()
                } else {
                    noise(shape.iter().product(), i as u64 + 77)
                }
            })
            .collect()
    }

    /// Through the seam.
    pub fn fast(&self, inputs: &[Vec<f32>], batch: usize, device: &Device) -> (Vec<Input>, Input) {
        let inputs: Vec<Input> = inputs
            .iter()
            .zip(self.shapes(batch))
            .map(|(values, shape)| Input::new(values, &shape, device))
            .collect();
        let mut parts = inputs.iter().map(|input| input.0.clone().into_dispatch());
        let mut next = || parts.next().unwrap();
        let out = match self.op {
            Op::Conv(options) => Dispatch::image_conv(next(), next(), next(), options),
            Op::Linear => Dispatch::row_linear(next(), next(), next()),
            Op::Norm(options) => Dispatch::group_norm_act(next(), next(), next(), options),
            Op::Attention(heads) => {
                Dispatch::softmax_attention(next(), next(), next(), Attention { heads, scale: 0.5 })
            }
            Op::Join => Dispatch::join_channels(next(), next()),
            Op::JoinedConv(options) => Dispatch::joined_conv(next(), next(), next(), next(), options),
            Op::JoinedNorm(options) => Dispatch::joined_norm_act(next(), next(), next(), next(), options),
            Op::ModulatedNorm => Dispatch::modulated_norm(next(), next(), next(), 1e-5),
            Op::GatedResidual => Dispatch::gated_residual(next(), next(), next()),
            Op::Gelu(kind) => Dispatch::gelu_act(next(), kind),
            Op::GatedGelu(kind) => Dispatch::gated_gelu(next(), kind),
            Op::Silu => Dispatch::swish(next()),
            Op::Up => Dispatch::upsample_nearest(next(), 1.5),
            Op::Down => Dispatch::mean_pool(next(), 0.25),
        };
        (inputs, Input(Tensor::from_dispatch(out)))
    }

    /// The plain bodies on any backend.
    pub fn plain<B: Backend>(&self, mut inputs: Vec<FloatTensor<B>>) -> FloatTensor<B> {
        inputs.reverse();
        let mut next = || inputs.pop().unwrap();
        match self.op {
            Op::Conv(options) => plain::image_conv::<B>(next(), next(), next(), options),
            Op::Linear => plain::row_linear::<B>(next(), next(), next()),
            Op::Norm(options) => plain::group_norm_act::<B>(next(), next(), next(), options),
            Op::Attention(heads) => {
                plain::softmax_attention::<B>(next(), next(), next(), Attention { heads, scale: 0.5 })
            }
            Op::Join => plain::join_channels::<B>(next(), next()),
            Op::JoinedConv(options) => plain::joined_conv::<B>(next(), next(), next(), next(), options),
            Op::JoinedNorm(options) => plain::joined_norm_act::<B>(next(), next(), next(), next(), options),
            Op::ModulatedNorm => plain::modulated_norm::<B>(next(), next(), next(), 1e-5),
            Op::GatedResidual => plain::gated_residual::<B>(next(), next(), next()),
            Op::Gelu(kind) => plain::gelu_act::<B>(next(), kind),
            Op::GatedGelu(kind) => plain::gated_gelu::<B>(next(), kind),
            Op::Silu => plain::swish::<B>(next()),
            Op::Up => plain::upsample_nearest::<B>(next(), 1.5),
            Op::Down => plain::mean_pool::<B>(next(), 0.25),
        }
    }
}

/// A tensor whose rank is not known to the type: it is reached through its flat values.
#[derive(Debug, Clone)]
pub struct Input(pub Tensor<1>);

impl Input {
    pub fn new(values: &[f32], shape: &[usize], device: &Device) -> Self {
        let data = TensorData::new(values.to_vec(), shape.to_vec());
        let tensor = Tensor::<1>::from_dispatch(match shape.len() {
            2 => Tensor::<2>::from_data(data, device).require_grad_if(device).into_dispatch(),
            3 => Tensor::<3>::from_data(data, device).require_grad_if(device).into_dispatch(),
            _ => Tensor::<4>::from_data(data, device).require_grad_if(device).into_dispatch(),
        });
        Self(tensor)
    }

    pub fn values(self) -> Vec<f32> {
        self.0.into_data().try_to_vec::<f32>().unwrap()
    }
}

trait RequireGradIf {
    fn require_grad_if(self, device: &Device) -> Self;
}

impl<const D: usize> RequireGradIf for Tensor<D> {
    fn require_grad_if(self, device: &Device) -> Self {
        if device.is_autodiff() { self.require_grad() } else { self }
    }
}

/// The plain result on Flex and the plain gradients of `sum(out * probe)` by every input, composed by autodiff.
pub fn plain_with_gradients(
    case: &Case,
    inputs: &[Vec<f32>],
    batch: usize,
) -> (Vec<f32>, Vec<Vec<f32>>, Vec<f32>) {
    type A = Autodiff<Flex>;
    use burn::backend::AutodiffBackend;
    use burn::backend::ops::FloatTensorOps;
    let device = Default::default();
    let tensors: Vec<FloatTensor<A>> = inputs
        .iter()
        .zip(case.shapes(batch))
        .map(|(values, shape)| {
            let data = TensorData::new(values.clone(), shape);
            A::float_set_require_grad(A::float_from_data(data, &device), true)
        })
        .collect();
    let out = case.plain::<A>(tensors.clone());
    let values = out
        .primitive()
        .as_slice::<f32>()
        .map_or_else(|| out.primitive().to_contiguous().as_slice::<f32>().unwrap().to_vec(), <[f32]>::to_vec);
    let probe = noise(values.len(), 4242);
    let shape = out.primitive().layout().shape().clone();
    let weight = A::float_from_data(TensorData::new(probe.clone(), shape), &device);
    let loss = A::float_sum(A::float_mul(out, weight));
    let grads = A::backward(loss);
    let by_input = tensors
        .iter()
        .map(|tensor| {
            let grad = A::grad(tensor, &grads).expect("a gradient for each input");
            grad.to_contiguous().as_slice::<f32>().unwrap().to_vec()
        })
        .collect();
    (values, by_input, probe)
}

/// Every operation, at odd sizes and in every variant.
pub fn all() -> Vec<Case> {
    let conv = |options| Op::Conv(options);
    let norm = |groups, silu| Op::Norm(GroupNorm { groups, eps: 1e-5, silu });
    let joined = |kernel| Op::JoinedConv(Conv2d::same(kernel));
    let joined_norm = |groups, silu| Op::JoinedNorm(GroupNorm { groups, eps: 1e-5, silu });
    let uneven = Conv2d { stride: 2, pad_rows: (0, 1), pad_cols: (0, 1), upsample: false, ..Conv2d::same(3) };
    let wide = Conv2d { stride: 1, pad_rows: (2, 0), pad_cols: (0, 2), upsample: false, ..Conv2d::same(3) };
    vec![
        Case::new(conv(Conv2d::same(3)), &[&[0, 7, 5, 3], &[4, 3, 3, 3], &[1, 4]]),
        Case::new(conv(Conv2d::same(3)), &[&[0, 8, 8, 16], &[24, 16, 3, 3], &[0, 24]]),
        Case::new(conv(Conv2d::same(1)), &[&[0, 6, 3, 5], &[7, 5, 1, 1], &[1, 7]]),
        Case::new(conv(Conv2d::padded(2, 1)), &[&[0, 9, 6, 6], &[5, 6, 3, 3], &[1, 5]]),
        Case::new(conv(uneven), &[&[0, 8, 6, 4], &[3, 4, 3, 3], &[0, 3]]),
        Case::new(conv(wide), &[&[0, 5, 4, 2], &[3, 2, 3, 3], &[1, 3]]),
        Case::new(conv(Conv2d::padded(1, 0)), &[&[0, 5, 4, 2], &[3, 2, 3, 2], &[1, 3]]),
        Case::new(
            conv(Conv2d { upsample: true, ..Conv2d::same(3) }),
            &[&[0, 5, 3, 4], &[6, 4, 3, 3], &[1, 6]],
        ),
        Case::new(
            conv(Conv2d { upsample: true, ..Conv2d::padded(2, 1) }),
            &[&[0, 4, 3, 2], &[3, 2, 3, 3], &[0, 3]],
        ),
        Case::new(conv(Conv2d::same(3)), &[&[0, 6, 9, 32], &[48, 32, 3, 3], &[0, 48]]),
        Case::new(conv(Conv2d::same(3)), &[&[0, 4, 4, 16], &[16, 16, 3, 3], &[1, 16]]),
        Case::new(conv(Conv2d::same(3)), &[&[0, 1, 1, 16], &[32, 16, 3, 3], &[0, 32]]),
        Case::new(conv(Conv2d::same(3)), &[&[0, 3, 2, 48], &[16, 48, 3, 3], &[1, 16]]),
        Case::new(conv(Conv2d::same(3)), &[&[0, 11, 13, 16], &[16, 16, 3, 3], &[0, 16]]),
        Case::new(Op::Join, &[&[0, 3, 2, 5], &[0, 3, 2, 4]]),
        Case::new(joined(1), &[&[0, 5, 3, 32], &[0, 5, 3, 24], &[9, 56, 1, 1], &[1, 9]]),
        Case::new(joined(1), &[&[0, 4, 4, 64], &[0, 4, 4, 33], &[40, 97, 1, 1], &[0, 40]]),
        Case::new(joined(1), &[&[0, 4, 3, 5], &[0, 4, 3, 2], &[4, 7, 1, 1], &[1, 4]]),
        Case::new(joined(3), &[&[0, 4, 4, 32], &[0, 4, 4, 16], &[16, 48, 3, 3], &[1, 16]]),
        Case::new(joined_norm(4, true), &[&[0, 5, 3, 6], &[0, 5, 3, 2], &[0, 8], &[0, 8]]),
        Case::new(joined_norm(0, true), &[&[0, 4, 3, 5], &[0, 4, 3, 18], &[1, 23], &[1, 23]]),
        Case::new(joined_norm(2, false), &[&[0, 4, 4, 17], &[0, 4, 4, 35], &[1, 52], &[1, 52]]),
        Case::new(Op::Linear, &[&[0, 13], &[9, 13], &[1, 9]]),
        Case::new(norm(2, true), &[&[0, 5, 3, 6], &[0, 6], &[0, 6]]),
        Case::new(norm(4, false), &[&[0, 4, 4, 8], &[1, 8], &[1, 8]]),
        Case::new(norm(0, true), &[&[0, 5, 3, 6], &[0, 6], &[0, 6]]),
        Case::new(norm(0, false), &[&[0, 4, 4, 8], &[1, 8], &[1, 8]]),
        Case::new(Op::Attention(2), &[&[0, 9, 10], &[0, 9, 10], &[0, 9, 10]]),
        Case::new(Op::Attention(3), &[&[0, 5, 12], &[0, 7, 12], &[0, 7, 12]]),
        Case::new(Op::ModulatedNorm, &[&[0, 5, 3, 21], &[0, 21], &[0, 21]]),
        Case::new(Op::ModulatedNorm, &[&[0, 4, 4, 32], &[1, 32], &[1, 32]]),
        Case::new(Op::GatedResidual, &[&[0, 5, 3, 21], &[0, 5, 3, 21], &[0, 21]]),
        Case::new(Op::Gelu(Gelu::Exact), &[&[0, 5, 3, 3]]),
        Case::new(Op::Gelu(Gelu::Tanh), &[&[0, 5, 3, 3]]),
        Case::new(Op::Gelu(Gelu::Quick), &[&[0, 45]]),
        Case::new(Op::GatedGelu(Gelu::Exact), &[&[0, 5, 3, 14]]),
        Case::new(Op::GatedGelu(Gelu::Tanh), &[&[0, 4, 32]]),
        Case::new(Op::Silu, &[&[0, 5, 3, 3]]),
        Case::new(Op::Up, &[&[0, 5, 3, 3]]),
        Case::new(Op::Down, &[&[0, 6, 4, 3]]),
        Case::new(Op::Down, &[&[0, 5, 7, 2]]),
    ]
    .into_iter()
    .flat_map(Case::each_way)
    .collect()
}

/// Shapes as networks have them, where blocking, banding and threads come into play.
pub fn realistic() -> Vec<Case> {
    let conv = |options| Op::Conv(options);
    let norm = |silu| Op::Norm(GroupNorm { groups: 32, eps: 1e-5, silu });
    vec![
        Case::new(Op::Conv(Conv2d::same(3)), &[&[0, 32, 32, 64], &[64, 64, 3, 3], &[1, 64]]),
        Case::new(Op::Conv(Conv2d::same(3)), &[&[0, 8, 8, 64], &[64, 64, 3, 3], &[0, 64]]),
        Case::new(Op::Conv(Conv2d::same(3)), &[&[0, 8, 8, 256], &[128, 256, 3, 3], &[0, 128]]),
        Case::new(Op::Conv(Conv2d::same(3)), &[&[0, 96, 64, 40], &[8, 40, 3, 3], &[1, 8]]),
        Case::new(Op::Conv(Conv2d::same(3)), &[&[0, 4, 4, 128], &[128, 128, 3, 3], &[0, 128]]),
        Case::new(Op::Conv(Conv2d::padded(2, 1)), &[&[0, 16, 16, 64], &[64, 64, 3, 3], &[1, 64]]),
        Case::new(Op::Conv(Conv2d::same(1)), &[&[0, 16, 16, 192], &[128, 192, 1, 1], &[1, 128]]),
        Case::new(Op::Conv(Conv2d::same(1)), &[&[0, 1, 1, 192], &[64, 192, 1, 1], &[1, 64]]),
        Case::new(
            conv(Conv2d { upsample: true, ..Conv2d::same(3) }),
            &[&[0, 8, 8, 64], &[64, 64, 3, 3], &[1, 64]],
        ),
        Case::new(
            Op::JoinedConv(Conv2d::same(1)),
            &[&[0, 16, 16, 128], &[0, 16, 16, 64], &[128, 192, 1, 1], &[1, 128]],
        ),
        Case::new(
            Op::JoinedNorm(GroupNorm { groups: 32, eps: 1e-5, silu: true }),
            &[&[0, 16, 16, 128], &[0, 16, 16, 64], &[1, 192], &[1, 192]],
        ),
        Case::new(Op::Linear, &[&[0, 512], &[256, 512], &[1, 256]]),
        Case::new(norm(true), &[&[0, 32, 32, 64], &[0, 64], &[0, 64]]),
        Case::new(norm(false), &[&[0, 16, 16, 128], &[1, 128], &[1, 128]]),
        Case::new(Op::Attention(2), &[&[0, 256, 128], &[0, 256, 128], &[0, 256, 128]]),
        Case::new(Op::ModulatedNorm, &[&[0, 8, 8, 256], &[0, 256], &[0, 256]]),
        Case::new(Op::ModulatedNorm, &[&[0, 16, 16, 320], &[1, 320], &[1, 320]]),
        Case::new(Op::GatedResidual, &[&[0, 8, 8, 256], &[0, 8, 8, 256], &[0, 256]]),
        Case::new(Op::Gelu(Gelu::Tanh), &[&[0, 8, 8, 1024]]),
        Case::new(Op::GatedGelu(Gelu::Exact), &[&[0, 16, 16, 640]]),
        Case::new(Op::Silu, &[&[0, 32, 32, 64]]),
        Case::new(Op::Up, &[&[0, 16, 16, 64]]),
        Case::new(Op::Down, &[&[0, 32, 32, 64]]),
    ]
    .into_iter()
    .flat_map(Case::each_way)
    .collect()
}
