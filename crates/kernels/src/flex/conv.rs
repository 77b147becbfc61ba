//! Convolution without columns: every output pixel is a row of a matrix product whose left side is read where it lies
//! (see [`super::taps`]); the input's gradient is the same product over the output's gradient, and the weights' gradient
//! a sum of outer products of pixels.

use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use super::buffers::{Shared, written};
use super::gemm::{MAX_ROWS, OuterProduct, outer_product};
use super::half;
use super::indirect::{Bias, Side, product};
use super::pack::{Order, Panels, padded_rows};
use super::simd::Isa;
use super::taps::{Gather, Taps};
use super::tensors::{Tensor, dims, numbers, tensor};
use super::weight_cache::{self, Layout, Purpose};
use super::winograd::Tiles;
use super::{pixels, winograd};
use crate::algorithm::{Algorithm, Pass};
use crate::arithmetic::Arithmetic;
use crate::options::Conv2d;

/// The sizes of one convolution.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) n: usize,
    pub(super) ci: usize,
    pub(super) co: usize,
    /// Rows and columns of kernel, input and output.
    kernel: [usize; 2],
    input: [usize; 2],
    output: [usize; 2],
}

impl Sizes {
    pub(super) fn new(x: &Tensor, weight: &Tensor, options: Conv2d) -> Self {
        let [n, h, w, ci] = dims::<4>(x);
        let [co, _, kh, kw] = dims::<4>(weight);
        let (kernel, input) = ([kh, kw], [h, w]);
        Self { n, ci, co, kernel, input, output: options.output(input, kernel) }
    }

    fn inputs(&self) -> usize {
        self.input[0] * self.input[1]
    }

    fn outputs(&self) -> usize {
        self.output[0] * self.output[1]
    }
}

/// The layout of a weight for a pass, from [`super::weight_cache`].
pub(super) fn panels(
    isa: Isa,
    weight: &Tensor,
    [co, ci]: [usize; 2],
    taps: &Taps,
    layout: Layout,
    forward: bool,
) -> Arc<OnceLock<Panels>> {
    let purpose = Purpose { forward, layout, isa, taps: taps.count };
    let taps_kept = match layout {
        Layout::Taps | Layout::Rows | Layout::Rounded => 2 * taps.count,
        Layout::Pairs => taps.count,
        Layout::Points(tiles) => 2 * tiles.points(),
    };
    let columns = if forward { co } else { ci }.next_multiple_of(isa.panel());
    let bytes = 2 * taps_kept * columns * if forward { ci } else { co };
    weight_cache::panels(weight, [co, ci], purpose, bytes, || {
        if let Layout::Points(tiles) = layout {
            return Panels::of_points(isa, numbers(weight), co, ci, taps, tiles, forward);
        }
        let plain = if forward { Panels::of_outputs } else { Panels::of_inputs };
        let order = if layout == Layout::Rows { Order::Rows } else { Order::Taps };
        let plain = plain(isa, numbers(weight), co, ci, taps, order);
        match layout {
            Layout::Taps | Layout::Rows | Layout::Points(_) => plain,
            Layout::Rounded => plain.rounded(),
            Layout::Pairs => plain.in_pairs(),
        }
    })
}

/// How a convolution is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Tap by tap, over weights laid out so.
    Direct(Layout),
    /// By transforms of tiles.
    Transforms(Tiles),
}

impl Way {
    /// For images, forward or, with the sides changed, the input's gradient.
    fn of_images(isa: Isa, sizes: &Sizes, options: Conv2d, forward: bool) -> Self {
        if options.arithmetic != Arithmetic::Bf16 || !forward {
            return Self::of_pass(sizes, options, Pass::Image);
        }
        match Self::of_pass(sizes, options, Pass::ImageInBf16) {
            Self::Direct(_) if half::native(isa) => Self::Direct(Layout::Pairs),
            Self::Direct(_) => Self::Direct(Layout::Rounded),
            transforms => transforms,
        }
    }

    fn of_pass(sizes: &Sizes, options: Conv2d, pass: Pass) -> Self {
        let Sizes { ci, co, kernel, input, .. } = *sizes;
        if options.arithmetic == Arithmetic::Exact || !winograd::applies(kernel, [ci, co], options) {
            return Self::Direct(Layout::Taps);
        }
        match Algorithm::choose(pass, input, [ci, co]) {
            Algorithm::Direct => Self::Direct(Layout::Taps),
            Algorithm::WinogradF2 => Self::Transforms(Tiles::Two),
            Algorithm::WinogradF4 => Self::Transforms(Tiles::Four),
        }
    }

    fn layout(self, sizes: &Sizes) -> Layout {
        match self {
            Self::Direct(layout) => layout,
            Self::Transforms(tiles) if winograd::ahead(tiles, sizes.input) => Layout::Points(tiles),
            Self::Transforms(_) => Layout::Rows,
        }
    }
}

/// The kernels of a convolution by transforms, laid out as [`Way::layout`] says; backward they are turned.
fn kernels<'a>(layout: Layout, panels: &'a Panels, forward: bool) -> winograd::Kernels<'a> {
    match layout {
        Layout::Points(_) => winograd::Kernels::Spread(panels),
        _ => winograd::Kernels::Plain(panels, !forward),
    }
}

/// The product over all channels of one tensor.
fn direct(
    x: &[f32],
    n: usize,
    depth: usize,
    gather: &Gather,
    weights: &Panels,
    bias: Option<&Bias>,
) -> Vec<f32> {
    let side = Side { x, depth, first: 0 };
    product([side], n, gather, weights, bias, &[weights.columns]).remove(0)
}

/// See [`crate::DiffusionOps::image_conv`]; all tensors packed.
pub(super) fn forward(x: &Tensor, weight: &Tensor, bias: &Tensor, options: Conv2d) -> Tensor {
    forward_with(Isa::best(), x, weight, bias, options)
}

fn forward_with(isa: Isa, x: &Tensor, weight: &Tensor, bias: &Tensor, options: Conv2d) -> Tensor {
    let sizes = Sizes::new(x, weight, options);
    if options.upsample && !Taps::upsamples(sizes.kernel, options) {
        let doubled = pixels::upsample_nearest(x, 1.0);
        return forward_with(isa, &doubled, weight, bias, Conv2d { upsample: false, ..options });
    }
    let Sizes { n, ci, co, output: [ho, wo], .. } = sizes;
    let taps = Taps::new(sizes.input, sizes.kernel, options);
    let bias = Bias::new(numbers(bias), co, isa.panel());
    let way = Way::of_images(isa, &sizes, options, true);
    let layout = way.layout(&sizes);
    let weights = panels(isa, weight, [co, ci], &taps, layout, true);
    let weights = weights.get().expect("just made");
    let x = numbers(x);
    let out = match way {
        Way::Transforms(tiles) => {
            let kernels = kernels(layout, weights, true);
            winograd::product(tiles, x, n, sizes.input, ci, kernels, |image| bias.of(image))
        }
        Way::Direct(Layout::Rounded) => {
            direct(&half::rounded(x), n, ci, &taps.forward(), weights, Some(&bias))
        }
        Way::Direct(Layout::Pairs) => {
            let x = half::pair_columns(x, ci);
            direct(&x, n, half::pairs_of(ci), &taps.forward(), weights, Some(&bias))
        }
        Way::Direct(_) => direct(x, n, ci, &taps.forward(), weights, Some(&bias)),
    };
    tensor(out, [n, ho, wo, co])
}

/// A linear layer, `weight` `[co, ci]`: a convolution of `n` images of one pixel.
pub(super) fn rows(isa: Isa, x: &[f32], n: usize, weight: &Tensor, bias: &Tensor) -> Vec<f32> {
    let [co, ci] = dims::<2>(weight);
    let taps = Taps::new([1, 1], [1, 1], Conv2d::same(1));
    let weights = panels(isa, weight, [co, ci], &taps, Layout::Taps, true);
    let bias = Bias::new(numbers(bias), co, isa.panel());
    direct(x, n, ci, &taps.forward(), weights.get().expect("just made"), Some(&bias))
}

/// See [`crate::DiffusionOps::image_conv_backward`]; all tensors packed.
pub(super) fn backward(
    x: &Tensor,
    weight: &Tensor,
    grad: &Tensor,
    bias_rows: usize,
    options: Conv2d,
    input_grad: bool,
) -> (Tensor, Tensor, Tensor) {
    backward_with(Isa::best(), x, weight, grad, bias_rows, options, input_grad)
}

fn backward_with(
    isa: Isa,
    x: &Tensor,
    weight: &Tensor,
    grad: &Tensor,
    bias_rows: usize,
    options: Conv2d,
    input_grad: bool,
) -> (Tensor, Tensor, Tensor) {
    let sizes = Sizes::new(x, weight, options);
    if options.upsample && !Taps::upsamples(sizes.kernel, options) {
        let doubled = pixels::upsample_nearest(x, 1.0);
        let options = Conv2d { upsample: false, ..options };
        let (by_x, by_weight, by_bias) =
            backward_with(isa, &doubled, weight, grad, bias_rows, options, input_grad);
        return (pixels::mean_pool(&by_x, 1.0), by_weight, by_bias);
    }
    let Sizes { n, ci, co, input: [h, w], kernel: [kh, kw], .. } = sizes;
    let taps = Taps::new(sizes.input, sizes.kernel, options);
    let by_bias = bias_gradient(numbers(grad), n, sizes.outputs(), co, bias_rows);
    let by_tap = match Way::of_pass(&sizes, options, Pass::Weights) {
        Way::Transforms(tiles) => {
            winograd::kernel_gradients(isa, tiles, numbers(x), numbers(grad), n, sizes.input, ci, co)
        }
        Way::Direct(_) => tap_gradients(isa, &sizes, &taps, numbers(x), numbers(grad)),
    };
    let by_weight = weight_gradient(&sizes, &taps, &by_tap);
    let by_x = if input_grad {
        let way = Way::of_images(isa, &sizes, options, false);
        let layout = way.layout(&sizes);
        let weights = panels(isa, weight, [co, ci], &taps, layout, false);
        let weights = weights.get().expect("just made");
        let out = match way {
            Way::Transforms(tiles) => {
                let kernels = kernels(layout, weights, false);
                winograd::product(tiles, numbers(grad), n, sizes.input, co, kernels, |_| std::ptr::null())
            }
            Way::Direct(_) => direct(numbers(grad), n, co, &taps.backward(), weights, None),
        };
        tensor(out, [n, h, w, ci])
    } else {
        x.clone()
    };
    (by_x, tensor(by_weight, [co, ci, kh, kw]), tensor(by_bias, [bias_rows, co]))
}

/// The sum of `grad` over the pixels of each image, or of all images.
pub(super) fn bias_gradient(grad: &[f32], n: usize, pixels: usize, co: usize, rows: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f32; n * co];
    sums.par_chunks_mut(co.max(1)).enumerate().for_each(|(image, sums)| {
        let mut block = vec![0.0_f32; co];
        let mut total = vec![0.0_f64; co];
        for lines in grad[image * pixels * co..][..pixels * co].chunks(64 * co) {
            block.fill(0.0);
            for line in lines.chunks_exact(co) {
                block.iter_mut().zip(line).for_each(|(sum, value)| *sum += value);
            }
            total.iter_mut().zip(&block).for_each(|(total, sum)| *total += f64::from(*sum));
        }
        sums.iter_mut().zip(total).for_each(|(sum, total)| *sum = total as f32);
    });
    if rows == n { sums } else { super::blocks::sum_rows(&sums, co) }
}

/// `[taps, co, ci]`: the sum over images and pixels of the output's gradient times what the tap read.
pub(super) fn tap_gradients(isa: Isa, sizes: &Sizes, taps: &Taps, x: &[f32], grad: &[f32]) -> Vec<f32> {
    let Sizes { n, ci, co, .. } = *sizes;
    let lanes = isa.panel() / 2;
    // Whole vectors are read from the input's pixels.
    let width = ci.next_multiple_of(lanes);
    let padded;
    let x = if width == ci {
        x
    } else {
        padded = padded_rows(x, ci, width);
        &padded
    };
    let pairs = taps.pairs();
    let pairs: Vec<Vec<(u32, u32)>> = pairs
        .into_iter()
        .map(|pairs| pairs.into_iter().map(|(i, o)| (o * co as u32, i * width as u32)).collect())
        .collect();
    let (panels, blocks) = (ci.div_ceil(isa.panel()), co.div_ceil(2 * MAX_ROWS));
    written(taps.count * co * ci, |out| {
        let out = Shared(out);
        (0..taps.count * panels * blocks).into_par_iter().for_each(|task| {
            let (tap, rest) = (task / (panels * blocks), task % (panels * blocks));
            let (panel, block) = (rest / blocks, rest % blocks);
            let (column, row) = (panel * isa.panel(), block * 2 * MAX_ROWS);
            let product = OuterProduct {
                pairs: &pairs[tap],
                images: n,
                left: grad.as_ptr().wrapping_add(row),
                left_stride: sizes.outputs() * co,
                right: x.as_ptr().wrapping_add(column),
                right_stride: sizes.inputs() * width,
                rows: (2 * MAX_ROWS).min(co - row),
                columns: isa.panel().min(ci - column),
                out: out.at((tap * co + row) * ci + column),
                out_stride: ci,
            };
            // SAFETY: `pairs` name pixels of the images, whose rows are padded to whole vectors on the right side;
            // every task has its own part of the result.
            unsafe { outer_product(isa, &product) };
        });
    })
}

/// `[co, ci, kh, kw]` from the gradients of the taps as they are used: a stored tap's is the sum of those of the used ones
/// it is a part of.
fn weight_gradient(sizes: &Sizes, taps: &Taps, by_tap: &[f32]) -> Vec<f32> {
    let Sizes { ci, co, .. } = *sizes;
    written(co * ci * taps.stored, |out| {
        let out = Shared(out);
        (0..co).into_par_iter().for_each(|o| {
            // SAFETY: output channel `o` of the result is this task's, and all of it is written.
            let line =
                unsafe { std::slice::from_raw_parts_mut(out.at(o * ci * taps.stored), ci * taps.stored) };
            for (tap, parts) in taps.parts.iter().enumerate() {
                for (index, part) in parts.iter().enumerate() {
                    let values = &by_tap[(part * co + o) * ci..][..ci];
                    let out = line[tap..].iter_mut().step_by(taps.stored).zip(values);
                    if index == 0 {
                        out.for_each(|(out, value)| *out = *value);
                    } else {
                        out.for_each(|(out, value)| *out += value);
                    }
                }
            }
        });
    })
}
