//! How convolutions compute: fast, close to the real numbers, or in half the bits.

use std::cell::Cell;

/// How convolutions compute. Sums are always f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Arithmetic {
    /// f32, by transforms where they save multiplications (Winograd 1980), at an error of about 1e-5 of the largest number.
    #[default]
    Fast,
    /// f32 without transforms: slower, and a digit closer to the real numbers.
    Exact,
    /// Forward passes multiply weights and activations rounded to bf16 (8 significant bits), by the processor's own
    /// instruction where it has one; gradients are as in [`Arithmetic::Fast`].
    Bf16,
}

thread_local! {
    static CURRENT: Cell<Arithmetic> = const { Cell::new(Arithmetic::Fast) };
}

impl Arithmetic {
    /// Does `work` with the convolutions that it calls on this thread computed in this way.
    pub fn within<R>(self, work: impl FnOnce() -> R) -> R {
        struct Restore(Arithmetic);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0);
            }
        }
        let _restore = Restore(CURRENT.replace(self));
        work()
    }

    /// How this thread computes now.
    pub fn current() -> Self {
        CURRENT.get()
    }
}
