//! Group norm with its modulation and SiLU: one pass over the pixels for the statistics, one for the result; backward one
//! more. Channels lie beside each other, so every pass runs over whole vectors of them; pixels are taken in blocks whose
//! size the shape alone decides.

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;

use super::blocks::{Blocks, sum_rows};
use super::lanes::SIDE;
use super::sigmoid::{fma, silu, silu_slope};
use super::simd::{Isa, Simd, vectorised};
use super::tensors::{Tensor, dims, numbers, tensor};
use crate::options::GroupNorm;

/// The sizes of one norm.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    blocks: Blocks,
    /// Rows of scale and shift.
    rows: usize,
    options: GroupNorm,
}

/// The channels of one tensor among those that are normalised together.
#[derive(Clone, Copy)]
struct Side<'a> {
    x: &'a [f32],
    c: usize,
    /// The first of the norm's channels.
    first: usize,
}

impl<'a> Side<'a> {
    /// The sides of tensors whose channels lie beside each other.
    fn all<const N: usize>(tensors: [&'a Tensor; N]) -> [Self; N] {
        let mut first = 0;
        tensors.map(|x| {
            let [.., c] = dims::<4>(x);
            first += c;
            Self { x: numbers(x), c, first: first - c }
        })
    }

    /// The numbers of some pixels.
    fn of(&self, pixels: &Range<usize>) -> &'a [f32] {
        &self.x[pixels.start * self.c..pixels.end * self.c]
    }

    fn channels(&self) -> Range<usize> {
        self.first..self.first + self.c
    }

    /// This side's channels of pixels of `c`; copied if there are others, a block that stays in the first cache.
    fn cut<'b>(&self, pixels: &'b [f32], c: usize) -> Cow<'b, [f32]> {
        if self.c == c {
            return Cow::Borrowed(pixels);
        }
        let mut own = Vec::with_capacity(pixels.len() / c * self.c);
        pixels.chunks_exact(c).for_each(|pixel| own.extend_from_slice(&pixel[self.channels()]));
        Cow::Owned(own)
    }
}

impl Sizes {
    fn new<const N: usize>(tensors: [&Tensor; N], scale: &Tensor, options: GroupNorm) -> Self {
        let [n, h, w, _] = dims::<4>(tensors[0]);
        let c = tensors.map(|x| dims::<4>(x)[3]).iter().sum::<usize>();
        Self { blocks: Blocks::new(n, h * w, c), rows: dims::<2>(scale)[0], options }
    }

    /// The modulation of an image.
    fn row<'a>(&self, modulation: &'a [f32], image: usize) -> &'a [f32] {
        let (c, row) = (self.blocks.c, if self.rows == 1 { 0 } else { image });
        &modulation[row * c..][..c]
    }
}

/// Mean and `1 / std` of each channel's group, `[n, c]` both.
struct Statistics {
    mean: Vec<f32>,
    inverse_std: Vec<f32>,
}

/// [`moments_body`] of `N` times `SIDE` channels from `first` on, whose sums stay in registers.
#[inline(always)]
fn moments_of<S: Simd, const N: usize>(
    x: &[f32],
    pivot: &[f32],
    first: usize,
    sums: &mut [f32],
    squares: &mut [f32],
) {
    let (c, end) = (pivot.len(), first + N * SIDE);
    let pivots = &pivot[first..end].as_chunks::<SIDE>().0[..N];
    let (mut sum, mut square) = ([[0.0_f32; SIDE]; N], [[0.0_f32; SIDE]; N]);
    for pixel in x.chunks_exact(c) {
        let pixels = &pixel[first..end].as_chunks::<SIDE>().0[..N];
        for j in 0..N {
            for i in 0..SIDE {
                let value = pixels[j][i] - pivots[j][i];
                sum[j][i] += value;
                square[j][i] = fma::<S>(value, value, square[j][i]);
            }
        }
    }
    sums[first..end].copy_from_slice(sum.as_flattened());
    squares[first..end].copy_from_slice(square.as_flattened());
}

#[inline(always)]
fn moments_body<S: Simd>(x: &[f32], pivot: &[f32], sums: &mut [f32], squares: &mut [f32]) {
    let (c, mut first) = (pivot.len(), 0);
    while first + 4 * SIDE <= c {
        moments_of::<S, 4>(x, pivot, first, sums, squares);
        first += 4 * SIDE;
    }
    while first + SIDE <= c {
        moments_of::<S, 1>(x, pivot, first, sums, squares);
        first += SIDE;
    }
    for pixel in x.chunks_exact(c) {
        for i in first..c {
            let value = pixel[i] - pivot[i];
            sums[i] += value;
            squares[i] = fma::<S>(value, value, squares[i]);
        }
    }
}

vectorised! {
    /// Adds to `sums` and `squares`, which are zero, those of each channel's distance from `pivot`.
    fn moments(isa, x: &[f32], pivot: &[f32], sums: &mut [f32], squares: &mut [f32]) = moments_body
}

/// Distances are taken from each channel's first pixel, so that a large mean does not eat the variance's digits.
fn statistics(isa: Isa, sizes: &Sizes, sides: &[Side<'_>]) -> Statistics {
    let Blocks { n, c, .. } = sizes.blocks;
    if sizes.options.groups == 0 {
        return Statistics { mean: vec![0.0; n * c], inverse_std: vec![1.0; n * c] };
    }
    let width = c / sizes.options.groups;
    let mut parts = vec![0.0_f32; n * sizes.blocks.each() * 2 * c];
    parts.par_chunks_mut(2 * c).enumerate().for_each(|(index, part)| {
        let (image, span) = sizes.blocks.span(index);
        let (sums, squares) = part.split_at_mut(c);
        for side in sides {
            let pivot = &side.x[image * sizes.blocks.pixels * side.c..][..side.c];
            let (sums, squares) = (&mut sums[side.channels()], &mut squares[side.channels()]);
            moments(isa, side.of(&span), pivot, sums, squares);
        }
    });
    let mut mean = vec![0.0_f32; n * c];
    let mut inverse_std = vec![0.0_f32; n * c];
    let pixels = sizes.blocks.pixels as f64;
    for image in 0..n {
        let parts = &parts[image * sizes.blocks.each() * 2 * c..][..sizes.blocks.each() * 2 * c];
        let total = |i: usize| parts.chunks_exact(2 * c).map(|part| f64::from(part[i])).sum::<f64>() / pixels;
        let pivots = sides.iter().flat_map(|side| &side.x[image * sizes.blocks.pixels * side.c..][..side.c]);
        let channels: Vec<(f64, f64)> = pivots
            .enumerate()
            .map(|(i, pivot)| {
                let offset = total(i);
                (f64::from(*pivot) + offset, (total(c + i) - offset * offset).max(0.0))
            })
            .collect();
        for (group, channels) in channels.chunks_exact(width).enumerate() {
            let middle = channels.iter().map(|(mean, _)| mean).sum::<f64>() / width as f64;
            let spread = |(mean, variance): &(f64, f64)| variance + (mean - middle) * (mean - middle);
            let variance = channels.iter().map(spread).sum::<f64>() / width as f64;
            let span = image * c + group * width..image * c + (group + 1) * width;
            mean[span.clone()].fill(middle as f32);
            inverse_std[span].fill((1.0 / (variance + sizes.options.eps).sqrt()) as f32);
        }
    }
    Statistics { mean, inverse_std }
}

#[inline(always)]
fn applied<S: Simd>(x: f32, factor: f32, offset: f32, act: bool) -> f32 {
    let value = fma::<S>(x, factor, offset);
    if act { silu::<S>(value) } else { value }
}

#[inline(always)]
fn apply_body<S: Simd>(x: &[f32], factor: &[f32], offset: &[f32], act: bool, out: &mut [f32], stride: usize) {
    let c = factor.len();
    let ((factors, last_factors), (offsets, last_offsets)) =
        (factor.as_chunks::<SIDE>(), offset.as_chunks::<SIDE>());
    for (out, pixel) in out.chunks_mut(stride).zip(x.chunks_exact(c)) {
        let ((outs, last_outs), (pixels, last_pixels)) =
            (out[..c].as_chunks_mut::<SIDE>(), pixel.as_chunks::<SIDE>());
        for (((out, pixel), factor), offset) in outs.iter_mut().zip(pixels).zip(factors).zip(offsets) {
            for i in 0..SIDE {
                out[i] = applied::<S>(pixel[i], factor[i], offset[i], act);
            }
        }
        for (i, out) in last_outs.iter_mut().enumerate() {
            *out = applied::<S>(last_pixels[i], last_factors[i], last_offsets[i], act);
        }
    }
}

vectorised! {
    /// `act(x * factor + offset)` by channel; the pixels of `out` are `stride` apart.
    fn apply(
        isa,
        x: &[f32],
        factor: &[f32],
        offset: &[f32],
        act: bool,
        out: &mut [f32],
        stride: usize,
    ) = apply_body
}

/// What norm and modulation come down to: `x * factor + offset`, `[n, c]` both.
fn folded(sizes: &Sizes, statistics: &Statistics, scale: &[f32], shift: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let mut factors = Vec::with_capacity(sizes.blocks.n * sizes.blocks.c);
    let mut offsets = Vec::with_capacity(sizes.blocks.n * sizes.blocks.c);
    for image in 0..sizes.blocks.n {
        let (scale, shift) = (sizes.row(scale, image), sizes.row(shift, image));
        for channel in 0..sizes.blocks.c {
            let at = image * sizes.blocks.c + channel;
            let factor = statistics.inverse_std[at] * scale[channel];
            factors.push(factor);
            offsets.push(shift[channel] - statistics.mean[at] * factor);
        }
    }
    (factors, offsets)
}

/// See [`crate::DiffusionOps::group_norm_act`] and, for two tensors, [`crate::DiffusionOps::joined_norm_act`].
pub(super) fn forward<const N: usize>(
    tensors: [&Tensor; N],
    scale: &Tensor,
    shift: &Tensor,
    options: GroupNorm,
) -> Tensor {
    let [n, h, w, _] = dims::<4>(tensors[0]);
    let sizes = Sizes::new(tensors, scale, options);
    let (shape, c) = ([n, h, w, sizes.blocks.c], sizes.blocks.c);
    let (isa, sides) = (Isa::best(), Side::all(tensors));
    if n * h * w * c == 0 {
        return tensor(vec![], shape);
    }
    let statistics = statistics(isa, &sizes, &sides);
    let (factors, offsets) = folded(&sizes, &statistics, numbers(scale), numbers(shift));
    let out = sizes.blocks.filled(|image, span, out| {
        let of_image = image * c..(image + 1) * c;
        let (factors, offsets) = (&factors[of_image.clone()], &offsets[of_image]);
        for side in &sides {
            let (factors, offsets) = (&factors[side.channels()], &offsets[side.channels()]);
            apply(isa, side.of(&span), factors, offsets, options.silu, &mut out[side.first..], c);
        }
    });
    tensor(out, shape)
}

/// One image's channels, for the backward pass.
#[derive(Clone, Copy)]
struct Channels<'a> {
    mean: &'a [f32],
    inverse_std: &'a [f32],
    scale: &'a [f32],
    shift: &'a [f32],
}

impl Channels<'_> {
    /// Some of them.
    fn of(&self, span: Range<usize>) -> Self {
        let Self { mean, inverse_std, scale, shift } = *self;
        Self {
            mean: &mean[span.clone()],
            inverse_std: &inverse_std[span.clone()],
            scale: &scale[span.clone()],
            shift: &shift[span],
        }
    }
}

#[inline(always)]
fn slopes_body<S: Simd>(
    x: &[f32],
    grad: &[f32],
    at: Channels<'_>,
    act: bool,
    sums: (&mut [f32], &mut [f32]),
    out: &mut [f32],
) {
    let c = at.mean.len();
    let (by_shift, by_scale) = (&mut sums.0[..c], &mut sums.1[..c]);
    let (mean, inverse_std) = (&at.mean[..c], &at.inverse_std[..c]);
    let (scale, shift) = (&at.scale[..c], &at.shift[..c]);
    for ((out, pixel), grad) in out.chunks_exact_mut(c).zip(x.chunks_exact(c)).zip(grad.chunks_exact(c)) {
        for i in 0..c {
            let normalised = (pixel[i] - mean[i]) * inverse_std[i];
            let slope = if act {
                grad[i] * silu_slope::<S>(fma::<S>(normalised, scale[i], shift[i]))
            } else {
                grad[i]
            };
            by_shift[i] += slope;
            by_scale[i] = fma::<S>(slope, normalised, by_scale[i]);
            out[i] = slope;
        }
    }
}

vectorised! {
    /// The gradient of the modulated value, and its sums by channel, plain and times the normalised value.
    fn slopes(
        isa,
        x: &[f32],
        grad: &[f32],
        at: Channels<'_>,
        act: bool,
        sums: (&mut [f32], &mut [f32]),
        out: &mut [f32],
    ) = slopes_body
}

#[inline(always)]
fn finish_body<S: Simd>(x: &[f32], at: Channels<'_>, mean_grad: &[f32], projection: &[f32], out: &mut [f32]) {
    let c = at.mean.len();
    let (mean, inverse_std, scale) = (&at.mean[..c], &at.inverse_std[..c], &at.scale[..c]);
    let (mean_grad, projection) = (&mean_grad[..c], &projection[..c]);
    for (out, pixel) in out.chunks_exact_mut(c).zip(x.chunks_exact(c)) {
        for i in 0..c {
            let normalised = (pixel[i] - mean[i]) * inverse_std[i];
            out[i] = (out[i] * scale[i] - mean_grad[i] - normalised * projection[i]) * inverse_std[i];
        }
    }
}

vectorised! {
    /// From the gradient of the modulated value, in `out`, to the input's.
    fn finish(
        isa,
        x: &[f32],
        at: Channels<'_>,
        mean_grad: &[f32],
        projection: &[f32],
        out: &mut [f32],
    ) = finish_body
}

/// See [`crate::DiffusionOps::group_norm_act_backward`] and, for two tensors,
/// [`crate::DiffusionOps::joined_norm_act_backward`]: the gradients by each tensor, by scale and by shift.
pub(super) fn backward<const N: usize>(
    tensors: [&Tensor; N],
    scale: &Tensor,
    shift: &Tensor,
    grad: &Tensor,
    options: GroupNorm,
) -> ([Tensor; N], Tensor, Tensor) {
    let sizes = Sizes::new(tensors, scale, options);
    let Sizes { blocks: Blocks { n, c, .. }, rows, .. } = sizes;
    let (isa, sides) = (Isa::best(), Side::all(tensors));
    let (scale, shift, grad) = (numbers(scale), numbers(shift), numbers(grad));
    if grad.is_empty() {
        let zeros = || tensor(vec![0.0; rows * c], [rows, c]);
        return (tensors.map(|x| tensor(vec![], dims::<4>(x))), zeros(), zeros());
    }
    let statistics = statistics(isa, &sizes, &sides);
    let channels = |image: usize| Channels {
        mean: &statistics.mean[image * c..][..c],
        inverse_std: &statistics.inverse_std[image * c..][..c],
        scale: sizes.row(scale, image),
        shift: sizes.row(shift, image),
    };
    let count = sizes.blocks.each();
    let mut parts = vec![0.0_f32; n * count * 2 * c];
    let mut by_x = sides.map(|side| vec![0.0_f32; side.x.len()]);
    let spans: Vec<_> = (0..n * count).map(|index| sizes.blocks.span(index)).collect();
    let mut rest = by_x.each_mut().map(|by_x| by_x.as_mut_slice());
    let mut pieces: Vec<[&mut [f32]; N]> = Vec::with_capacity(spans.len());
    for (_, span) in &spans {
        let mut at = 0;
        pieces.push(rest.each_mut().map(|rest| {
            let (piece, more) = std::mem::take(rest).split_at_mut(span.len() * sides[at].c);
            *rest = more;
            at += 1;
            piece
        }));
    }
    pieces.par_iter_mut().zip(parts.par_chunks_mut(2 * c)).zip(&spans).for_each(
        |((outs, part), (image, span))| {
            let grad = &grad[span.start * c..span.end * c];
            let (by_shift, by_scale) = part.split_at_mut(c);
            for (side, out) in sides.iter().zip(outs) {
                let at = channels(*image).of(side.channels());
                let sums = (&mut by_shift[side.channels()], &mut by_scale[side.channels()]);
                slopes(isa, side.of(span), &side.cut(grad, c), at, options.silu, sums, out);
            }
        },
    );
    let mut by_shift = vec![0.0_f32; n * c];
    let mut by_scale = vec![0.0_f32; n * c];
    let mut mean_grad = vec![0.0_f32; n * c];
    let mut projection = vec![0.0_f32; n * c];
    let width = c / options.groups.max(1);
    let size = (width * sizes.blocks.pixels) as f64;
    for image in 0..n {
        let parts = &parts[image * count * 2 * c..][..count * 2 * c];
        let total = |i: usize| parts.chunks_exact(2 * c).map(|part| f64::from(part[i])).sum::<f64>();
        let scale = sizes.row(scale, image);
        for group in 0..options.groups.max(1) {
            let (mut sum, mut product) = (0.0, 0.0);
            for channel in group * width..(group + 1) * width {
                let (shift, dot) = (total(channel), total(c + channel));
                by_shift[image * c + channel] = shift as f32;
                by_scale[image * c + channel] = dot as f32;
                sum += shift * f64::from(scale[channel]);
                product += dot * f64::from(scale[channel]);
            }
            if options.groups == 0 {
                continue;
            }
            let span = image * c + group * width..image * c + (group + 1) * width;
            mean_grad[span.clone()].fill((sum / size) as f32);
            projection[span].fill((product / size) as f32);
        }
    }
    pieces.par_iter_mut().zip(&spans).for_each(|(outs, (image, span))| {
        let of_image = image * c..(image + 1) * c;
        let (mean_grad, projection) = (&mean_grad[of_image.clone()], &projection[of_image]);
        for (side, out) in sides.iter().zip(outs) {
            let at = channels(*image).of(side.channels());
            let (mean_grad, projection) = (&mean_grad[side.channels()], &projection[side.channels()]);
            finish(isa, side.of(span), at, mean_grad, projection, out);
        }
    });
    if rows == 1 {
        by_scale = sum_rows(&by_scale, c);
        by_shift = sum_rows(&by_shift, c);
    }
    let mut by_x = by_x.into_iter();
    let by_x = tensors.map(|x| tensor(by_x.next().expect("one for each tensor"), dims::<4>(x)));
    (by_x, tensor(by_scale, [rows, c]), tensor(by_shift, [rows, c]))
}
