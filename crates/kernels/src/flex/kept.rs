//! Weights laid out for the register tiles, kept from one convolution to the next while nobody changes them: through all
//! the steps of sampling, and in training for the passes that share one step.
//!
//! An entry holds the weights themselves, so their memory is neither freed nor written in place while the entry lives, and
//! its address tells whose layout it is. The optimiser forgets all entries before it changes weights, to change them in
//! place; entries of weights that nobody else holds are dropped when a new one comes.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use super::pack::Panels;
use super::simd::Isa;
use super::{Tensor, numbers};

/// Bytes of layouts kept at most; more are made for each convolution.
const LIMIT: usize = 1 << 30;

/// What a layout is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Purpose {
    /// From input to output, or the way back of gradients.
    pub(super) forward: bool,
    /// For taps, for the transforms, or in bf16.
    pub(super) layout: Layout,
    /// Whose register tiles it is for.
    pub(super) isa: Isa,
    /// Taps as they are used.
    pub(super) taps: usize,
}

/// How a weight is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Layout {
    /// As it is, for each tap.
    Taps,
    /// Transformed, for each point.
    Points,
    /// Rounded to bf16, for each tap.
    Rounded,
    /// Pairs of bf16, for each tap.
    Pairs,
}

type Key = (usize, [usize; 2], Purpose);

struct Entry {
    /// Held so that the address stays this weight's.
    weight: Tensor,
    panels: Arc<OnceLock<Panels>>,
}

static KEPT: LazyLock<Mutex<HashMap<Key, Entry>>> = LazyLock::new(Mutex::default);

fn kept() -> MutexGuard<'static, HashMap<Key, Entry>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The layout of `weight` (`channels` out and in) for a purpose: the one that is kept, or what `make` makes.
pub(super) fn panels(
    weight: &Tensor,
    channels: [usize; 2],
    purpose: Purpose,
    make: impl FnOnce() -> Panels,
) -> Arc<OnceLock<Panels>> {
    let key = (numbers(weight).as_ptr() as usize, channels, purpose);
    let place = {
        let mut kept = kept();
        match kept.get(&key) {
            Some(entry) => Arc::clone(&entry.panels),
            None => {
                kept.retain(|_, entry| !entry.weight.is_unique());
                let panels = Arc::new(OnceLock::new());
                let used: usize = kept.values().filter_map(|entry| Some(entry.panels.get()?.bytes())).sum();
                if used < LIMIT {
                    kept.insert(key, Entry { weight: weight.clone(), panels: Arc::clone(&panels) });
                }
                panels
            }
        }
    };
    if place.get().is_none() {
        if rayon::current_num_threads() == 1 {
            // Passes side by side wait for each other rather than do the same work.
            place.get_or_init(make);
        } else {
            // A thread of this pool that waited could be the one whose help is needed.
            let _ = place.set(make());
        }
    }
    place
}

/// Forgets all layouts: weights are about to change.
pub(super) fn forget() {
    kept().clear();
}
