//! The AdamW step with its moving average.

use burn::backend::Backend;
use burn::backend::tensor::FloatTensor;

use crate::options::AdamW;

/// See [`crate::DiffusionOps::adamw_ema`].
pub fn adamw_ema<B: Backend>(
    param: FloatTensor<B>,
    grad: FloatTensor<B>,
    m: FloatTensor<B>,
    v: FloatTensor<B>,
    ema: FloatTensor<B>,
    options: AdamW,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let mix = |old: FloatTensor<B>, keep: f64, new: FloatTensor<B>| {
        B::float_add(B::float_mul_scalar(old, keep.into()), B::float_mul_scalar(new, (1.0 - keep).into()))
    };
    let grad = B::float_mul_scalar(grad, options.grad_scale.into());
    let m = mix(m, options.beta1, grad.clone());
    let v = mix(v, options.beta2, B::float_mul(grad.clone(), grad));
    let (step, root) = options.step_sizes();
    let below =
        B::float_add_scalar(B::float_mul_scalar(B::float_sqrt(v.clone()), root.into()), options.eps.into());
    let change = B::float_mul_scalar(B::float_div(m.clone(), below), step.into());
    let param = B::float_mul_scalar(param, (1.0 - options.learning_rate * options.weight_decay).into());
    let param = B::float_sub(param, change);
    let ema = mix(ema, options.ema_decay, param.clone());
    (param, m, v, ema)
}
