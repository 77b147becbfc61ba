//! AdamW and the weight average in one pass, in place where nobody else holds the tensors.

use rayon::prelude::*;

use super::simd::{Isa, Simd, vectorised};
use super::tensors::{Tensor, numbers};
use crate::options::AdamW;

/// Numbers one task works on.
const CHUNK: usize = 1 << 14;

/// The step's numbers in f32.
#[derive(Clone, Copy)]
struct Factors {
    step: f32,
    root: f32,
    beta1: f32,
    beta2: f32,
    rest1: f32,
    rest2: f32,
    keep: f32,
    eps: f32,
    decay: f32,
    rest: f32,
    grad_scale: f32,
}

#[inline(always)]
fn chunk_body<S: Simd>(
    param: &mut [f32],
    m: &mut [f32],
    v: &mut [f32],
    ema: &mut [f32],
    grad: &[f32],
    f: Factors,
) {
    let count = grad.len();
    let (param, m, v, ema) = (&mut param[..count], &mut m[..count], &mut v[..count], &mut ema[..count]);
    for i in 0..count {
        let g = grad[i] * f.grad_scale;
        m[i] = m[i] * f.beta1 + g * f.rest1;
        v[i] = v[i] * f.beta2 + g * g * f.rest2;
        let change = m[i] / (v[i].sqrt() * f.root + f.eps) * f.step;
        param[i] = param[i] * f.keep - change;
        ema[i] = ema[i] * f.decay + param[i] * f.rest;
    }
}

vectorised! {
    /// One step of some of the numbers.
    fn chunk(
        isa,
        param: &mut [f32],
        m: &mut [f32],
        v: &mut [f32],
        ema: &mut [f32],
        grad: &[f32],
        factors: Factors,
    ) = chunk_body
}

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
    let factors = Factors {
        step: step as f32,
        root: root as f32,
        beta1: options.beta1 as f32,
        beta2: options.beta2 as f32,
        rest1: (1.0 - options.beta1) as f32,
        rest2: (1.0 - options.beta2) as f32,
        keep: (1.0 - options.learning_rate * options.weight_decay) as f32,
        eps: options.eps as f32,
        decay: options.ema_decay as f32,
        rest: (1.0 - options.ema_decay) as f32,
        grad_scale: options.grad_scale as f32,
    };
    let isa = Isa::best();
    super::weight_cache::forget();
    let span = |x: &Tensor| x.layout().start_offset()..x.layout().start_offset() + x.layout().num_elements();
    let spans = [span(&param), span(&m), span(&v), span(&ema)];
    let [of_param, of_m, of_v, of_ema] = spans;
    param.storage_mut::<f32>()[of_param]
        .par_chunks_mut(CHUNK)
        .zip(m.storage_mut::<f32>()[of_m].par_chunks_mut(CHUNK))
        .zip(v.storage_mut::<f32>()[of_v].par_chunks_mut(CHUNK))
        .zip(ema.storage_mut::<f32>()[of_ema].par_chunks_mut(CHUNK))
        .zip(numbers(grad).par_chunks(CHUNK))
        .for_each(|((((param, m), v), ema), grad)| chunk(isa, param, m, v, ema, grad, factors));
    (param, m, v, ema)
}
