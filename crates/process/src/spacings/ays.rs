//! `ays`: Align Your Steps, levels optimised for models of the Stable Diffusion family.
//!
//! Sabour et al. 2024 (2404.14507), the schedules for 10 steps published with it: eleven values of `sigma / alpha`, the last
//! of which gives way to the clean image, as in diffusers and k-diffusion users' practice. Other numbers of steps
//! interpolate the logarithm (the authors' rule). The first level is the schedule's noisy end, which for those models it is
//! anyway; where the range of a model is narrower than the table's, the table is squeezed into it.

use super::{Spacing, finish};
use crate::diffusion::Diffusion;
use crate::error::{Error, Result};
use crate::level::Level;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Spacing> = Entry {
    name: "ays",
    aliases: &["align_your_steps"],
    summary: "Align Your Steps: levels optimised for Stable Diffusion models",
    source: "Sabour et al. 2024, arXiv:2404.14507",
    options: &[OptionDoc { key: "table", default: "sd15", doc: "whose levels: sd15, sdxl or svd" }],
    build: |options| {
        let table = match options.text("table") {
            "sd15" => &SD15,
            "sdxl" => &SDXL,
            "svd" => &SVD,
            other => {
                return Err(
                    Error::usage(format!("ays: there is no table \"{other}\"")).hint("use sd15, sdxl or svd")
                );
            }
        };
        Ok(Box::new(Ays { table }))
    },
    ..Entry::BLANK
};

const SD15: [f64; 11] = [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029];
const SDXL: [f64; 11] = [14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029];
const SVD: [f64; 11] = [700.0, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002];

#[derive(Debug)]
struct Ays {
    table: &'static [f64; 11],
}

/// The table's logarithm a `part` of the way through.
fn interpolate(table: &[f64], part: f64) -> f64 {
    let place = part * (table.len() - 1) as f64;
    let index = (place as usize).min(table.len() - 2);
    let between = place - index as f64;
    libm::log(table[index]) * (1.0 - between) + libm::log(table[index + 1]) * between
}

impl Spacing for Ays {
    fn path(&self, diffusion: &Diffusion, steps: usize) -> Result<Vec<Level>> {
        let (highest, lowest) = (diffusion.highest(), diffusion.lowest());
        let table = [self.table[0], self.table[10]].map(libm::log);
        // The tables are rounded: an end of the schedule within 2% of the table's is the same end.
        let same = |own: f64, table: f64| (own - table).abs() < 0.02;
        let [high, low] = [highest.ratio(), lowest.ratio()].map(libm::log);
        let range = [
            if same(high, table[0]) { table[0] } else { table[0].min(high) },
            if same(low, table[1]) { table[1] } else { table[1].max(low) },
        ];
        let squeeze = (range[0] - range[1]) / (table[0] - table[1]);
        let level = |i: usize| {
            let log = interpolate(self.table, i as f64 / steps as f64);
            diffusion.level_at(-2.0 * (range[1] + squeeze * (log - table[1])))
        };
        let mut path: Vec<Level> = (0..steps).map(level).collect();
        if let Some(first) = path.first_mut() {
            *first = highest;
        }
        finish(path)
    }
}

#[cfg(test)]
mod tests {
    use super::super::SPACINGS;
    use super::*;
    use crate::diffusion::DiffusionSpec;

    fn path(spacing: &str, schedule: &str, steps: usize) -> Vec<Level> {
        let spec = DiffusionSpec { schedule: schedule.into(), ..Default::default() };
        SPACINGS.build(spacing).unwrap().path(&Diffusion::new(&spec).unwrap(), steps).unwrap()
    }

    #[test]
    fn ten_steps_are_the_published_table() {
        // Stable Diffusion's schedule ends where its table begins.
        let model = "scaled_linear:start=0.00085,end=0.012";
        for (spacing, table) in [("ays", SD15), ("ays:table=sdxl", SDXL)] {
            let path = path(spacing, model, 10);
            for (level, sigma) in path.iter().zip(&table[..10]) {
                assert!((level.ratio() / sigma - 1.0).abs() < 1e-3, "{spacing}: {level:?} and {sigma}");
            }
            assert_eq!(path[10], Level::CLEAN);
        }
    }

    #[test]
    fn twenty_steps_hold_the_table_and_its_geometric_means() {
        let path = path("ays", "scaled_linear:start=0.00085,end=0.012", 20);
        assert!((path[2].ratio() / 6.475 - 1.0).abs() < 1e-3);
        assert!((path[3].ratio() / (6.475_f64 * 3.861).sqrt() - 1.0).abs() < 1e-3);
    }

    #[test]
    fn an_unknown_table_is_refused() {
        assert!(SPACINGS.build("ays:table=sd3").unwrap_err().to_string().contains("sd15"));
    }
}
