//! The comparison as a table and as sheets.

use langevin_core::Image;
use langevin_figures::sheet;
use langevin_model::Model;

use super::comparison::{RestorationComparison, RestorationRow};

/// Images in a row of a sheet.
pub(super) const COLUMNS: usize = 12;

/// Rows of images, the first clean.
pub(super) fn sheet(model: &Model, images: &[Image], columns: usize) -> Image {
    sheet::sheet(images, columns.max(1), 2, model.info.magnification().min(2))
}

impl RestorationComparison {
    /// Everything but the sheets as JSON.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("a comparison is plain values")
    }

    /// The table as Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "{}, {} images of the test part of {}, seed {}. Constants are those with the highest PSNR at each number of calls on up to \
             {} training images. Distance: of features ({}) from those of the clean image, 1 being that of another image.\n",
            self.model, self.n, self.data, self.seed, self.tune, self.features
        );
        for task in &self.tasks {
            text += &format!("\n### {}: {}", task.name, task.operator);
            text += &match task.noise {
                0.0 => ", no noise\n\n".to_owned(),
                noise => format!(", noise of {noise} of 255\n\n"),
            };
            text += "| method | calls | steps | PSNR dB | SSIM | distance | ms an image |\n|---|---|---|---|---|---|---|\n";
            let rows: Vec<&RestorationRow> = self.rows.iter().filter(|row| row.task == task.name).collect();
            for row in &rows {
                let best = rows.iter().filter(|other| other.budget == row.budget && row.budget > 0);
                let best = best.map(|other| other.psnr.0).fold(f64::NEG_INFINITY, f64::max);
                let mark = if row.psnr.0 == best { "**" } else { "" };
                text += &format!(
                    "| {} | {} | {} | {mark}{:.2}{mark} ± {:.2} | {:.3} | {:.3} | {:.1} |\n",
                    row.method,
                    row.calls,
                    row.steps,
                    row.psnr.0,
                    row.psnr.1,
                    row.ssim,
                    row.distance,
                    1e3 * row.seconds
                );
            }
            let sheets = self.sheets.iter().filter(|(name, _, _)| *name == task.name);
            for (name, _, rows) in sheets {
                text += &format!("\n{name}.png, from the top: {}.\n", rows.join("; "));
            }
        }
        for line in &self.left_out {
            text += &format!("\nLeft out: {line}.\n");
        }
        text
    }
}
