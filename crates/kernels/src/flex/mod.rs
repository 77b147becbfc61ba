//! The CPU's own bodies: the same sums as the plain ones with fewer passes over memory, in an order that depends on
//! shapes alone, so that neither the batch an image is in nor the number of threads changes a bit of it.
//!
//! Tensors of another type than f32 take the plain bodies.

mod adamw;
mod attention;
mod blocks;
mod buffers;
mod conv;
#[cfg(test)]
mod every_number;
mod gated_residual;
mod gelu;
mod gemm;
mod group_norm;
mod half;
mod indirect;
mod joined;
mod lanes;
mod linear;
mod matrix;
mod modulated_norm;
mod pack;
mod peak;
mod pixels;
mod sigmoid;
mod simd;
mod taps;
mod tensors;
pub(crate) mod weight_cache;
mod winograd;

pub use peak::peak_gflops;
pub use simd::Isa;

use burn::backend::Flex;

use crate::ops::DiffusionOps;
use crate::options::{AdamW, Attention, Conv2d, Gelu, GroupNorm};
use crate::plain;
use tensors::{Tensor, all_f32, packed};

/// The fast body where all tensors are f32, the plain one otherwise.
macro_rules! fast_or_plain {
    ([$($tensor:ident),*], $fast:expr, $plain:expr) => {
        if all_f32(&[$(&$tensor),*]) {
            $(let $tensor = packed($tensor);)*
            $fast
        } else {
            $plain
        }
    };
}

impl DiffusionOps for Flex {
    fn image_conv(x: Tensor, weight: Tensor, bias: Tensor, options: Conv2d) -> Tensor {
        fast_or_plain!(
            [x, weight, bias],
            conv::forward(&x, &weight, &bias, options),
            plain::image_conv::<Self>(x, weight, bias, options)
        )
    }

    fn image_conv_backward(
        x: Tensor,
        weight: Tensor,
        grad: Tensor,
        bias_rows: usize,
        options: Conv2d,
        input_grad: bool,
    ) -> (Tensor, Tensor, Tensor) {
        fast_or_plain!(
            [x, weight, grad],
            conv::backward(&x, &weight, &grad, bias_rows, options, input_grad),
            plain::image_conv_backward::<Self>(x, weight, grad, bias_rows, options, input_grad)
        )
    }

    fn row_linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor {
        fast_or_plain!(
            [x, weight, bias],
            linear::forward(&x, &weight, &bias),
            plain::row_linear::<Self>(x, weight, bias)
        )
    }

    fn row_linear_backward(x: Tensor, weight: Tensor, grad: Tensor) -> (Tensor, Tensor, Tensor) {
        fast_or_plain!(
            [x, weight, grad],
            linear::backward(&x, &weight, &grad),
            plain::row_linear_backward::<Self>(x, weight, grad)
        )
    }

    fn group_norm_act(x: Tensor, scale: Tensor, shift: Tensor, options: GroupNorm) -> Tensor {
        fast_or_plain!(
            [x, scale, shift],
            group_norm::forward([&x], &scale, &shift, options),
            plain::group_norm_act::<Self>(x, scale, shift, options)
        )
    }

    fn group_norm_act_backward(
        x: Tensor,
        scale: Tensor,
        shift: Tensor,
        grad: Tensor,
        options: GroupNorm,
    ) -> (Tensor, Tensor, Tensor) {
        fast_or_plain!(
            [x, scale, shift, grad],
            {
                let ([by_x], by_scale, by_shift) = group_norm::backward([&x], &scale, &shift, &grad, options);
                (by_x, by_scale, by_shift)
            },
            plain::group_norm_act_backward::<Self>(x, scale, shift, grad, options)
        )
    }

    fn joined_conv(a: Tensor, b: Tensor, weight: Tensor, bias: Tensor, options: Conv2d) -> Tensor {
        fast_or_plain!(
            [a, b, weight, bias],
            joined::forward(&a, &b, &weight, &bias, options),
            plain::joined_conv::<Self>(a, b, weight, bias, options)
        )
    }

    fn joined_conv_backward(
        a: Tensor,
        b: Tensor,
        weight: Tensor,
        grad: Tensor,
        bias_rows: usize,
        options: Conv2d,
    ) -> (Tensor, Tensor, Tensor, Tensor) {
        fast_or_plain!(
            [a, b, weight, grad],
            joined::backward(&a, &b, &weight, &grad, bias_rows, options),
            plain::joined_conv_backward::<Self>(a, b, weight, grad, bias_rows, options)
        )
    }

    fn joined_norm_act(a: Tensor, b: Tensor, scale: Tensor, shift: Tensor, options: GroupNorm) -> Tensor {
        fast_or_plain!(
            [a, b, scale, shift],
            group_norm::forward([&a, &b], &scale, &shift, options),
            plain::joined_norm_act::<Self>(a, b, scale, shift, options)
        )
    }

    fn joined_norm_act_backward(
        a: Tensor,
        b: Tensor,
        scale: Tensor,
        shift: Tensor,
        grad: Tensor,
        options: GroupNorm,
    ) -> (Tensor, Tensor, Tensor, Tensor) {
        fast_or_plain!(
            [a, b, scale, shift, grad],
            {
                let ([by_a, by_b], by_scale, by_shift) =
                    group_norm::backward([&a, &b], &scale, &shift, &grad, options);
                (by_a, by_b, by_scale, by_shift)
            },
            plain::joined_norm_act_backward::<Self>(a, b, scale, shift, grad, options)
        )
    }

    fn softmax_attention(q: Tensor, k: Tensor, v: Tensor, options: Attention) -> Tensor {
        fast_or_plain!(
            [q, k, v],
            attention::forward(&q, &k, &v, options),
            plain::softmax_attention::<Self>(q, k, v, options)
        )
    }

    fn softmax_attention_backward(
        q: Tensor,
        k: Tensor,
        v: Tensor,
        grad: Tensor,
        options: Attention,
    ) -> (Tensor, Tensor, Tensor) {
        fast_or_plain!(
            [q, k, v, grad],
            attention::backward(&q, &k, &v, &grad, options),
            plain::softmax_attention_backward::<Self>(q, k, v, grad, options)
        )
    }

    fn modulated_norm(x: Tensor, scale: Tensor, shift: Tensor, eps: f64) -> Tensor {
        fast_or_plain!(
            [x, scale, shift],
            modulated_norm::forward(&x, &scale, &shift, eps),
            plain::modulated_norm::<Self>(x, scale, shift, eps)
        )
    }

    fn modulated_norm_backward(x: Tensor, scale: Tensor, grad: Tensor, eps: f64) -> (Tensor, Tensor, Tensor) {
        fast_or_plain!(
            [x, scale, grad],
            modulated_norm::backward(&x, &scale, &grad, eps),
            plain::modulated_norm_backward::<Self>(x, scale, grad, eps)
        )
    }

    fn gated_residual(x: Tensor, y: Tensor, gate: Tensor) -> Tensor {
        fast_or_plain!(
            [x, y, gate],
            gated_residual::forward(&x, &y, &gate),
            plain::gated_residual::<Self>(x, y, gate)
        )
    }

    fn gated_residual_backward(y: Tensor, gate: Tensor, grad: Tensor) -> (Tensor, Tensor) {
        fast_or_plain!(
            [y, gate, grad],
            gated_residual::backward(&y, &gate, &grad),
            plain::gated_residual_backward::<Self>(y, gate, grad)
        )
    }

    fn gelu_act(x: Tensor, kind: Gelu) -> Tensor {
        fast_or_plain!([x], gelu::forward(&x, kind), plain::gelu_act::<Self>(x, kind))
    }

    fn gelu_act_backward(x: Tensor, grad: Tensor, kind: Gelu) -> Tensor {
        fast_or_plain!(
            [x, grad],
            gelu::backward(&x, &grad, kind),
            plain::gelu_act_backward::<Self>(x, grad, kind)
        )
    }

    fn gated_gelu(x: Tensor, kind: Gelu) -> Tensor {
        fast_or_plain!([x], gelu::gated_forward(&x, kind), plain::gated_gelu::<Self>(x, kind))
    }

    fn gated_gelu_backward(x: Tensor, grad: Tensor, kind: Gelu) -> Tensor {
        fast_or_plain!(
            [x, grad],
            gelu::gated_backward(&x, &grad, kind),
            plain::gated_gelu_backward::<Self>(x, grad, kind)
        )
    }

    fn swish(x: Tensor) -> Tensor {
        fast_or_plain!([x], sigmoid::swish(x), plain::swish::<Self>(x))
    }

    fn swish_backward(x: Tensor, grad: Tensor) -> Tensor {
        fast_or_plain!([x, grad], sigmoid::swish_backward(&x, &grad), plain::swish_backward::<Self>(x, grad))
    }

    fn upsample_nearest(x: Tensor, factor: f64) -> Tensor {
        fast_or_plain!([x], pixels::upsample_nearest(&x, factor), plain::upsample_nearest::<Self>(x, factor))
    }

    fn mean_pool(x: Tensor, factor: f64) -> Tensor {
        fast_or_plain!([x], pixels::mean_pool(&x, factor), plain::mean_pool::<Self>(x, factor))
    }

    fn join_channels(a: Tensor, b: Tensor) -> Tensor {
        fast_or_plain!([a, b], pixels::join(&a, &b), plain::join_channels::<Self>(a, b))
    }

    fn split_channels(x: Tensor, first: usize) -> (Tensor, Tensor) {
        fast_or_plain!([x], pixels::split(&x, first), plain::split_channels::<Self>(x, first))
    }

    fn adamw_ema(
        param: Tensor,
        grad: Tensor,
        m: Tensor,
        v: Tensor,
        ema: Tensor,
        options: AdamW,
    ) -> (Tensor, Tensor, Tensor, Tensor) {
        fast_or_plain!(
            [param, grad, m, v, ema],
            adamw::step(param, &grad, m, v, ema, options),
            plain::adamw_ema::<Self>(param, grad, m, v, ema, options)
        )
    }
}
