//! Which image is shown when, as a pure function of (seed, images seen): nothing to store, so a run that
//! resumes sees exactly what it would have seen. Epochs are permutations made by a keyed Feistel network over
//! the next even power of two, walked until it lands inside (Black and Rogaway, "Ciphers with arbitrary finite
//! domains", 2002).

/// What a draw is for; draws for different purposes are independent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// The order of images.
    Order = 1,
    /// Where to crop and whether to flip.
    Augment = 2,
    /// Which images are held out for validation.
    Holdout = 3,
    /// Which image stands in for one that cannot be read.
    StandIn = 4,
    /// What a generated image shows.
    Draw = 5,
}

/// 64 uniform bits that depend on all of (seed, purpose, counter) and nothing else (SplitMix64's finaliser,
/// chained; Steele, Lea and Flood 2014).
pub fn bits(seed: u64, purpose: Purpose, counter: u64) -> u64 {
    mix(mix(mix(seed) ^ (purpose as u64).wrapping_mul(0xd6e8_feb8_6659_fd93)) ^ counter)
}

/// A uniform integer in `0..n` from 64 uniform bits; 0 when `n` is 0.
pub fn below(bits: u64, n: u64) -> u64 {
    ((u128::from(bits) * u128::from(n)) >> 64) as u64
}

/// A permutation of `0..n` keyed by (seed, purpose, round).
#[derive(Debug, Clone, Copy)]
pub struct Permutation {
    key: u64,
    n: u64,
    half_bits: u32,
}

impl Permutation {
    /// The permutation of `0..n` for `key`.
    pub fn new(n: u64, key: u64) -> Self {
        let bits = u64::BITS - n.saturating_sub(1).leading_zeros();
        Self { key, n, half_bits: bits.div_ceil(2).clamp(1, 32) }
    }

    /// Where `index` goes; `index` must be less than `n`.
    pub fn at(&self, index: u64) -> u64 {
        debug_assert!(index < self.n);
        let mut value = index;
        loop {
            value = self.shuffle(value);
            if value < self.n {
                return value;
            }
        }
    }

    fn shuffle(&self, value: u64) -> u64 {
        let mask = (1u64 << self.half_bits) - 1;
        let (mut left, mut right) = (value >> self.half_bits, value & mask);
        for round in 0..8u64 {
            let f = mix(self.key ^ mix(right | (round << 40))) & mask;
            (left, right) = (right, left ^ f);
        }
        (left << self.half_bits) | right
    }
}

/// The order in which a run sees a set.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    seed: u64,
    len: Option<u64>,
}

impl Order {
    /// The order for `seed` over `len` images (`None`: unlimited).
    pub fn new(seed: u64, len: Option<u64>) -> Self {
        Self { seed, len }
    }

    /// The position of the image shown when `images_seen` images have been shown before: a new permutation
    /// in each pass over a finite set, `images_seen` itself in an unlimited one.
    pub fn at(&self, images_seen: u64) -> u64 {
        match self.len {
            None => images_seen,
            Some(n) if n <= 1 => 0,
            Some(n) => {
                let key = bits(self.seed, Purpose::Order, images_seen / n);
                Permutation::new(n, key).at(images_seen % n)
            }
        }
    }
}

fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_is_a_permutation_and_epochs_differ() {
        for n in [1u64, 2, 3, 5, 16, 17, 100, 1000] {
            let order = Order::new(7, Some(n));
            let epoch = |e: u64| (0..n).map(|i| order.at(e * n + i)).collect::<Vec<_>>();
            for e in 0..3 {
                let mut sorted = epoch(e);
                sorted.sort_unstable();
                assert_eq!(sorted, (0..n).collect::<Vec<_>>(), "n={n} epoch {e}");
            }
            if n >= 16 {
                assert_ne!(epoch(0), epoch(1));
                assert_ne!(epoch(0), (0..n).map(|i| Order::new(8, Some(n)).at(i)).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn first_positions_are_uniform_over_seeds() {
        let mut counts = [0u32; 5];
        for seed in 0..5000 {
            counts[Order::new(seed, Some(5)).at(0) as usize] += 1;
        }
        let chi2: f64 = counts.iter().map(|&c| (f64::from(c) - 1000.0).powi(2) / 1000.0).sum();
        assert!(chi2 < 18.5, "{counts:?} chi2 {chi2}"); // 0.1 % point for 4 degrees of freedom
    }

    #[test]
    fn an_unlimited_set_is_seen_in_order_and_large_sets_work() {
        assert_eq!(Order::new(3, None).at(123), 123);
        let n = u64::MAX / 2;
        assert!(Order::new(3, Some(n)).at(n - 1) < n);
    }

    #[test]
    fn bits_are_pinned_because_runs_depend_on_them() {
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf); // first output of SplitMix64 from state 0
        assert_ne!(bits(1, Purpose::Order, 2), bits(1, Purpose::Augment, 2));
        assert!((0..100).all(|i| below(bits(1, Purpose::Draw, i), 10) < 10));
    }
}
