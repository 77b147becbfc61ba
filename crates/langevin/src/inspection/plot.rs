//! The curves of a run as a figure: the loss over training, and the loss by noise level at several points of it.

use langevin_core::{Error, Image, Result};
use langevin_figures::plot::{Plot, Scale, Series};
use langevin_figures::sheet;
use langevin_train::{Curves, Validated};

/// Points of the curve of the training loss.
const POINTS: usize = 300;
/// Validations whose loss by noise level is shown.
const STAGES: usize = 6;

/// The loss over training above the loss by noise level; the first alone for a training without noise levels.
///
/// # Errors
/// Bad input: the run has recorded nothing yet.
pub(super) fn run_plot(curves: &Curves, name: &str) -> Result<Image> {
    if curves.training.is_empty() && curves.validation.is_empty() {
        return Err(Error::bad_input(format!("{name}: has recorded no losses yet")));
    }
    let mut plots = vec![over_training(curves, name)];
    plots.extend(by_level(curves));
    let images: Vec<Image> = plots.iter().map(|plot| plot.to_image(1.0)).collect();
    Ok(sheet::sheet(&images, 1, 12, 1))
}

/// The loss against the images seen.
fn over_training(curves: &Curves, name: &str) -> Plot {
    let positions = |points: Vec<(u64, f64)>| points.into_iter().map(|(x, y)| (x as f64, y)).collect();
    let validation = curves.validation.iter().map(|validated| (validated.images, validated.loss)).collect();
    let series = [("training (means)", curves.smoothed(POINTS)), ("validation", validation)];
    Plot {
        title: format!("{name}: loss over training"),
        x_label: "images seen".into(),
        y_label: "loss".into(),
        y_scale: Scale::Log,
        series: series
            .into_iter()
            .filter(|(_, points)| !points.is_empty())
            .map(|(name, points)| Series {
                name: name.into(),
                points: positions(points),
                ..Series::default()
            })
            .collect(),
        ..Plot::default()
    }
}

/// The validation loss against the log-SNR, of up to six validations from the first to the last; none without noise levels.
fn by_level(curves: &Curves) -> Option<Plot> {
    let recorded: Vec<&Validated> = curves.validation.iter().filter(|v| !v.by_level.is_empty()).collect();
    let last = recorded.len().checked_sub(1)?;
    let shown = STAGES.min(recorded.len());
    let mut stages: Vec<usize> = (0..shown).map(|k| k * last / (shown - 1).max(1)).collect();
    stages.dedup();
    let curve = |at: usize| {
        let Validated { images, by_level, .. } = recorded[at];
        let mut points: Vec<(f64, f64)> = by_level.iter().map(|level| (level.log_snr, level.loss)).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Series { name: format!("{images} images"), points, ..Series::default() }
    };
    Some(Plot {
        title: "validation loss by noise level".into(),
        x_label: "log SNR = 2 ln(α / σ): noise on the left, images on the right".into(),
        y_label: "loss".into(),
        y_scale: Scale::Log,
        // The newest first: the first curve is drawn on top.
        series: stages.into_iter().rev().map(curve).collect(),
        ..Plot::default()
    })
}

#[cfg(test)]
mod tests {
    use langevin_train::LevelLoss;

    use super::*;

    fn validated(images: u64) -> Validated {
        let level = |log_snr: f64| LevelLoss { log_snr, loss: 1.0 / (1.0 + images as f64) };
        Validated { images, loss: 0.5, by_level: [4.0, 0.0, -4.0].map(level).to_vec() }
    }

    #[test]
    fn the_first_and_the_last_validation_are_among_the_curves() {
        let curves = Curves {
            training: vec![(8, 0.5)],
            validation: (0..20).map(|k| validated(k * 100)).collect(),
            ..Curves::default()
        };
        let plot = by_level(&curves).unwrap();
        assert_eq!(plot.series.len(), STAGES);
        assert_eq!((plot.series[0].name.as_str(), plot.series[5].name.as_str()), ("1900 images", "0 images"));
        // From noise to images, whatever the order of the record.
        assert_eq!(plot.series[0].points[0].0, -4.0);
        let both = run_plot(&curves, "run").unwrap();
        let one = run_plot(&Curves { validation: Vec::new(), ..curves }, "run").unwrap();
        assert!(both.height > 2 * one.height - 20, "{} and {}", both.height, one.height);
    }

    #[test]
    fn one_validation_is_a_curve_and_none_is_said() {
        let curves = Curves { validation: vec![validated(0)], ..Curves::default() };
        assert_eq!(by_level(&curves).unwrap().series.len(), 1);
        assert!(by_level(&Curves::default()).is_none());
        assert!(run_plot(&Curves::default(), "run").unwrap_err().to_string().contains("no losses"));
    }
}
