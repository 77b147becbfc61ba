//! The forward process made visible: an image at several times of a diffusion, and plots of schedules.

mod comparison;
pub mod job;

use langevin_core::{Error, Image, Level, Planes, Purpose, Result, Stream};
use langevin_figures::drawing::{Canvas, Color, text_width};
use langevin_figures::numbers::short;
use langevin_figures::plot::{Plot, Scale, Series};
use langevin_process::limits::shown;
use langevin_process::{Diffusion, SCHEDULES, Schedule};

pub use comparison::{comparison, comparison_plot, diffusions};
pub use job::ForwardRequest;

const GAP: usize = 16;
const CAPTION: f64 = 15.0;
const CAPTION_ROW: f64 = 21.0;
const TITLE: f64 = 20.0;
const SMALLEST_CELL: usize = 168;
const LARGEST_CELL: usize = 256;
const MOST_COLUMNS: usize = 6;
const DARK: Color = [34, 34, 34];
const SOFT: Color = [105, 105, 105];

/// The images `alpha x0 + sigma n` of one image at `times` in `[0, 1]`, side by side, each with its time, alpha, sigma
/// and signal-to-noise ratio below it.
///
/// All show the same noise, that of `seed`, so the image is seen to sink into it. An image larger than 256 pixels is
/// averaged down first; one smaller than 168 is shown enlarged. Where a process lets the values grow (VE) the image
/// shown is divided by `sqrt(alpha^2 + sigma^2)`. Alpha channels are ignored.
///
/// # Errors
/// Usage, for no times, a time outside `[0, 1]`, or an image without pixels.
pub fn strip(image: &Image, diffusion: &Diffusion, times: &[f64], seed: u64) -> Result<Image> {
    check_times(times)?;
    let clean = clean(image, LARGEST_CELL)?;
    let noise = noise_for(&clean, seed);
    let columns = times.len().div_ceil(times.len().div_ceil(MOST_COLUMNS));
    let zoom = SMALLEST_CELL.div_ceil(clean.width.max(clean.height)).max(1);
    let (width, height) = ((clean.width * zoom).max(SMALLEST_CELL), clean.height * zoom);
    let caption = (CAPTION_ROW * 3.0 + 8.0) as usize;
    let head = 62;
    let rows = times.len().div_ceil(columns);
    let title = format!("schedule {}, process {}", diffusion.spec().schedule, diffusion.spec().process);
    let total_width =
        (GAP + columns * (width + GAP)).max(2 * GAP + text_width(&title, TITLE).ceil() as usize);
    let mut canvas = Canvas::new(total_width, head + rows * (height + caption + GAP), [255; 3]);
    canvas.text(GAP as f64, 29.0, TITLE, DARK, &title);
    canvas.text(GAP as f64, 51.0, CAPTION * 0.93, SOFT, "x = α × image + σ × noise");
    for (index, time) in times.iter().enumerate() {
        let left = GAP + index % columns * (width + GAP);
        let top = head + index / columns * (height + caption + GAP);
        let level = diffusion.level(*time);
        canvas.image(left + (width - clean.width * zoom) / 2, top, zoom, &noised(&clean, level, &noise));
        for (row, (text, color)) in caption_lines(*time, level).into_iter().enumerate() {
            let baseline = (top + height) as f64 + CAPTION_ROW * (row + 1) as f64;
            canvas.text_centred(left as f64 + width as f64 / 2.0, baseline, CAPTION, color, &text);
        }
    }
    Ok(canvas.into_image())
}

/// The log-SNR of every schedule that needs no options, against time.
pub fn schedules_plot() -> Plot {
    let curve = |name: &str| Some(snr_curve(name.to_owned(), SCHEDULES.build(name).ok()?.as_ref()));
    snr_plot(SCHEDULES.names().filter_map(curve).collect())
}

/// The log-SNR of a schedule against time.
fn snr_curve(name: String, schedule: &dyn Schedule) -> Series {
    let points = (0..=400).map(|index| f64::from(index) / 400.0);
    Series { name, points: points.map(|t| (t, schedule.log_snr(t))).collect(), ..Series::default() }
}

fn snr_plot(series: Vec<Series>) -> Plot {
    Plot {
        title: "Noise schedules: how the image sinks into the noise".into(),
        x_label: "time t (0 = image, 1 = noise)".into(),
        y_label: "log SNR = 2 ln(α / σ)".into(),
        y_range: Some((-15.0, 15.0)),
        series,
        ..Plot::default()
    }
}

/// How much image (alpha) and how much noise (sigma) `diffusion` mixes, against time.
pub fn levels_plot(diffusion: &Diffusion) -> Plot {
    let curve = |name: &str, part: fn(Level) -> f64| {
        let points = (0..=400).map(|index| f64::from(index) / 400.0);
        let points = points.map(|t| (t, part(diffusion.level(t)))).collect();
        Series { name: name.into(), points, ..Series::default() }
    };
    Plot {
        title: format!("schedule {}, process {}", diffusion.spec().schedule, diffusion.spec().process),
        x_label: "time t (0 = image, 1 = noise)".into(),
        y_label: "x = α × image + σ × noise".into(),
        // The noise of a process that lets it grow (VE) spans decades.
        y_scale: if diffusion.highest().sigma > 2.0 { Scale::Log } else { Scale::Linear },
        series: vec![curve("α (image)", |level| level.alpha), curve("σ (noise)", |level| level.sigma)],
        ..Plot::default()
    }
}

fn check_times(times: &[f64]) -> Result<()> {
    if times.is_empty() {
        return Err(Error::usage("no times to show the image at").hint("give some between 0 and 1"));
    }
    match times.iter().find(|time| !(0.0..=1.0).contains(*time)) {
        Some(time) => Err(Error::usage(format!("the time {} does not lie between 0 and 1", shown(time)))),
        None => Ok(()),
    }
}

/// The colours of the image that is noised, no side larger than `largest`.
fn clean(image: &Image, largest: usize) -> Result<Planes> {
    if image.width * image.height * image.channels == 0 {
        return Err(Error::usage("the image has no pixels"));
    }
    let planes = Planes::of(image);
    let shrink = planes.width.max(planes.height).div_ceil(largest);
    Ok(if shrink > 1 { planes.shrunk(shrink) } else { planes })
}

fn noise_for(clean: &Planes, seed: u64) -> Vec<f32> {
    let mut noise = vec![0.0; clean.values.len()];
    Stream::new(seed, Purpose::Training, 0, 0).fill_normal(&mut noise);
    noise
}

fn noised(clean: &Planes, level: Level, noise: &[f32]) -> Image {
    // What the process lets grow is brought back to the range a screen can show.
    let shown = level.alpha.hypot(level.sigma).max(1.0);
    let (alpha, sigma) = ((level.alpha / shown) as f32, (level.sigma / shown) as f32);
    let mixed: Vec<f32> = clean.values.iter().zip(noise).map(|(x, n)| alpha * x + sigma * n).collect();
    Image::from_signed(&mixed, clean.channels, clean.height, clean.width)
}

fn caption_lines(time: f64, level: Level) -> [(String, Color); 3] {
    let snr = (level.alpha / level.sigma).powi(2);
    let decibels = if snr.is_finite() && snr > 0.0 {
        format!("  ({} dB)", format!("{:.1}", 10.0 * snr.log10()).replace('-', "−"))
    } else {
        String::new()
    };
    [
        (format!("t = {}", (time * 1e4).round() / 1e4), DARK),
        (format!("α = {}   σ = {}", short(level.alpha), short(level.sigma)), SOFT),
        (format!("SNR {}{decibels}", short(snr)), SOFT),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use langevin_process::DiffusionSpec;

    fn diffusion() -> Diffusion {
        Diffusion::new(&DiffusionSpec::default()).unwrap()
    }

    #[test]
    fn a_strip_has_a_cell_for_each_time_and_repeats() {
        let image = Image::from_u8(8, 6, 1, (0..48).collect());
        let one = strip(&image, &diffusion(), &[0.0, 0.5, 1.0], 3).unwrap();
        assert_eq!(one, strip(&image, &diffusion(), &[0.0, 0.5, 1.0], 3).unwrap());
        assert_ne!(one, strip(&image, &diffusion(), &[0.0, 0.5, 1.0], 4).unwrap());
        assert_eq!(one.width, GAP + 3 * (SMALLEST_CELL + GAP));
        let many = strip(&image, &diffusion(), &[0.5; 8], 3).unwrap();
        assert_eq!(many.width, GAP + 4 * (SMALLEST_CELL + GAP));
    }

    #[test]
    fn times_and_images_that_do_not_fit_are_refused() {
        let image = Image::from_u8(1, 1, 1, vec![0]);
        let message =
            |image: &Image, times: &[f64]| strip(image, &diffusion(), times, 0).unwrap_err().to_string();
        assert!(message(&image, &[]).contains("no times"));
        assert!(message(&image, &[1.5]).contains("1.5 does not lie"));
        assert!(message(&image, &[f64::NAN]).contains("does not lie"));
        assert!(message(&Image::from_u8(0, 1, 1, vec![]), &[0.5]).contains("no pixels"));
    }

    #[test]
    fn the_plots_have_every_curve() {
        assert!(schedules_plot().series.len() >= 6);
        assert_eq!(levels_plot(&diffusion()).series.len(), 2);
    }
}
