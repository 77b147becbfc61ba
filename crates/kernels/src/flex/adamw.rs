//! AdamW and the weight average in one pass, in place where nobody else holds the tensors.

use rayon::prelude::*;

use super::{Tensor, numbers};
use crate::ops::AdamW;

/// Numbers one task works on.
const CHUNK: usize = 1 << 14;

/// See [`crate::DiffusionOps::adamw_ema`].
pub(super) fn step(
    mut param: Tensor,
    grad: &Tensor,
    mut m: Tensor,
    mut v: Tensor,
    mut ema: Tensor,
    options: AdamW,
) -> (Tensor, Tensor, Tensor, Tensor) {
    let (step, root) = options.step_sizes();
    let (step, root) = (step as f32, root as f32);
    let (beta1, beta2) = (options.beta1 as f32, options.beta2 as f32);
    let (rest1, rest2) = ((1.0 - options.beta1) as f32, (1.0 - options.beta2) as f32);
    let (keep, eps) = ((1.0 - options.learning_rate * options.weight_decay) as f32, options.eps as f32);
    let (decay, rest) = (options.ema_decay as f32, (1.0 - options.ema_decay) as f32);
    let grad_scale = options.grad_scale as f32;
    let span = |x: &Tensor| x.layout().start_offset()..x.layout().start_offset() + x.layout().num_elements();
    let spans = [span(&param), span(&m), span(&v), span(&ema)];
    let [of_param, of_m, of_v, of_ema] = spans;
    param.storage_mut::<f32>()[of_param]
        .par_chunks_mut(CHUNK)
        .zip(m.storage_mut::<f32>()[of_m].par_chunks_mut(CHUNK))
        .zip(v.storage_mut::<f32>()[of_v].par_chunks_mut(CHUNK))
        .zip(ema.storage_mut::<f32>()[of_ema].par_chunks_mut(CHUNK))
        .zip(numbers(grad).par_chunks(CHUNK))
        .for_each(|((((param, m), v), ema), grad)| {
            for i in 0..grad.len() {
                let g = grad[i] * grad_scale;
                m[i] = m[i] * beta1 + g * rest1;
                v[i] = v[i] * beta2 + g * g * rest2;
                let change = m[i] / (v[i].sqrt() * root + eps) * step;
                param[i] = param[i] * keep - change;
                ema[i] = ema[i] * decay + param[i] * rest;
            }
        });
    (param, m, v, ema)
}
