//! Convolution as matrix products over columns of gathered pixels ("im2col", Chellapilla et al. 2006), one product for
//! each picture, so that a picture's bytes do not depend on its batch; the backward pass likewise: the input's gradient
//! is a convolution with the turned weights, the weights' gradient a product of the output's gradient with the columns.

use std::cell::Cell;

use burn::backend::Flex;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::{Shape, Slice};
use rayon::prelude::*;

use super::group_norm::{sum, sum_rows};
use super::{Tensor, dims, numbers, packed, tensor};
use crate::ops::Conv2d;

/// Numbers in the columns of one picture's band of rows, at most (4 MiB).
const BAND: usize = 1 << 20;
/// Numbers in the columns held at once, about (8 MiB).
const HELD: usize = 1 << 21;

/// The sizes of one convolution.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    n: usize,
    ci: usize,
    co: usize,
    /// Kernel, input and output: rows and columns.
    kernel: [usize; 2],
    input: [usize; 2],
    output: [usize; 2],
    options: Conv2d,
}

impl Sizes {
    fn new(x: &Tensor, weight: &Tensor, options: Conv2d) -> Self {
        let [n, ci, h, w] = dims::<4>(x);
        let [co, _, kh, kw] = dims::<4>(weight);
        let (kernel, input) = ([kh, kw], [h, w]);
        Self { n, ci, co, kernel, input, output: options.output(input, kernel), options }
    }

    /// Whether the columns are the picture itself.
    fn pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.options == Conv2d::same(1)
    }

    /// Weights of one output channel.
    fn depth(&self) -> usize {
        self.ci * self.kernel[0] * self.kernel[1]
    }

    fn out_pixels(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Output rows handled together: from the shape of one picture alone.
    fn band_rows(&self) -> usize {
        (BAND / (self.depth() * self.output[1]).max(1)).clamp(1, self.output[0])
    }

    /// Pictures handled together, for bands of `pixels` pixels.
    fn pictures(&self, pixels: usize) -> usize {
        (HELD / (self.depth() * pixels).max(1)).max(4).min(self.n)
    }

    /// The bands, as (first output row, number of rows).
    fn bands(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (rows, height) = (self.band_rows(), self.output[0]);
        (0..height).step_by(rows).map(move |first| (first, rows.min(height - first)))
    }

    /// Writes the columns of one channel's `plane` for `rows` output rows from `first`: `kh * kw` lines, line `t` at
    /// `out[t * stride..]`.
    fn gather(&self, plane: &[f32], first: usize, rows: usize, out: &mut [f32], stride: usize) {
        let [h, w] = self.input;
        let [kh, kw] = self.kernel;
        let wo = self.output[1];
        let step = self.options.stride;
        let (top, left) = (self.options.pad_rows.0, self.options.pad_cols.0);
        for ky in 0..kh {
            for kx in 0..kw {
                let line = &mut out[(ky * kw + kx) * stride..][..rows * wo];
                // Output columns whose pixel lies inside the picture: left <= ox * step + kx < left + w.
                let from = left.saturating_sub(kx).div_ceil(step).min(wo);
                let to = (left + w).saturating_sub(kx).div_ceil(step).min(wo).max(from);
                if step == 1 && wo == w {
                    // The whole line is the plane shifted, but for the columns that wrapped around.
                    let (ahead, behind) = ((first + ky) * w + kx, top * w + left);
                    let begin = behind.saturating_sub(ahead).min(line.len());
                    let end = (h * w + behind).saturating_sub(ahead).clamp(begin, line.len());
                    line[..begin].fill(0.0);
                    line[end..].fill(0.0);
                    if begin < end {
                        line[begin..end]
                            .copy_from_slice(&plane[begin + ahead - behind..end + ahead - behind]);
                    }
                    for column in (0..from).chain(to..w) {
                        line[column..].iter_mut().step_by(w).for_each(|value| *value = 0.0);
                    }
                    continue;
                }
                for (oy, out) in (first..first + rows).zip(line.chunks_exact_mut(wo)) {
                    let y = oy * step + ky;
                    if y < top || y >= top + h {
                        out.fill(0.0);
                        continue;
                    }
                    let row = &plane[(y - top) * w..][..w];
                    out[..from].fill(0.0);
                    out[to..].fill(0.0);
                    if from == to {
                        continue;
                    }
                    let start = from * step + kx - left;
                    if step == 1 {
                        out[from..to].copy_from_slice(&row[start..start + to - from]);
                    } else {
                        let pixels = row[start..].iter().step_by(step);
                        out[from..to].iter_mut().zip(pixels).for_each(|(out, pixel)| *out = *pixel);
                    }
                }
            }
        }
    }

    /// The other way: adds the lines of one channel back to the pixels they came from.
    fn scatter(&self, lines: &[f32], first: usize, rows: usize, plane: &mut [f32]) {
        let [h, w] = self.input;
        let [kh, kw] = self.kernel;
        let wo = self.output[1];
        let step = self.options.stride;
        let (top, left) = (self.options.pad_rows.0, self.options.pad_cols.0);
        for (tap, line) in lines.chunks_exact(rows * wo).enumerate().take(kh * kw) {
            let (ky, kx) = (tap / kw, tap % kw);
            for (oy, values) in (first..first + rows).zip(line.chunks_exact(wo)) {
                let y = oy * step + ky;
                if y < top || y >= top + h {
                    continue;
                }
                let row = &mut plane[(y - top) * w..][..w];
                for (ox, value) in values.iter().enumerate() {
                    let x = ox * step + kx;
                    if x >= left && x < left + w {
                        row[x - left] += value;
                    }
                }
            }
        }
    }
}

fn product(a: Tensor, b: Tensor) -> Tensor {
    Flex::float_matmul(a, b)
}

fn reshape<const D: usize>(x: Tensor, shape: [usize; D]) -> Tensor {
    Flex::float_reshape(x, Shape::from(shape))
}

/// Room for columns, kept from one convolution of a thread to its next: fresh memory would have to be cleared first.
struct Scratch(Option<Tensor>);

thread_local! {
    static KEPT: Cell<Option<Tensor>> = const { Cell::new(None) };
}

impl Scratch {
    /// Room for at least `count` numbers, of any value.
    fn take(count: usize) -> Self {
        let kept = KEPT.take().filter(|kept| dims::<1>(kept)[0] >= count);
        Self(Some(kept.unwrap_or_else(|| tensor(vec![0.0; count], [count]))))
    }

    fn numbers_mut(&mut self) -> &mut [f32] {
        self.0.as_mut().expect("held until dropped").storage_mut()
    }

    /// The first numbers as a tensor, without a copy; drop it before writing again.
    fn view<const D: usize>(&self, shape: [usize; D]) -> Tensor {
        let all = self.0.clone().expect("held until dropped");
        let count: usize = shape.iter().product();
        reshape(Flex::float_slice(all, &[Slice::from(0..count)]), shape)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        KEPT.set(self.0.take());
    }
}

/// See [`crate::DiffusionOps::image_conv`]; all tensors packed.
pub(super) fn forward(x: Tensor, weight: Tensor, bias: Option<Tensor>, options: Conv2d) -> Tensor {
    let sizes = Sizes::new(&x, &weight, options);
    let Sizes { n, ci, co, output: [ho, wo], .. } = sizes;
    let (depth, pixels) = (sizes.depth(), sizes.out_pixels());
    let weight = reshape(weight, [1, co, depth]);
    let bias = bias.as_ref().map(|bias| (numbers(bias), dims::<2>(bias)[0]));
    let bias_of = |picture: usize, channel: usize| {
        bias.map_or(0.0, |(values, rows)| values[if rows == 1 { channel } else { picture * co + channel }])
    };
    let shape = [n, co, ho, wo];
    if n * co * pixels == 0 {
        return tensor(vec![], shape);
    }
    // One product for all pictures needs no copy of its result.
    let finish = |mut out: Tensor| {
        if bias.is_some() {
            out.storage_mut::<f32>().par_chunks_mut(pixels).enumerate().for_each(|(index, plane)| {
                let offset = bias_of(index / co, index % co);
                plane.iter_mut().for_each(|value| *value += offset);
            });
        }
        reshape(out, shape)
    };
    if sizes.pointwise() {
        return finish(product(weight, reshape(x, [n, ci, pixels])));
    }
    let input = numbers(&x);
    let together = sizes.pictures(sizes.band_rows() * wo);
    let whole = together == n && sizes.band_rows() == ho;
    let mut out = vec![0.0_f32; if whole { 0 } else { n * co * pixels }];
    for (first, rows) in sizes.bands() {
        let band = rows * wo;
        let mut columns = Scratch::take(together * depth * band);
        for start in (0..n).step_by(together) {
            let count = together.min(n - start);
            gather_pictures(&sizes, &input[start * ci * sizes.input[0] * sizes.input[1]..], first, rows, {
                &mut columns.numbers_mut()[..count * depth * band]
            });
            let part = product(weight.clone(), columns.view([count, depth, band]));
            if whole {
                return finish(part);
            }
            let part = numbers(&part);
            out[start * co * pixels..][..count * co * pixels].par_chunks_mut(pixels).enumerate().for_each(
                |(index, plane)| {
                    let offset = bias_of(start + index / co, index % co);
                    let plane = plane[first * wo..][..band].iter_mut();
                    plane.zip(&part[index * band..]).for_each(|(out, value)| *out = value + offset);
                },
            );
        }
    }
    tensor(out, shape)
}

/// Columns of several pictures, one matrix after the other.
fn gather_pictures(sizes: &Sizes, input: &[f32], first: usize, rows: usize, out: &mut [f32]) {
    let [h, w] = sizes.input;
    let band = rows * sizes.output[1];
    let lines = sizes.kernel[0] * sizes.kernel[1] * band;
    out.par_chunks_mut(lines)
        .zip(input.par_chunks(h * w))
        .for_each(|(out, plane)| sizes.gather(plane, first, rows, out, band));
}

/// See [`crate::DiffusionOps::image_conv_backward`]; all tensors packed.
pub(super) fn backward(
    x: Tensor,
    weight: Tensor,
    grad: Tensor,
    bias_rows: usize,
    options: Conv2d,
    input_grad: bool,
) -> (Tensor, Tensor, Tensor) {
    let sizes = Sizes::new(&x, &weight, options);
    let Sizes { n, co, .. } = sizes;
    let sums: Vec<f32> =
        numbers(&grad).par_chunks(sizes.out_pixels().max(1)).map(|plane| sum(plane) as f32).collect();
    let by_bias = if bias_rows == n { sums } else { sum_rows(&sums, co) };
    let by_weight = weight_gradient(&sizes, &x, &weight, &grad);
    let by_x = if input_grad { input_gradient(&sizes, weight, grad) } else { x };
    (by_x, by_weight, tensor(by_bias, [bias_rows, co]))
}

/// `sum over pictures of grad columns^T`, computed as its transpose, which spares the matrix product a copy of the
/// columns. Several pictures lie side by side in one product: its size, and so the order of
/// additions, depends on the batch alone.
fn weight_gradient(sizes: &Sizes, x: &Tensor, weight: &Tensor, grad: &Tensor) -> Tensor {
    let Sizes { n, ci, co, output: [_, wo], .. } = *sizes;
    let (depth, pixels) = (sizes.depth(), sizes.out_pixels());
    let taps = sizes.kernel[0] * sizes.kernel[1];
    let plane = sizes.input[0] * sizes.input[1];
    let (input, slopes) = (numbers(x), numbers(grad));
    let mut total: Option<Tensor> = None;
    for (first, rows) in sizes.bands() {
        let band = rows * wo;
        let together = sizes.pictures(band);
        let mut columns = Scratch::take(together * depth * band);
        for start in (0..n).step_by(together) {
            let count = together.min(n - start);
            let line = count * band;
            columns.numbers_mut()[..depth * line].par_chunks_mut(taps * line).enumerate().for_each(
                |(channel, lines)| {
                    for picture in 0..count {
                        let plane = &input[((start + picture) * ci + channel) * plane..][..plane];
                        sizes.gather(plane, first, rows, &mut lines[picture * band..], line);
                    }
                },
            );
            let mut turned = vec![0.0_f32; co * line];
            turned.par_chunks_mut(line).enumerate().for_each(|(channel, line)| {
                for (picture, out) in line.chunks_exact_mut(band).enumerate() {
                    let from = ((start + picture) * co + channel) * pixels + first * wo;
                    out.copy_from_slice(&slopes[from..from + band]);
                }
            });
            let turned = tensor(turned, [co, line]);
            let part = product(columns.view([depth, line]), Flex::float_swap_dims(turned, 0, 1));
            total = Some(match total {
                None => part,
                Some(total) => Flex::float_add(total, part),
            });
        }
    }
    let shape = dims::<4>(weight);
    match total {
        Some(total) => reshape(packed(Flex::float_swap_dims(total, 0, 1)), shape),
        None => tensor(vec![0.0; shape.iter().product()], shape),
    }
}

/// The gradient by the input.
fn input_gradient(sizes: &Sizes, weight: Tensor, grad: Tensor) -> Tensor {
    let [kh, kw] = sizes.kernel;
    let Conv2d { stride, pad_rows, pad_cols } = sizes.options;
    let fits = pad_rows.0.max(pad_rows.1) < kh && pad_cols.0.max(pad_cols.1) < kw;
    if stride == 1 && fits {
        let options = Conv2d {
            stride: 1,
            pad_rows: (kh - 1 - pad_rows.0, kh - 1 - pad_rows.1),
            pad_cols: (kw - 1 - pad_cols.0, kw - 1 - pad_cols.1),
        };
        return forward(grad, turned_weight(&weight), None, options);
    }
    let Sizes { n, ci, co, input: [h, w], output: [_, wo], .. } = *sizes;
    let (depth, pixels) = (sizes.depth(), sizes.out_pixels());
    let mut out = vec![0.0_f32; n * ci * h * w];
    if out.is_empty() || pixels == 0 {
        return tensor(out, [n, ci, h, w]);
    }
    let weight = Flex::float_swap_dims(reshape(weight, [1, co, depth]), 1, 2);
    let grad = reshape(grad, [n, co, pixels]);
    for (first, rows) in sizes.bands() {
        let band = rows * wo;
        let together = sizes.pictures(band);
        for start in (0..n).step_by(together) {
            let count = together.min(n - start);
            let slices = [
                Slice::from(start..start + count),
                Slice::from(0..co),
                Slice::from(first * wo..first * wo + band),
            ];
            let columns = packed(product(weight.clone(), Flex::float_slice(grad.clone(), &slices)));
            let lines = kh * kw * band;
            out[start * ci * h * w..][..count * ci * h * w]
                .par_chunks_mut(h * w)
                .zip(numbers(&columns).par_chunks(lines))
                .for_each(|(plane, lines)| sizes.scatter(lines, first, rows, plane));
        }
    }
    tensor(out, [n, ci, h, w])
}

/// The weights with input and output channels exchanged and each kernel turned by half a turn.
fn turned_weight(weight: &Tensor) -> Tensor {
    let [co, ci, kh, kw] = dims::<4>(weight);
    let taps = kh * kw;
    let values = numbers(weight);
    let mut out = vec![0.0_f32; values.len()];
    for o in 0..co {
        for i in 0..ci {
            let kernel = &values[(o * ci + i) * taps..][..taps];
            let turned = &mut out[(i * co + o) * taps..][..taps];
            turned.iter_mut().zip(kernel.iter().rev()).for_each(|(out, value)| *out = *value);
        }
    }
    tensor(out, [ci, co, kh, kw])
}
