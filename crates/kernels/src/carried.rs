//! Sums of gradients that a backward pass adds its own to where it makes them: the gradients of a large network then need
//! the memory of one set, however many passes a batch has.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use burn::backend::Backend;
use burn::backend::autodiff::NodeId;
use burn::backend::tensor::FloatTensor;

type Sums = HashMap<NodeId, Box<dyn Any + Send>>;

static SUMS: LazyLock<Mutex<Sums>> = LazyLock::new(Mutex::default);

fn sums() -> MutexGuard<'static, Sums> {
    SUMS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Leaves a sum for the gradient of a parameter, which no other graph has.
pub(crate) fn leave<B: Backend>(parameter: NodeId, sum: FloatTensor<B>) {
    sums().insert(parameter, Box::new(sum));
}

/// The sum that was left, if nothing was added to it yet.
pub(crate) fn take<B: Backend>(parameter: NodeId) -> Option<FloatTensor<B>> {
    let sum = sums().remove(&parameter)?;
    Some(*sum.downcast().expect("a sum of the backend that left it"))
}

/// A gradient with the sum that was left for it.
pub(crate) fn added<B: Backend>(parameter: NodeId, gradient: FloatTensor<B>) -> FloatTensor<B> {
    match take::<B>(parameter) {
        Some(sum) => B::float_add(sum, gradient),
        None => gradient,
    }
}
