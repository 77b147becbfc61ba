//! How a training is shown on the terminal: a live line, or one plain line now and then where stderr is no terminal.

use indicatif::{ProgressBar, ProgressStyle};
use langevin::train::{Event, Forecast, Step};

use crate::shell::{self, Shell};

/// Images of a training that ends by time: so many are never seen.
const UNCOUNTED: u64 = 1 << 40;
/// Seconds between two plain lines.
const BETWEEN_LINES: f64 = 15.0;

/// The line of the training at work.
pub struct TrainingLine<'a> {
    shell: &'a Shell,
    bar: Option<ProgressBar>,
    next_line: f64,
    validation: Option<f64>,
    /// Seconds that the training will take in all, where that is forecast.
    whole: Option<f64>,
    /// Seconds of training at the first step of this command.
    began: Option<f64>,
    smoothed: Option<(f64, f64)>,
}

impl<'a> TrainingLine<'a> {
    /// Before a training.
    pub fn new(shell: &'a Shell) -> Self {
        Self { shell, bar: None, next_line: 0.0, validation: None, whole: None, began: None, smoothed: None }
    }

    /// Shows an event of the training; a forecast begins the next one.
    pub fn show(&mut self, event: &Event) {
        match event {
            Event::Resumed { images } => self.say(&format!("going on after {images} images")),
            Event::Warning { text } => self.aside(|| self.shell.warn(text)),
            Event::Forecast(forecast) => {
                self.finish();
                *self = Self { whole: Some(forecast.seconds_left), ..Self::new(self.shell) };
                self.forecast(forecast);
            }
            Event::Step(step) => self.step(step),
            Event::Validated { images, loss, by_level } => {
                self.validation = Some(*loss);
                let levels: Vec<String> = by_level.iter().map(|(_, loss)| format!("{loss:.3}")).collect();
                if self.shell.verbose {
                    self.say(&format!(
                        "{images} images: validation {loss:.4}, from little to much noise {}",
                        levels.join(" ")
                    ));
                }
            }
            Event::Judged { images, values } => {
                let values: Vec<String> = values
                    .iter()
                    .map(|(name, value)| match name.strip_prefix("psnr_") {
                        Some(of) => format!("{} {value:.2} dB", of.replace('_', " ")),
                        None => format!("{} {value:.3}", name.replace('_', " ")),
                    })
                    .collect();
                self.say(&format!("{images} images: held out, {}", values.join(", ")));
            }
            Event::Saved { path } if self.shell.verbose => self.say(&format!("saved {}", path.display())),
            Event::Maintained { images, seconds } if self.shell.verbose => {
                self.say(&format!("{images} images: {seconds:.1} s between two steps"));
            }
            Event::Saved { .. } | Event::Maintained { .. } => {}
        }
    }

    /// Does something else to the terminal, the line out of its way.
    pub fn aside(&self, what: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(what),
            None => what(),
        }
    }

    /// Takes the line away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn say(&self, text: &str) {
        self.aside(|| self.shell.say(text));
    }

    fn forecast(&self, forecast: &Forecast) {
        let memory =
            forecast.peak_bytes.map_or(String::new(), |b| format!(", {} of memory", shell::bytes(b)));
        self.say(&format!(
            "{} parameters; {:.2} s a step, {:.0} img/s{memory}; about {} for {} images",
            forecast.parameters,
            forecast.seconds_per_step,
            forecast.images_per_second,
            shell::duration(forecast.seconds_left),
            forecast.images_left,
        ));
    }

    /// How long the rest will take, as the images seen so far, or else the forecast, say.
    fn left(&self, step: &Step) -> String {
        let counted = self.smoothed.filter(|(_, speed)| step.images_total < UNCOUNTED && *speed > 0.0);
        let by_images =
            counted.map(|(_, speed)| step.images_total.saturating_sub(step.images) as f64 / speed);
        // A training may end by time before it has seen all images.
        let by_time = self.whole.zip(self.began).map(|(whole, began)| whole - (step.seconds - began));
        let left = [by_images, by_time.filter(|left| *left > 0.0)].into_iter().flatten().reduce(f64::min);
        left.map_or(String::new(), |left| format!(", about {} left", shell::duration(left)))
    }

    fn step(&mut self, step: &Step) {
        self.began = self.began.or(Some(step.seconds));
        let (loss, speed) = self.smoothed.unwrap_or((step.loss, step.images_per_second));
        let smooth = (0.95 * loss + 0.05 * step.loss, 0.9 * speed + 0.1 * step.images_per_second);
        self.smoothed = Some(smooth);
        let validation = self.validation.map_or(String::new(), |v| format!(" val {v:.4}"));
        let status = format!(
            "loss {:.4}{validation} grad {:.2} lr {:.1e} {:.0} img/s",
            smooth.0, step.gradient_norm, step.learning_rate, smooth.1
        );
        if self.shell.is_live() {
            let bar = self.bar.get_or_insert_with(|| bar(step.images_total));
            bar.set_position(step.images);
            bar.set_message(status);
        } else if step.seconds >= self.next_line {
            self.next_line = step.seconds + BETWEEN_LINES;
            let total = if step.images_total < UNCOUNTED {
                format!(" of {}", step.images_total)
            } else {
                String::new()
            };
            // A validation is shown once: after that it is no news.
            self.validation = None;
            self.shell.say(&format!(
                "{}{total} images, {}{}: {status}",
                step.images,
                shell::duration(step.seconds),
                self.left(step)
            ));
        }
    }
}

/// The bar of a training of so many images in all; [`UNCOUNTED`] and more are not counted on.
fn bar(images_total: u64) -> ProgressBar {
    let bar = ProgressBar::new(images_total.min(UNCOUNTED));
    let bounded = images_total < UNCOUNTED;
    let template = if bounded {
        "{bar:12} {human_pos}/{human_len} eta {eta} {wide_msg}"
    } else {
        "{spinner} {human_pos} {elapsed} {wide_msg}"
    };
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
