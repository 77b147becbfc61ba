//! How a run's loss went: its measurements, thinned, and as rows of a table.

use langevin_train::{Curves, LevelLoss};
use serde::Serialize;

/// Points that a curve is thinned to, each the mean of its part.
const POINTS: usize = 40;
/// Bars of growing height.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The losses of a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Losses {
    /// Means of the training loss over parts of the training: images seen at the end of each, and loss.
    pub training: Vec<(u64, f64)>,
    /// The loss on images held out: images seen, and loss.
    pub validation: Vec<(u64, f64)>,
    /// The last loss on images held out by noise level, the noisiest first.
    pub by_level: Vec<LevelLoss>,
}

impl Losses {
    /// The losses among `curves`; none where nothing is recorded.
    pub(super) fn of(curves: &Curves) -> Option<Self> {
        let last = curves.validation.iter().rev().find(|validated| !validated.by_level.is_empty());
        let mut by_level = last.map(|validated| validated.by_level.clone()).unwrap_or_default();
        by_level.sort_by(|a, b| a.log_snr.total_cmp(&b.log_snr));
        let validation = curves.validation.iter().map(|validated| (validated.images, validated.loss));
        let losses = Self { training: curves.smoothed(POINTS), validation: validation.collect(), by_level };
        (losses != Self::default()).then_some(losses)
    }

    /// Rows of a table: what it is, and the numbers.
    pub(super) fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = Vec::new();
        let curve = |name, points: &[(u64, f64)]| {
            let ((_, first), (images, last)) = (points.first()?, points.last()?);
            let values: Vec<f64> = points.iter().map(|(_, loss)| *loss).collect();
            Some((name, format!("{} {first:.4} to {last:.4} at {images} images", sparkline(&values))))
        };
        rows.extend(curve("training loss", &self.training));
        rows.extend(curve("held-out loss", &self.validation));
        let losses: Vec<f64> = self.by_level.iter().map(|level| level.loss).collect();
        if !losses.is_empty() {
            rows.push(("by noise level", format!("{} from noisy to clean", sparkline(&losses))));
        }
        for LevelLoss { log_snr, loss } in &self.by_level {
            rows.push(("", format!("log-SNR {log_snr:>6.1}   {loss:.4}")));
        }
        rows
    }
}

/// `values` as bars, on a logarithmic scale where all are above 0.
fn sparkline(values: &[f64]) -> String {
    let logarithmic = values.iter().all(|value| *value > 0.0);
    let shown: Vec<f64> = values.iter().map(|value| if logarithmic { value.ln() } else { *value }).collect();
    let (low, high) = shown.iter().fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
    let bar = |value: f64| match high - low {
        span if span > 0.0 => BARS[((value - low) / span * 7.0).round() as usize],
        _ => BARS[0],
    };
    shown.into_iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_become_curves() {
        let folder = tempfile::tempdir().unwrap();
        let mut text: String = (1..=80)
            .map(|step| format!("{{\"images\":{},\"loss\":{}}}\n", step * 8, 1.0 / f64::from(step)))
            .collect();
        text.push_str("{\"images\":640,\"validation_loss\":0.5,\"by_level\":[{\"log_snr\":4.0,\"loss\":0.25},{\"log_snr\":-4.0,\"loss\":1.0}]}\n");
        std::fs::write(folder.path().join("metrics.jsonl"), text).unwrap();
        let curves = Losses::of(&Curves::read(folder.path()).unwrap()).unwrap();
        assert_eq!((curves.training.len(), curves.training[0], curves.training[39].0), (40, (16, 0.75), 640));
        assert_eq!(curves.validation, [(640, 0.5)]);
        assert_eq!(curves.by_level[0], LevelLoss { log_snr: -4.0, loss: 1.0 });
        let rows = curves.rows();
        assert!(rows[0].1.starts_with('█') && rows[0].1.ends_with("to 0.0126 at 640 images"), "{rows:?}");
        assert_eq!(rows[2], ("by noise level", "█▁ from noisy to clean".to_owned()));
        assert!(Curves::read(&folder.path().join("none")).is_err());
        assert_eq!(Losses::of(&Curves::default()), None);
    }
}
