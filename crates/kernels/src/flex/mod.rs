//! The CPU's own bodies: the same sums as the plain ones with fewer passes over memory, in an order that depends on
//! shapes alone, so that neither the batch a picture is in nor the number of threads changes a bit of it.
//!
//! Tensors of another type than f32 take the plain bodies.

mod adamw;
mod attention;
mod conv;
mod group_norm;
mod pixels;
mod sigmoid;

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{DType, TensorData};

use crate::ops::{AdamW, Attention, Conv2d, DiffusionOps, GroupNorm};
use crate::plain;

/// The CPU tensor.
type Tensor = FloatTensor<Flex>;

fn all_f32(tensors: &[&Tensor]) -> bool {
    tensors.iter().all(|tensor| tensor.dtype() == DType::F32)
}

/// The tensor laid out plainly, so that [`numbers`] can see it; no copy where it already is.
fn packed(x: Tensor) -> Tensor {
    if x.as_slice::<f32>().is_some() { x } else { x.to_contiguous() }
}

fn numbers(x: &Tensor) -> &[f32] {
    x.as_slice::<f32>().expect("a packed f32 tensor")
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor {
    Tensor::from_data(TensorData::new(values, shape))
}

fn dims<const D: usize>(x: &Tensor) -> [usize; D] {
    x.layout().shape().dims()
}

impl DiffusionOps for Flex {
    fn image_conv(x: Tensor, weight: Tensor, bias: Tensor, options: Conv2d) -> Tensor {
        if all_f32(&[&x, &weight, &bias]) {
            conv::forward(packed(x), packed(weight), Some(packed(bias)), options)
        } else {
            plain::image_conv::<Self>(x, weight, bias, options)
        }
    }

    fn image_conv_backward(
        x: Tensor,
        weight: Tensor,
        grad: Tensor,
        bias_rows: usize,
        options: Conv2d,
        input_grad: bool,
    ) -> (Tensor, Tensor, Tensor) {
        if all_f32(&[&x, &weight, &grad]) {
            conv::backward(packed(x), packed(weight), packed(grad), bias_rows, options, input_grad)
        } else {
            plain::image_conv_backward::<Self>(x, weight, grad, bias_rows, options, input_grad)
        }
    }

    fn group_norm_act(x: Tensor, scale: Tensor, shift: Tensor, options: GroupNorm) -> Tensor {
        if all_f32(&[&x, &scale, &shift]) {
            group_norm::forward(&packed(x), &packed(scale), &packed(shift), options)
        } else {
            plain::group_norm_act::<Self>(x, scale, shift, options)
        }
    }

    fn group_norm_act_backward(
        x: Tensor,
        scale: Tensor,
        shift: Tensor,
        grad: Tensor,
        options: GroupNorm,
    ) -> (Tensor, Tensor, Tensor) {
        if all_f32(&[&x, &scale, &shift, &grad]) {
            group_norm::backward(&packed(x), &packed(scale), &packed(shift), &packed(grad), options)
        } else {
            plain::group_norm_act_backward::<Self>(x, scale, shift, grad, options)
        }
    }

    fn softmax_attention(q: Tensor, k: Tensor, v: Tensor, options: Attention) -> Tensor {
        if all_f32(&[&q, &k, &v]) {
            attention::forward(q, k, v, options)
        } else {
            plain::softmax_attention::<Self>(q, k, v, options)
        }
    }

    fn softmax_attention_backward(
        q: Tensor,
        k: Tensor,
        v: Tensor,
        grad: Tensor,
        options: Attention,
    ) -> (Tensor, Tensor, Tensor) {
        if all_f32(&[&q, &k, &v, &grad]) {
            attention::backward(q, k, v, grad, options)
        } else {
            plain::softmax_attention_backward::<Self>(q, k, v, grad, options)
        }
    }

    fn swish(x: Tensor) -> Tensor {
        if all_f32(&[&x]) { sigmoid::swish(packed(x)) } else { plain::swish::<Self>(x) }
    }

    fn swish_backward(x: Tensor, grad: Tensor) -> Tensor {
        if all_f32(&[&x, &grad]) {
            sigmoid::swish_backward(&packed(x), packed(grad))
        } else {
            plain::swish_backward::<Self>(x, grad)
        }
    }

    fn double_pixels(x: Tensor, factor: f64) -> Tensor {
        if all_f32(&[&x]) {
            pixels::double(&packed(x), factor)
        } else {
            plain::double_pixels::<Self>(x, factor)
        }
    }

    fn halve_pixels(x: Tensor, factor: f64) -> Tensor {
        if all_f32(&[&x]) {
            pixels::halve(&packed(x), factor)
        } else {
            plain::halve_pixels::<Self>(x, factor)
        }
    }

    fn adamw_ema(
        param: Tensor,
        grad: Tensor,
        m: Tensor,
        v: Tensor,
        ema: Tensor,
        options: AdamW,
    ) -> (Tensor, Tensor, Tensor, Tensor) {
        if all_f32(&[&param, &grad, &m, &v, &ema]) {
            adamw::step(packed(param), &packed(grad), packed(m), packed(v), packed(ema), options)
        } else {
            plain::adamw_ema::<Self>(param, grad, m, v, ema, options)
        }
    }
}
