//! The comparison as a table and as a plot.

use langevin_figures::plot::{Plot, Scale, Series};
use langevin_model::OWN;
use langevin_model::Tuned;

use super::{SamplerComparison, SamplerRow};

impl SamplerComparison {
    /// Everything as JSON.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("a comparison is plain values")
    }

    /// The table as Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "{}: {} images, seed {}; distances from {}, which is itself within {:.2} of 255.\n\n",
            self.model, self.n, self.seed, self.reference, self.reference_rms
        );
        text += "| budget | sampler | spacing | steps | calls | RMS of 255 | Frechet (random features) | ms an image |\n";
        text += "|---|---|---|---|---|---|---|---|\n";
        for row in &self.rows {
            let is_best = |best: &Tuned| {
                (best.calls, &best.sampler, &best.spacing) == (row.budget, &row.sampler, &row.spacing)
            };
            let mark = if self.best.iter().any(is_best) { "**" } else { "" };
            let rms = if row.follows {
                format!("{:.2} ± {:.2}", row.rms, row.rms_error)
            } else {
                format!("({:.1}: adds noise)", row.rms)
            };
            text += &format!(
                "| {} | {mark}{}{mark} | {} | {} | {} | {rms} | {:.3}{} | {:.1} |\n",
                row.budget,
                row.sampler,
                row.spacing,
                row.steps,
                row.calls,
                row.frechet,
                row.frechet_error.map_or_else(String::new, |error| format!(" ± {error:.3}")),
                row.ms
            );
        }
        if self.rows.iter().any(|row| row.spacing == OWN) {
            for grid in &self.grids {
                let (order, steps) = (grid.order, grid.levels.len());
                text += &format!("\nown, order {order}, {steps} steps: {}", grid.spacing());
            }
            text += "\n";
        }
        for line in &self.left_out {
            text += &format!("\nLeft out: {line}.");
        }
        text
    }

    /// The distance against the calls, for each sampler over the spacing that serves it best at each budget. Methods that
    /// add noise follow no trajectory and are not in it.
    pub fn plot(&self) -> Plot {
        let mut series: Vec<Series> = Vec::new();
        let mut names: Vec<&String> = Vec::new();
        for row in self.rows.iter().filter(|row| row.follows) {
            if !names.contains(&&row.sampler) {
                names.push(&row.sampler);
            }
        }
        for name in names {
            let (mut points, mut errors): (Vec<(f64, f64)>, Vec<f64>) = Default::default();
            let mut own: Vec<&SamplerRow> = self.rows.iter().filter(|row| row.sampler == *name).collect();
            own.sort_by(|a, b| a.calls.cmp(&b.calls).then(a.rms.total_cmp(&b.rms)));
            for row in own {
                if points.last().is_none_or(|last| last.0 < row.calls as f64) {
                    points.push((row.calls as f64, row.rms));
                    errors.push(row.rms_error);
                }
            }
            series.push(Series { name: name.clone(), points, errors, ..Series::default() });
        }
        Plot {
            title: format!("{}: distance from the fine trajectory", self.model),
            x_label: "calls of the network".to_owned(),
            y_label: "RMS difference, of 255".to_owned(),
            x_scale: Scale::Log,
            y_scale: Scale::Log,
            y_range: None,
            series,
        }
    }
}
