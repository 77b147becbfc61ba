//! The packed-weight cache: weights laid out for the register tiles, kept from one convolution to the next while nobody
//! changes them: in sampling through all steps; in training, where the next step changes them, for a short while, so that passes side by side share
//! them and memory does not hold every layer's at once.
//!
//! An entry holds the weights themselves, so their memory is neither freed nor written in place while the entry lives, and
//! its address tells whose layout it is. The optimiser forgets all entries before it changes weights, to change them in
//! place; entries of weights that nobody else holds are dropped when a new one comes.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use super::pack::Panels;
use super::simd::Isa;
use super::tensors::{Tensor, numbers};
use super::winograd::Tiles;

/// Bytes of layouts kept at most; more are made for each convolution.
const LIMIT: usize = 1 << 30;
/// The same in training; the oldest go first.
const BRIEF_LIMIT: usize = 24 << 20;

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
    /// As it is, the taps of each row beside each other, to be transformed where it is used.
    Rows,
    /// Transformed, for each point of tiles of a size.
    Points(Tiles),
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
    /// Bytes the layout will take.
    bytes: usize,
    brief: bool,
    /// Its place in the order of making.
    number: u64,
}

#[derive(Default)]
struct Cache {
    entries: HashMap<Key, Entry>,
    made: u64,
}

impl Cache {
    fn bytes(&self, brief: bool) -> usize {
        self.entries.values().filter(|entry| entry.brief == brief).map(|entry| entry.bytes).sum()
    }

    /// Makes room for `bytes` more; false when there is none.
    fn make_room(&mut self, bytes: usize, brief: bool) -> bool {
        self.entries.retain(|_, entry| !entry.weight.is_unique());
        if !brief {
            return self.bytes(false) + bytes <= LIMIT;
        }
        while self.bytes(true) + bytes > BRIEF_LIMIT {
            let brief = self.entries.iter().filter(|(_, entry)| entry.brief);
            let Some((key, _)) = brief.min_by_key(|(_, entry)| entry.number) else { break };
            let key = *key;
            self.entries.remove(&key);
        }
        true
    }
}

static CACHE: LazyLock<Mutex<Cache>> = LazyLock::new(Mutex::default);

thread_local! {
    static BRIEF: Cell<bool> = const { Cell::new(false) };
}

fn cache() -> MutexGuard<'static, Cache> {
    CACHE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does `work` with the layouts that this thread makes kept for a short while only: their weights are about to change.
pub(crate) fn briefly<R>(work: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            BRIEF.set(self.0);
        }
    }
    let _restore = Restore(BRIEF.replace(true));
    work()
}

/// The layout of `weight` (`channels` out and in) for a purpose, which will take about `bytes`: the one that is kept, or
/// what `make` makes.
pub(super) fn panels(
    weight: &Tensor,
    channels: [usize; 2],
    purpose: Purpose,
    bytes: usize,
    make: impl FnOnce() -> Panels,
) -> Arc<OnceLock<Panels>> {
    let key = (numbers(weight).as_ptr() as usize, channels, purpose);
    let place = {
        let mut cache = cache();
        match cache.entries.get(&key) {
            Some(entry) => Arc::clone(&entry.panels),
            None => {
                let panels = Arc::new(OnceLock::new());
                let brief = BRIEF.get();
                if cache.make_room(bytes, brief) {
                    cache.made += 1;
                    let (number, weight) = (cache.made, weight.clone());
                    cache
                        .entries
                        .insert(key, Entry { weight, panels: Arc::clone(&panels), bytes, brief, number });
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
    cache().entries.clear();
}
