//! How many operations a second this processor can do at most: what every kernel is measured against.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::simd::{Isa, Simd, vectorised};

/// Sums that run side by side, enough to hide the latency of a multiply-add.
const CHAINS: usize = 24;
/// Multiply-adds of each chain in one call.
const LENGTH: usize = 1 << 14;

#[inline(always)]
fn chains_body<S: Simd>(factor: f32, total: &mut f32) {
    // SAFETY: compiled for the instruction set, and `line` has room for a vector.
    unsafe {
        let (a, b) = (S::splat(factor), S::splat(0.5));
        let mut sums = [S::splat(0.0); CHAINS];
        for _ in 0..LENGTH {
            for sum in &mut sums {
                *sum = S::fma(*sum, a, b);
            }
        }
        let mut line = [0.0_f32; 16];
        for sum in sums {
            S::store(line.as_mut_ptr(), sum);
            *total += line[0];
        }
    }
}

vectorised! {
    /// Chains of multiply-adds that stay in registers.
    fn chains(isa, factor: f32, total: &mut f32) = chains_body
}

/// Billions of f32 operations a second, a multiply-add being two, of `threads` threads that multiply and add in registers
/// and do nothing else; the best of several short runs.
pub fn peak_gflops(threads: usize) -> f64 {
    let isa = Isa::best();
    let run = || {
        let start = Instant::now();
        let (mut calls, mut total) = (0_u64, 0.0);
        while start.elapsed() < Duration::from_millis(40) {
            chains(isa, black_box(0.999), &mut total);
            calls += 1;
        }
        black_box(total);
        let operations = calls as f64 * (2 * CHAINS * LENGTH * isa.lanes()) as f64;
        operations / start.elapsed().as_secs_f64() / 1e9
    };
    let together = || -> f64 {
        std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(run)).collect();
            running.into_iter().map(|thread| thread.join().unwrap_or(0.0)).sum()
        })
    };
    (0..5).map(|_| together()).fold(0.0, f64::max)
}
