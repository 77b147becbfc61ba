//! Parts of one batch side by side. A small network leaves most threads idle between its short operations; whole passes
//! keep them busy. What a pass computes does not depend on how many threads help it, so neither does the sum.

use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::Tensor;
use langevin_process::{Error, Result};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::cond::Cond;
use crate::denoiser::{Denoiser, Levels};
use crate::differentiable::{Cotangent, Differentiable};

/// The threads of the machine, divided among passes.
#[derive(Debug)]
pub struct Workers(Vec<ThreadPool>);

impl Workers {
    /// Lanes for up to `passes` passes at once, sharing the threads of the current pool.
    ///
    /// # Errors
    /// Failed, when the system gives no threads.
    pub fn new(passes: usize) -> Result<Self> {
        let threads = rayon::current_num_threads();
        let lanes = passes.clamp(1, threads);
        let pool = |lane: usize| {
            let own = threads / lanes + usize::from(lane < threads % lanes);
            let pool = ThreadPoolBuilder::new().num_threads(own).build();
            pool.map_err(|error| Error::failed(format!("threads cannot be started: {error}")))
        };
        Ok(Self((0..lanes).map(pool).collect::<Result<_>>()?))
    }

    /// Does `work` with every item, several at a time; the results are in the order of the items.
    pub fn run<T: Send, R: Send>(&self, items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
        let lanes = self.0.len();
        let mut shares: Vec<Vec<T>> = (0..lanes).map(|_| Vec::new()).collect();
        for (index, item) in items.into_iter().enumerate() {
            shares[index % lanes].push(item);
        }
        let work = &work;
        let mut done: Vec<std::vec::IntoIter<R>> = std::thread::scope(|scope| {
            let start = |(pool, share): (_, Vec<T>)| {
                let pool: &ThreadPool = pool;
                scope.spawn(move || pool.install(|| share.into_iter().map(work).collect::<Vec<R>>()))
            };
            let running: Vec<_> = self.0.iter().zip(shares).map(start).collect();
            let finish = |lane: std::thread::ScopedJoinHandle<'_, Vec<R>>| match lane.join() {
                Ok(results) => results.into_iter(),
                Err(panic) => std::panic::resume_unwind(panic),
            };
            running.into_iter().map(finish).collect()
        });
        (0..).map_while(|index| done[index % lanes].next()).collect()
    }
}

/// Does `work` in the current pool with its other threads kept awake, so that the short operations of one image's pass do
/// not wait for them to wake up.
pub fn spin_workers<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }
    let done = AtomicBool::new(false);
    rayon::scope(|scope| {
        let (here, done) = (rayon::current_thread_index(), &done);
        // One for each thread that no other can take, so that none keeps the thread that works from going on.
        scope.spawn_broadcast(move |_, at| {
            if Some(at.index()) == here {
                return;
            }
            while !done.load(Ordering::Acquire) {
                if rayon::yield_now() != Some(rayon::Yield::Executed) {
                    std::thread::yield_now();
                }
            }
        });
        let _done = Done(done);
        work()
    })
}

/// A denoiser whose batches are divided among the threads; the answers are the same bytes.
#[derive(Debug)]
pub struct Parallel<D> {
    inner: D,
    lanes: Workers,
}

impl<D: Denoiser> Parallel<D> {
    /// Divides the batches of `inner`, which must answer each image alike in any batch, into up to `parts` parts.
    ///
    /// # Errors
    /// Failed, when the system gives no threads.
    pub fn new(inner: D, parts: usize) -> Result<Self> {
        Ok(Self { inner, lanes: Workers::new(parts)? })
    }
}

impl<D> Parallel<D> {
    /// The parts of a batch of `count` images, as (first, number); one where it is not divided.
    fn parts(&self, count: usize, cond: &Cond) -> Vec<(usize, usize)> {
        let part = count.div_ceil(self.lanes.0.len().max(1)).max(1);
        if part >= count || cond.dropout.is_some() {
            return vec![(0, count)];
        }
        (0..count).step_by(part).map(|start| (start, part.min(count - start))).collect()
    }
}

/// Images `start..start + count` of a batch.
fn cut(x: &Tensor<4>, at: &Levels, cond: &Cond, (start, count): (usize, usize)) -> (Tensor<4>, Levels, Cond) {
    let at = Levels(at.0[start..start + count].to_vec());
    (x.clone().narrow(0, start, count), at, cond.range(start, count))
}

impl<D: Denoiser> Denoiser for Parallel<D> {
    fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
        let parts = self.parts(at.len(), cond);
        if parts.len() == 1 {
            return spin_workers(|| self.inner.denoise(x, at, cond));
        }
        let parts = parts.into_iter().map(|part| cut(&x, at, cond, part)).collect();
        let answers = self.lanes.run(parts, |(x, at, cond)| self.inner.denoise(x, &at, &cond));
        Ok(Tensor::cat(answers.into_iter().collect::<Result<Vec<_>>>()?, 0))
    }

    fn begin(&self) {
        self.inner.begin();
    }
}

impl<D: Differentiable> Differentiable for Parallel<D> {
    fn denoise_vjp(
        &self,
        x: Tensor<4>,
        v: Tensor<4>,
        at: &Levels,
        cond: &Cond,
    ) -> Result<(Tensor<4>, Tensor<4>)> {
        let parts = self.parts(at.len(), cond);
        if parts.len() == 1 {
            return self.inner.denoise_vjp(x, v, at, cond);
        }
        let with = |part: (usize, usize)| (cut(&x, at, cond, part), v.clone().narrow(0, part.0, part.1));
        let parts = parts.into_iter().map(with).collect();
        let answers = self.lanes.run(parts, |((x, at, cond), v)| self.inner.denoise_vjp(x, v, &at, &cond));
        let (denoised, pulled): (Vec<_>, Vec<_>) =
            answers.into_iter().collect::<Result<Vec<_>>>()?.into_iter().unzip();
        Ok((Tensor::cat(denoised, 0), Tensor::cat(pulled, 0)))
    }

    fn denoise_vjp_with(
        &self,
        x: Tensor<4>,
        at: &Levels,
        cond: &Cond,
        of: Cotangent<'_>,
    ) -> Result<(Tensor<4>, Tensor<4>)> {
        let parts = self.parts(at.len(), cond);
        if parts.len() == 1 {
            return self.inner.denoise_vjp_with(x, at, cond, of);
        }
        let parts = parts.into_iter().map(|part| (cut(&x, at, cond, part), part.0)).collect();
        let answers = self.lanes.run(parts, |((x, at, cond), first)| {
            let of = |denoised, range: std::ops::Range<usize>| {
                of(denoised, first + range.start..first + range.end)
            };
            self.inner.denoise_vjp_with(x, &at, &cond, &of)
        });
        let (denoised, pulled): (Vec<_>, Vec<_>) =
            answers.into_iter().collect::<Result<Vec<_>>>()?.into_iter().unzip();
        Ok((Tensor::cat(denoised, 0), Tensor::cat(pulled, 0)))
    }
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;

    use super::*;

    #[test]
    fn attentive_work_divides_itself_and_may_panic() {
        use rayon::prelude::*;
        let pool = ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let sum = || (0..1000_u64).into_par_iter().map(|i| (0..i).into_par_iter().sum::<u64>()).sum::<u64>();
        assert_eq!(pool.install(|| spin_workers(|| sum() + spin_workers(sum))), 2 * 166_167_000);
        let panic = std::panic::catch_unwind(AssertUnwindSafe(|| {
            pool.install(|| spin_workers(|| panic!("on purpose")))
        }));
        assert!(panic.is_err());
    }

    #[test]
    fn results_come_in_the_order_of_the_items() {
        for count in [0, 1, 2, 5, 16] {
            let lanes = Workers::new(3).unwrap();
            let items: Vec<usize> = (0..count).collect();
            assert_eq!(
                lanes.run(items.clone(), |item| item * 10),
                items.iter().map(|i| i * 10).collect::<Vec<_>>()
            );
        }
    }
}
