//! Several schedules on one image: a row for each, the same times and the same noise in all.

use langevin_core::{Error, Image, Result};
use langevin_figures::drawing::{Canvas, text_width};
use langevin_figures::plot::Plot;
use langevin_process::{Diffusion, DiffusionSpec};

use super::{
    CAPTION, CAPTION_ROW, DARK, GAP, SOFT, TITLE, caption_lines, check_times, clean, noise_for, noised,
    snr_curve, snr_plot,
};

/// The least and the largest width of a cell in pixels.
const SMALLEST: usize = 128;
const LARGEST: usize = 176;
const HEAD: usize = 88;
const ROW_HEAD: usize = 26;

/// The diffusions that `names` name: a schedule each, with `@PROCESS` behind it where the process is not `process`.
///
/// # Errors
/// Usage: an unknown schedule or process.
pub fn diffusions(names: &[String], process: &str) -> Result<Vec<Diffusion>> {
    let diffusion = |name: &String| {
        let (schedule, process) = name.split_once('@').unwrap_or((name, process));
        Diffusion::new(&DiffusionSpec {
            schedule: schedule.to_owned(),
            process: process.to_owned(),
            ..DiffusionSpec::default()
        })
    };
    names.iter().map(diffusion).collect()
}

/// One image at `times` under each of `rows`, with the noise of `seed` in all of them: what a schedule does to an image and when.
/// Images are shown as in [`strip`](super::strip).
///
/// # Errors
/// As [`strip`](super::strip); usage, for no rows.
pub fn comparison(image: &Image, rows: &[Diffusion], times: &[f64], seed: u64) -> Result<Image> {
    check_times(times)?;
    if rows.is_empty() {
        return Err(
            Error::usage("no schedules to compare").hint("name some, as in `langevin list schedules`")
        );
    }
    let clean = clean(image, LARGEST)?;
    let noise = noise_for(&clean, seed);
    let zoom = SMALLEST.div_ceil(clean.width.max(clean.height)).max(1);
    let (width, height) = ((clean.width * zoom).max(SMALLEST), clean.height * zoom);
    let row_height = ROW_HEAD + height + (CAPTION_ROW * 2.0) as usize + GAP;
    let names: Vec<String> = rows.iter().map(name).collect();
    let title = "The forward process under several noise schedules";
    let longest = names.iter().map(|name| text_width(name, CAPTION)).fold(text_width(title, TITLE), f64::max);
    let total = (GAP + times.len() * (width + GAP)).max(2 * GAP + longest.ceil() as usize);
    let mut canvas = Canvas::new(total, HEAD + rows.len() * row_height, [255; 3]);
    canvas.text(GAP as f64, 29.0, TITLE, DARK, title);
    canvas.text(
        GAP as f64,
        51.0,
        CAPTION * 0.93,
        SOFT,
        "x = α × image + σ × noise, the same noise everywhere",
    );
    let middle = |column: usize| (GAP + column * (width + GAP)) as f64 + width as f64 / 2.0;
    for (column, time) in times.iter().enumerate() {
        let text = &caption_lines(*time, rows[0].level(*time))[0].0;
        canvas.text_centred(middle(column), 78.0, CAPTION, DARK, text);
    }
    for (row, (diffusion, name)) in rows.iter().zip(&names).enumerate() {
        let top = HEAD + row * row_height;
        canvas.text(GAP as f64, top as f64 + 17.0, CAPTION, DARK, name);
        for (column, time) in times.iter().enumerate() {
            let level = diffusion.level(*time);
            let left = GAP + column * (width + GAP) + (width - clean.width * zoom) / 2;
            canvas.image(left, top + ROW_HEAD, zoom, &noised(&clean, level, &noise));
            for (line, (text, color)) in caption_lines(*time, level).into_iter().skip(1).enumerate() {
                let baseline = (top + ROW_HEAD + height) as f64 + CAPTION_ROW * (line + 1) as f64 - 2.0;
                canvas.text_centred(middle(column), baseline, CAPTION * 0.82, color, &text);
            }
        }
    }
    Ok(canvas.into_image())
}

/// The log-SNR of each of `rows` against time.
pub fn comparison_plot(rows: &[Diffusion]) -> Plot {
    snr_plot(rows.iter().map(|diffusion| snr_curve(name(diffusion), diffusion.schedule())).collect())
}

fn name(diffusion: &Diffusion) -> String {
    format!("{}, process {}", diffusion.spec().schedule, diffusion.spec().process)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_for_each_schedule_and_a_column_for_each_time() {
        let image = Image::from_u8(32, 16, 1, vec![90; 512]);
        let names = ["cosine", "linear", "edm@edm"].map(str::to_owned);
        let rows = diffusions(&names, "vp").unwrap();
        let times = [0.0, 0.25, 0.5, 0.75, 1.0];
        let made = comparison(&image, &rows, &times, 1).unwrap();
        assert_eq!(made.width, GAP + 5 * (128 + GAP));
        assert_eq!(made.height, HEAD + 3 * (ROW_HEAD + 64 + 42 + GAP));
        // At time 0 every schedule shows the image, with hardly any noise.
        let cell = |row: usize| {
            let top = HEAD + row * (ROW_HEAD + 64 + 42 + GAP) + ROW_HEAD;
            let bytes = made.to_bytes();
            (0..64)
                .flat_map(|y| bytes[((top + y) * made.width + GAP) * 3..][..384].to_vec())
                .collect::<Vec<u8>>()
        };
        assert!((0..3).all(|row| cell(row).iter().all(|value| value.abs_diff(90) <= 9)));
        let plot = comparison_plot(&rows);
        assert_eq!(plot.series[2].name, "edm, process edm");
        assert!(diffusions(&["cosin".to_owned()], "vp").unwrap_err().to_string().contains("cosine"));
        assert!(comparison(&image, &[], &times, 1).is_err());
    }
}
