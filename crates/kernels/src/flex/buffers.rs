//! Results that threads write part by part before anybody reads them.

/// A vector of `count` numbers, all of which `write` writes.
pub(super) fn written(count: usize, write: impl FnOnce(*mut f32)) -> Vec<f32> {
    let mut out: Vec<f32> = Vec::with_capacity(count);
    write(out.as_mut_ptr());
    // SAFETY: `count` numbers were reserved and, by contract, written.
    unsafe { out.set_len(count) };
    out
}

/// A pointer into a result that several threads write, each its own part.
#[derive(Clone, Copy)]
pub(super) struct Shared(pub(super) *mut f32);

// SAFETY: whoever writes through it says why nobody else writes there.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    pub(super) fn at(&self, offset: usize) -> *mut f32 {
        self.0.wrapping_add(offset)
    }
}
