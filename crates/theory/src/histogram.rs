//! Counts of points in equal bins, and how far they are from a density.

/// A histogram over an interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// The lower end of the first bin.
    pub low: f64,
    /// The upper end of the last bin.
    pub high: f64,
    /// Points in each bin.
    pub counts: Vec<u64>,
    /// Points in all, those outside of the interval too.
    pub total: u64,
}

impl Histogram {
    /// The histogram of `points` in `bins` bins from `low` to `high`.
    pub fn of(points: impl IntoIterator<Item = f64>, low: f64, high: f64, bins: usize) -> Self {
        let (mut counts, mut total) = (vec![0_u64; bins], 0);
        for point in points {
            total += 1;
            let place = (point - low) / (high - low) * bins as f64;
            if (0.0..bins as f64).contains(&place) {
                counts[place as usize] += 1;
            }
        }
        Self { low, high, counts, total }
    }

    /// The width of a bin.
    pub fn width(&self) -> f64 {
        (self.high - self.low) / self.counts.len() as f64
    }

    /// The middle of each bin, and the density of points there.
    pub fn density(&self) -> Vec<(f64, f64)> {
        let (width, total) = (self.width(), self.total.max(1) as f64);
        let bin = |(k, count): (usize, &u64)| {
            (self.low + (k as f64 + 0.5) * width, *count as f64 / (total * width))
        };
        self.counts.iter().enumerate().map(bin).collect()
    }

    /// Pearson's chi-square of the counts against the probabilities that `density` gives the bins (by Simpson's rule), divided by the
    /// number of bins in which at least 5 points are expected, less one: near 1 where the points come from that density.
    pub fn chi_square(&self, density: impl Fn(f64) -> f64) -> f64 {
        let (width, total) = (self.width(), self.total as f64);
        let (mut sum, mut bins) = (0.0, 0.0);
        for (k, count) in self.counts.iter().enumerate() {
            let (a, b) = (self.low + k as f64 * width, self.low + (k + 1) as f64 * width);
            let expected = total * width / 6.0 * (density(a) + 4.0 * density(0.5 * (a + b)) + density(b));
            if expected >= 5.0 {
                sum += (*count as f64 - expected).powi(2) / expected;
                bins += 1.0;
            }
        }
        sum / f64::max(bins - 1.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_counted_where_they_lie() {
        let made = Histogram::of([0.0, 0.1, 0.5, 0.99, 1.0, -1.0], 0.0, 1.0, 2);
        assert_eq!((made.counts.as_slice(), made.total), ([2, 2].as_slice(), 6));
        assert_eq!(made.density()[1], (0.75, 2.0 / 3.0));
        let flat = Histogram::of((0..1000).map(|k| f64::from(k) / 1000.0), 0.0, 1.0, 10);
        assert!(flat.chi_square(|_| 1.0) < 1e-9);
        assert!(flat.chi_square(|x| 2.0 * x) > 10.0);
    }
}
