//! Kernel Inception distance: the unbiased estimate of the squared maximum mean discrepancy of the features under the
//! kernel `(x.y / d + 1)^3` (Binkowski et al. 2018, arXiv 1801.01401, section 4; Gretton et al. 2012, eq. 3).
//!
//! It has no bias, so it may be negative and is zero on average for two sets of one kind, whatever their size. By default
//! all pairs count, and the error bar comes from a jackknife over groups of images. With `subsets` it is what the paper
//! and other programs give: mean and standard deviation over random subsets.

use langevin_core::registry::{Entry, OptionDoc, Options};
use langevin_core::{Error, Result};
use langevin_data::order::{Permutation, Purpose, bits};

use super::require;
use crate::metric::{Better, Case, Measured, Metric, Needs, Value};
use crate::products::{by_row, norms};
use crate::rows::Rows;
use crate::statistics::{Mean, group, jackknife};

pub(super) const ENTRY: Entry<dyn Metric> = Entry {
    name: "kid",
    aliases: &["mmd"],
    summary: "kernel distance of the features, unbiased: zero on average for images of one kind",
    source: "Binkowski et al. 2018 (arXiv 1801.01401)",
    options: &[
        OptionDoc {
            key: "subsets",
            default: "0",
            doc: "random subsets to average over, as published (100); 0 takes all pairs and a jackknife",
        },
        OptionDoc { key: "size", default: "1000", doc: "images of a subset" },
        OptionDoc { key: "groups", default: "20", doc: "groups of the jackknife" },
    ],
    build: |options| Ok(Box::new(Kid::new(options)?)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Kid {
    subsets: usize,
    size: usize,
    groups: usize,
}

impl Kid {
    fn new(options: &Options) -> Result<Self> {
        let subsets = options.number("subsets", 0.0, 10_000.0)? as usize;
        let size = options.number("size", 2.0, 1e6)? as usize;
        let groups = options.number("groups", 2.0, 1000.0)? as usize;
        Ok(Self { subsets, size, groups })
    }

    /// Mean and standard deviation over random subsets.
    fn by_subsets(&self, case: &Case<'_>) -> (f64, f64) {
        let draw = |rows: &Rows, salt: u64| {
            let order = Permutation::new(rows.len() as u64, bits(case.seed, Purpose::Draw, salt));
            rows.select(&(0..self.size as u64).map(|k| order.at(k) as usize).collect::<Vec<_>>())
        };
        let one = |round: u64| {
            let (judged, reference) =
                (draw(&case.judged.rows, 2 * round), draw(&case.reference.rows, 2 * round + 1));
            Sums::new(&judged, &reference, 1).estimate(None)
        };
        let found: Vec<f64> = (0..self.subsets as u64).map(one).collect();
        let Mean { mean: value, error } = Mean::of(&found);
        (value, error.unwrap_or(0.0) * (self.subsets as f64).sqrt())
    }
}

impl Metric for Kid {
    fn values(&self) -> &'static [&'static str] {
        &["kid"]
    }

    fn needs(&self) -> Needs {
        Needs { features: true, ..Needs::default() }
    }

    fn measure(&self, case: &Case<'_>) -> Result<Measured> {
        let (value, error) = if self.subsets > 0 {
            let least = case.judged.len().min(case.reference.len());
            if least < self.size {
                return Err(Error::usage(format!("kid: subsets of {} among {least} images", self.size))
                    .hint(format!("kid:subsets={},size={}", self.subsets, least / 2)));
            }
            self.by_subsets(case)
        } else {
            require(case, 2 * self.groups)?;
            let sums = Sums::new(&case.judged.rows, &case.reference.rows, self.groups);
            let left_out: Vec<f64> = (0..self.groups).map(|g| sums.estimate(Some(g))).collect();
            (sums.estimate(None), jackknife(&left_out))
        };
        let count = case.judged.len();
        let value = Value { name: "kid", value, error: Some(error), count, better: Better::Lower };
        Ok(Measured { values: vec![value], nearest: Vec::new() })
    }
}

/// Sums of the kernel between the images of every two groups.
struct Sums {
    groups: usize,
    counts: [usize; 2],
    /// Within the first set, the second, and between them; images with themselves left out.
    tables: [Vec<f64>; 3],
}

impl Sums {
    fn new(first: &Rows, second: &Rows, groups: usize) -> Self {
        let tables =
            [table(first, first, groups), table(second, second, groups), table(first, second, groups)];
        Self { groups, counts: [first.len(), second.len()], tables }
    }

    /// The unbiased estimate, with group `without` left out of both sets.
    fn estimate(&self, without: Option<usize>) -> f64 {
        let count = |set: usize| {
            let out = without.map_or(0, |g| group(g, self.groups, self.counts[set]).len());
            (self.counts[set] - out) as f64
        };
        let sum = |table: &[f64]| -> f64 {
            let kept = |index: &usize| {
                let (row, column) = (index / self.groups, index % self.groups);
                without != Some(row) && without != Some(column)
            };
            (0..table.len()).filter(kept).map(|index| table[index]).sum()
        };
        let (m, n) = (count(0), count(1));
        let [first, second, between] = &self.tables;
        sum(first) / (m * (m - 1.0)) + sum(second) / (n * (n - 1.0)) - 2.0 * sum(between) / (m * n)
    }
}

fn table(left: &Rows, right: &Rows, groups: usize) -> Vec<f64> {
    let width = left.width() as f64;
    let kernel = |product: f64| (product / width + 1.0).powi(3);
    let same = std::ptr::eq(left, right);
    let own = norms(left);
    let sums = by_row(left, right, |index, products| {
        let mut sums: Vec<f64> = (0..groups)
            .map(|g| products[group(g, groups, right.len())].iter().map(|product| kernel(*product)).sum())
            .collect();
        if same {
            let at = (0..groups).find(|g| group(*g, groups, left.len()).contains(&index));
            sums[at.unwrap_or(0)] -= kernel(own[index]);
        }
        sums
    });
    let mut table = vec![0.0; groups * groups];
    for g in 0..groups {
        for row in &sums[group(g, groups, left.len())] {
            table[g * groups..][..groups].iter_mut().zip(row).for_each(|(all, one)| *all += one);
        }
    }
    table
}
