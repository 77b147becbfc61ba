//! `table`: an explicit table of betas, and the integer-time schedule behind `linear`, `scaled_linear`,
//! `cosine` and `sigmoid`.
//!
//! Ho et al. 2020 (2006.11239), eq. 4: `alpha_bar_i` is the running product of `1 - beta_i`.

use super::Schedule;
use crate::error::{Error, Result};
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Schedule> = Entry {
    name: "table",
    aliases: &["betas"],
    summary: "an explicit table of betas",
    source: "Ho et al. 2020, arXiv:2006.11239, eq. 4",
    options: &[OptionDoc {
        key: "betas",
        default: "0.0001;0.02;0.1;0.3;0.6;0.9",
        doc: "the betas, clean end first, separated by ';'; in (0, 1), the last may be 1",
    }],
    cases: &["table", "table:betas=0.1;0.5;1"],
    build: |options| {
        let parse = |text: &str| {
            text.trim()
                .parse::<f64>()
                .map_err(|_| Error::usage(format!("table: beta \"{text}\" is not a number")))
        };
        let betas = options.text("betas").split(';').map(parse).collect::<Result<Vec<_>>>()?;
        Ok(Box::new(Table::from_betas(&betas)?))
    },
    ..Entry::BLANK
};

/// An integer-time schedule of N entries: entry `i` is the time `t = i / (N - 1)`.
///
/// Between entries the log-SNR is interpolated linearly, as k-diffusion and diffusers do in
/// `ln(sigma / alpha)`. Towards a last entry without signal (zero terminal SNR) it is `alpha` of the
/// variance-preserving form that is interpolated linearly. The first entry holds a little noise: the clean
/// image lies outside the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The running product of `1 - beta`.
    alphas_cumprod: Vec<f64>,
    /// Its log-SNR, strictly decreasing; only the last may be `-inf`.
    log_snr: Vec<f64>,
}

impl Table {
    /// The table of these betas, clean end first.
    ///
    /// # Errors
    /// Usage when there are fewer than two, or one lies outside `(0, 1)`; the last may be 1.
    pub fn from_betas(betas: &[f64]) -> Result<Self> {
        let mut product = 1.0;
        let mut alphas_cumprod = Vec::with_capacity(betas.len());
        for (i, beta) in betas.iter().enumerate() {
            if !(*beta > 0.0 && (*beta < 1.0 || (*beta == 1.0 && i + 1 == betas.len()))) {
                return Err(Error::usage(format!("beta {i} is {beta}, and must lie in (0, 1)")));
            }
            product *= 1.0 - beta;
            alphas_cumprod.push(product);
        }
        Self::from_alphas_cumprod(alphas_cumprod)
    }

    /// The table of this running product of `1 - beta` (`alpha^2` of the variance-preserving form), clean end
    /// first.
    ///
    /// # Errors
    /// Usage when there are fewer than two entries, or they do not fall strictly within `(0, 1)`; the last
    /// may be 0.
    pub fn from_alphas_cumprod(alphas_cumprod: Vec<f64>) -> Result<Self> {
        let log_snr: Vec<f64> =
            alphas_cumprod.iter().map(|signal| libm::log(*signal) - libm::log1p(-signal)).collect();
        if alphas_cumprod.len() < 2 {
            return Err(Error::usage("a table of betas needs at least two entries"));
        }
        let inner = log_snr[..log_snr.len() - 1].iter().all(|value| value.is_finite());
        if !inner || !log_snr.windows(2).all(|pair| pair[0] > pair[1]) {
            return Err(Error::usage(
                "the signal of a table must fall strictly, and only its last entry may be 0",
            ));
        }
        Ok(Self { alphas_cumprod, log_snr })
    }

    /// The betas, `1 - alpha_bar_i / alpha_bar_(i-1)`.
    pub fn betas(&self) -> Vec<f64> {
        let before = std::iter::once(1.0).chain(self.alphas_cumprod.iter().copied());
        before.zip(&self.alphas_cumprod).map(|(before, here)| 1.0 - here / before).collect()
    }

    /// The running product of `1 - beta`.
    pub fn alphas_cumprod(&self) -> &[f64] {
        &self.alphas_cumprod
    }

    /// The entry at or before time `t`, and how far `t` lies towards the next, in `[0, 1)`.
    fn place(&self, t: f64) -> (usize, f64) {
        let position = t.clamp(0.0, 1.0) * (self.log_snr.len() - 1) as f64;
        // i / (N - 1) * (N - 1) may miss i by rounding; an entry of the table should be met exactly.
        let nearest = position.round_ties_even();
        if (position - nearest).abs() < 1e-9 {
            return (nearest as usize, 0.0);
        }
        (position as usize, position.fract())
    }
}

impl Schedule for Table {
    fn log_snr(&self, t: f64) -> f64 {
        let (i, part) = self.place(t);
        if part == 0.0 {
            return self.log_snr[i];
        }
        let (here, next) = (self.log_snr[i], self.log_snr[i + 1]);
        if next.is_finite() {
            return here + part * (next - here);
        }
        let signal = self.alphas_cumprod[i] * (1.0 - part) * (1.0 - part);
        libm::log(signal) - libm::log1p(-signal)
    }

    fn time(&self, log_snr: f64) -> f64 {
        let last = self.log_snr.len() - 1;
        let after = self.log_snr.partition_point(|value| *value > log_snr);
        if after == 0 || after > last {
            return if after == 0 { 0.0 } else { 1.0 };
        }
        let (here, next) = (self.log_snr[after - 1], self.log_snr[after]);
        let part = if next.is_finite() {
            (here - log_snr) / (here - next)
        } else {
            let signal = 1.0 / (1.0 + libm::exp(-log_snr));
            1.0 - libm::sqrt(signal / self.alphas_cumprod[after - 1])
        };
        ((after - 1) as f64 + part) / last as f64
    }

    fn slope(&self, t: f64) -> f64 {
        let last = self.log_snr.len() - 1;
        // The slope jumps at the entries: there it is that of the interval towards more noise.
        let (i, part) = self.place(t);
        let (i, part) = if i == last { (last - 1, 1.0) } else { (i, part) };
        let (here, next) = (self.log_snr[i], self.log_snr[i + 1]);
        if next.is_finite() {
            return (next - here) * last as f64;
        }
        // d logit(s) = ds / (s (1 - s)) with s = alpha_bar (1 - part)^2.
        let left = 1.0 - part;
        -2.0 * last as f64 / (left * (1.0 - self.alphas_cumprod[i] * left * left))
    }

    fn table(&self) -> Option<&[f64]> {
        Some(&self.alphas_cumprod)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn betas_come_back_and_bad_ones_are_refused() {
        let table = Table::from_betas(&[0.1, 0.2, 1.0]).unwrap();
        for (got, want) in table.betas().iter().zip([0.1, 0.2, 1.0]) {
            assert!((got - want).abs() < 1e-15);
        }
        assert_eq!(table.log_snr(1.0), f64::NEG_INFINITY);
        for bad in [&[0.1][..], &[0.1, 0.0], &[1.0, 0.1], &[0.1, f64::NAN], &[0.1, -0.1], &[]] {
            assert!(Table::from_betas(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn entries_are_met_exactly() {
        let betas: Vec<f64> = (0..1000).map(|i| 1e-4 + 0.0199 * i as f64 / 999.0).collect();
        let table = Table::from_betas(&betas).unwrap();
        for i in 0..1000 {
            assert_eq!(table.log_snr(i as f64 / 999.0), table.log_snr[i]);
            assert!((table.time(table.log_snr[i]) * 999.0 - i as f64).abs() < 1e-9);
        }
    }
}
