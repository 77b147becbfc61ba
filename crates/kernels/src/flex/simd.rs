//! Vectors of the processor, chosen at run time: AVX-512, AVX2 with FMA, or arrays that the compiler may turn into
//! vectors (NEON among them).
//!
//! Kernels are written once over [`Simd`]; [`vectorised!`] compiles each for every instruction set and picks one. All
//! fuse multiplication and addition where the processor can, and add in the same order, so the width of the vectors
//! does not change a bit.
//!
//! # How a vector body is written
//!
//! A loop over slices, once for all instruction sets:
//!
//! ```ignore
//! use super::sigmoid::fma;
//! use super::simd::{Isa, Simd, vectorised};
//!
//! // Inlined into one function for each instruction set, whose vectors the compiler then uses. What it calls is inlined
//! // too, and multiplies and adds by `fma::<S>`: `mul_add` is a library call where the processor has no such instruction,
//! // and `a * b + c` has other bits where it has.
//! #[inline(always)]
//! fn line_body<S: Simd>(x: &[f32], slope: f32, start: f32, out: &mut [f32]) {
//!     out.iter_mut().zip(x).for_each(|(out, x)| *out = fma::<S>(slope, *x, start));
//! }
//!
//! vectorised! {
//!     /// `slope * x + start` of each number.
//!     fn line(isa, x: &[f32], slope: f32, start: f32, out: &mut [f32]) = line_body
//! }
//!
//! // The instruction set is looked up once for an operation; the slices are one task's.
//! let isa = Isa::best();
//! let out = blocks.filled(|_, pixels, out| line(isa, &x[blocks.numbers(&pixels)], 2.0, 1.0, out));
//! ```
//!
//! The compiler never adds floats in another order, so a sum over a slice stays one number at a time: add into an array of
//! fixed length, the same for every instruction set, as [`super::lanes`] does. Where numbers must stay in registers (the
//! tiles of [`super::gemm`], the transforms of [`super::winograd`]) the body works on vectors, `S::load`, `S::fma` and
//! `S::store` of `S::LANES` numbers, and is an `unsafe fn` whose caller promises the memory; `vectorised!` takes those too.

use std::cell::Cell;

/// Vectors of `LANES` numbers.
pub(super) trait Simd: Copy {
    /// One vector.
    type V: Copy;
    /// Numbers in a vector.
    const LANES: usize;
    /// Rows of a register tile two vectors wide, largest first; the last is 1.
    const ROWS: &'static [usize];

    /// Whether multiplication and addition are fused in one instruction.
    const FUSED: bool;

    /// The same number in all lanes.
    ///
    /// # Safety
    /// As for all functions here: the processor has this instruction set.
    unsafe fn splat(value: f32) -> Self::V;
    /// Reads `LANES` numbers.
    ///
    /// # Safety
    /// They can be read.
    unsafe fn load(from: *const f32) -> Self::V;
    /// Writes `LANES` numbers.
    ///
    /// # Safety
    /// They can be written.
    unsafe fn store(to: *mut f32, value: Self::V);
    /// `a + b`.
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`.
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b`.
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`, rounded once where the processor can.
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;

    /// Asks for the memory at `from`, which may be anything: it will be read soon.
    #[inline(always)]
    unsafe fn prefetch(_from: *const f32) {}
}

/// Arrays of four; on ARM the compiler makes them NEON's vectors.
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Simd for Portable {
    type V = [f32; 4];
    const LANES: usize = 4;
    const ROWS: &'static [usize] = &[6, 4, 2, 1];
    const FUSED: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::V {
        [value; 4]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::V {
        // SAFETY: the caller says that four numbers can be read.
        unsafe { from.cast::<[f32; 4]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: Self::V) {
        // SAFETY: the caller says that four numbers can be written.
        unsafe { to.cast::<[f32; 4]>().write_unaligned(value) }
    }

    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] + b[i])
    }

    #[inline(always)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] - b[i])
    }

    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] * b[i])
    }

    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // Without hardware for it, a fused operation is a slow library call.
        if Self::FUSED {
            std::array::from_fn(|i| a[i].mul_add(b[i], c[i]))
        } else {
            std::array::from_fn(|i| a[i] * b[i] + c[i])
        }
    }
}

#[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
mod x86 {
    use std::arch::x86_64::*;

    use super::Simd;

    /// 256 bits, with fused multiply-add.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx2;

    /// 512 bits.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx512;

    /// `Simd` by intrinsics of one width.
    macro_rules! by_intrinsics {
        ($name:ident: $v:ty, $lanes:literal lanes, $rows:expr, $splat:ident $load:ident $store:ident
         $add:ident $sub:ident $mul:ident $fma:ident) => {
            impl Simd for $name {
                type V = $v;
                const LANES: usize = $lanes;
                const ROWS: &'static [usize] = $rows;
                const FUSED: bool = true;

                by_intrinsics!(splat = $splat(value: f32) -> $v);
                by_intrinsics!(load = $load(from: *const f32) -> $v);
                by_intrinsics!(store = $store(to: *mut f32, value: $v) -> ());
                by_intrinsics!(add = $add(a: $v, b: $v) -> $v);
                by_intrinsics!(sub = $sub(a: $v, b: $v) -> $v);
                by_intrinsics!(mul = $mul(a: $v, b: $v) -> $v);
                by_intrinsics!(fma = $fma(a: $v, b: $v, c: $v) -> $v);

                #[inline(always)]
                unsafe fn prefetch(from: *const f32) {
                    // SAFETY: a hint, which does not fault.
                    unsafe { _mm_prefetch::<_MM_HINT_T0>(from.cast()) };
                }
            }
        };
        ($name:ident = $intrinsic:ident($($argument:ident: $type:ty),*) -> $result:ty) => {
            #[inline(always)]
            unsafe fn $name($($argument: $type),*) -> $result {
                // SAFETY: the trait's callers promise the instruction set and the memory.
                unsafe { $intrinsic($($argument),*) }
            }
        };
    }

    by_intrinsics!(Avx2: __m256, 8 lanes, &[6, 4, 2, 1], _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps
        _mm256_add_ps _mm256_sub_ps _mm256_mul_ps _mm256_fmadd_ps);
    by_intrinsics!(Avx512: __m512, 16 lanes, &[12, 8, 4, 2, 1], _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps
        _mm512_add_ps _mm512_sub_ps _mm512_mul_ps _mm512_fmadd_ps);
}

#[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
pub(super) use x86::{Avx2, Avx512};

#[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
fn avx512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bw")
}

thread_local! {
    /// What this thread was given to keep to.
    static KEPT_TO: Cell<Option<Isa>> = const { Cell::new(None) };
}

/// An instruction set that this processor has: nobody can make one of these but by looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Isa(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Portable,
    #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
    Avx2,
    #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
    Avx512,
}

/// All kinds, the widest last.
const KINDS: &[Kind] = &[
    Kind::Portable,
    #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
    Kind::Avx2,
    #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
    Kind::Avx512,
];

impl Kind {
    fn is_here(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
            Self::Avx512 => avx512(),
        }
    }
}

impl Isa {
    /// All that this processor has, the widest last.
    pub fn all() -> Vec<Self> {
        KINDS.iter().copied().filter(|kind| kind.is_here()).map(Self).collect()
    }

    /// What a convolution or any other operation that this thread calls will use: the widest, or that of
    /// [`Isa::within`].
    #[inline]
    pub fn best() -> Self {
        let widest = || KINDS.iter().copied().rev().find(|kind| kind.is_here()).unwrap_or(Kind::Portable);
        KEPT_TO.get().unwrap_or_else(|| Self(widest()))
    }

    /// Does `work` with the operations it calls on this thread kept to this instruction set, for tests and measurements.
    pub fn within<R>(self, work: impl FnOnce() -> R) -> R {
        struct Restore(Option<Isa>);
        impl Drop for Restore {
            fn drop(&mut self) {
                KEPT_TO.set(self.0);
            }
        }
        let _restore = Restore(KEPT_TO.replace(Some(self)));
        work()
    }

    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
            #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
            Kind::Avx2 => "avx2",
            #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
            Kind::Avx512 => "avx512",
        }
    }

    pub(super) fn kind(self) -> Kind {
        self.0
    }

    /// Numbers in a vector.
    pub(super) fn lanes(self) -> usize {
        match self.0 {
            Kind::Portable => Portable::LANES,
            #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
            Kind::Avx2 => Avx2::LANES,
            #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
            Kind::Avx512 => Avx512::LANES,
        }
    }

    /// Numbers in two vectors: the width of a register tile.
    pub(super) fn panel(self) -> usize {
        2 * self.lanes()
    }
}

/// `vectorised!(fn name(isa, argument: Type, ...) = body)`: a function that runs `body::<S>(argument, ...)`, an
/// `#[inline(always)] fn` over `S: Simd`, compiled for the instruction set `isa`. With `unsafe fn` both are unsafe, and
/// the caller makes the body's promises.
macro_rules! vectorised {
    ($(#[$doc:meta])* $visibility:vis unsafe fn $name:ident(isa, $($argument:ident: $type:ty),* $(,)?) = $body:ident) => {
        $(#[$doc])*
        $visibility unsafe fn $name(isa: $crate::flex::simd::Isa, $($argument: $type),*) {
            #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2($($argument: $type),*) {
                // SAFETY: the caller makes the body's promises.
                unsafe { $body::<$crate::flex::simd::Avx2>($($argument),*) }
            }
            #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
            #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
            unsafe fn avx512($($argument: $type),*) {
                // SAFETY: as above.
                unsafe { $body::<$crate::flex::simd::Avx512>($($argument),*) }
            }
            // SAFETY: an `Isa` is one that this processor has; the caller makes the body's promises.
            unsafe {
                match isa.kind() {
                    $crate::flex::simd::Kind::Portable => {
                        $body::<$crate::flex::simd::Portable>($($argument),*)
                    }
                    #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
                    $crate::flex::simd::Kind::Avx2 => avx2($($argument),*),
                    #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
                    $crate::flex::simd::Kind::Avx512 => avx512($($argument),*),
                }
            }
        }
    };
    ($(#[$doc:meta])* $visibility:vis fn $name:ident(isa, $($argument:ident: $type:ty),* $(,)?) = $body:ident) => {
        $(#[$doc])*
        $visibility fn $name(isa: $crate::flex::simd::Isa, $($argument: $type),*) {
            #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($argument: $type),*) {
                $body::<$crate::flex::simd::Avx2>($($argument),*)
            }
            #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
            #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
            fn avx512($($argument: $type),*) {
                $body::<$crate::flex::simd::Avx512>($($argument),*)
            }
            #[allow(unused_unsafe)] // without x86 there is nothing unsafe to call
            // SAFETY: an `Isa` is one that this processor has.
            unsafe {
                match isa.kind() {
                    $crate::flex::simd::Kind::Portable => {
                        $body::<$crate::flex::simd::Portable>($($argument),*)
                    }
                    #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
                    $crate::flex::simd::Kind::Avx2 => avx2($($argument),*),
                    #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
                    $crate::flex::simd::Kind::Avx512 => avx512($($argument),*),
                }
            }
        }
    };
}

pub(super) use vectorised;
