//! Which images of a data set are measured where not all are.

use langevin_data::Pool;

/// Where images of an unlimited set are taken from, which no training comes to.
pub(crate) const UNSEEN: u64 = 1 << 40;

/// The places of `count` images, or as many as there are, spread evenly over `pool`; of an unlimited one those from `first`.
pub(crate) fn evenly(pool: &Pool, count: usize, first: u64) -> Vec<u64> {
    let count = pool.len().map_or(count as u64, |have| have.min(count as u64));
    (0..count).map(|k| pool.len().map_or(first + k, |have| (2 * k + 1) * have / (2 * count))).collect()
}
