//! What a run writes down: `metrics.jsonl` (a function of settings and data alone, byte for byte), `log.jsonl` (with times
//! and speed) and TensorBoard events.

use std::fs::OpenOptions;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use langevin_core::{Error, Result};
use serde_json::{Value, json};

use crate::hooks::{Event, Preview, Step};
use crate::tensorboard::EventWriter;
use langevin_files::disk::Output;
use langevin_files::write_error;

/// Bytes that an events file begins with.
const EVENTS_HEAD: u64 = 88;

/// The three logs of a run.
#[derive(Debug)]
pub struct Log {
    metrics: Output,
    metrics_bytes: u64,
    log: Output,
    board: EventWriter,
    folder: PathBuf,
}

impl Log {
    /// Opens the logs in `folder`; `metrics.jsonl` is cut back to `metrics_bytes`, where the checkpoint left it.
    ///
    /// # Errors
    /// Failed, naming the file, when it cannot be opened or written.
    pub fn open(folder: &Path, metrics_bytes: u64, images: u64) -> Result<Self> {
        let failed = |what: &str, need: u64, error: &io::Error| write_error(&folder.join(what), need, error);
        let open = |file: &str, append: bool| {
            let mut options = OpenOptions::new();
            let options = if append { options.append(true) } else { options.write(true).truncate(false) };
            Output::open(&folder.join(file), options.create(true)).map_err(|error| failed(file, 0, &error))
        };
        let metrics = open("metrics.jsonl", false)?;
        let have = metrics.file().metadata().map_err(|error| failed("metrics.jsonl", 0, &error))?.len();
        if have < metrics_bytes {
            return Err(Error::bad_input(format!(
                "{}: {have} bytes long, but the checkpoint was made when it had {metrics_bytes}",
                folder.join("metrics.jsonl").display()
            ))
            .hint("put the file back, or train into a new --out folder"));
        }
        if have > metrics_bytes {
            metrics.cut(metrics_bytes).map_err(|error| failed("metrics.jsonl", 0, &error))?;
        }
        metrics.file().seek(SeekFrom::End(0)).map_err(|error| failed("metrics.jsonl", 0, &error))?;
        let board = EventWriter::create(&folder.join("events"), images);
        let board = board.map_err(|error| failed("events", EVENTS_HEAD, &error))?;
        Ok(Self {
            metrics,
            metrics_bytes,
            log: open("log.jsonl", true)?,
            board,
            folder: folder.to_path_buf(),
        })
    }

    /// Records an update.
    ///
    /// # Errors
    /// Failed, when the disk is full.
    pub fn step(&mut self, step: &Step) -> Result<()> {
        self.metric(&json!({
            "images": step.images, "step": step.step, "loss": step.loss,
            "grad_norm": step.gradient_norm, "lr": step.learning_rate,
        }))?;
        let scalars = [
            ("train/loss", step.loss),
            ("train/grad_norm", step.gradient_norm),
            ("train/lr", step.learning_rate),
            ("speed/images_per_second", step.images_per_second),
        ];
        self.scalars(step.images, &scalars)
    }

    /// Records a validation.
    ///
    /// # Errors
    /// Failed, when the disk is full.
    pub fn validation(&mut self, images: u64, loss: f64, by_level: &[(f64, f64)]) -> Result<()> {
        let rows: Vec<Value> =
            by_level.iter().map(|(snr, loss)| json!({"log_snr": snr, "loss": loss})).collect();
        self.metric(&json!({"images": images, "validation_loss": loss, "by_level": rows}))?;
        self.scalars(images, &[("validation/loss", loss)])?;
        for (log_snr, loss) in by_level {
            self.scalars(images, &[(&format!("validation/loss_at_log_snr_{log_snr:+.1}"), *loss)])?;
        }
        Ok(())
    }

    /// Records what the caller found at a validation.
    ///
    /// # Errors
    /// Failed, when the disk is full.
    pub fn judged(&mut self, images: u64, values: &[(&'static str, f64)]) -> Result<()> {
        let mut row = json!({"images": images});
        values.iter().for_each(|(name, value)| row[*name] = json!(value));
        self.metric(&row)?;
        let named: Vec<(String, f64)> =
            values.iter().map(|(name, value)| (format!("validation/{name}"), *value)).collect();
        let named: Vec<(&str, f64)> = named.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        self.scalars(images, &named)
    }

    /// Puts a sample grid on the board.
    ///
    /// # Errors
    /// Failed, when the disk is full.
    pub fn preview(&mut self, images: u64, preview: &Preview) -> Result<()> {
        let (width, height) = (preview.width, preview.height);
        let written = self.board.image("samples", images, &preview.png, width, height, 3);
        written.map_err(|error| self.failed("events", preview.png.len() as u64, &error))
    }

    /// Records an event with its time.
    ///
    /// # Errors
    /// Failed, when the disk is full.
    pub fn event(&mut self, event: &Event) -> Result<()> {
        let body = match event {
            Event::Resumed { images } => json!({"event": "resumed", "images": images}),
            Event::Warning { text } => json!({"event": "warning", "text": text}),
            Event::Forecast(f) => json!({
                "event": "forecast", "seconds_per_step": f.seconds_per_step, "images_per_second": f.images_per_second,
                "images_left": f.images_left, "seconds_left": f.seconds_left, "peak_bytes": f.peak_bytes,
                "parameters": f.parameters,
            }),
            Event::Step(s) => json!({
                "event": "step", "images": s.images, "loss": s.loss, "images_per_second": s.images_per_second,
                "seconds": s.seconds,
            }),
            Event::Validated { images, loss, .. } => {
                json!({"event": "validated", "images": images, "loss": loss})
            }
            Event::Judged { images, values } => {
                let mut body = json!({"event": "judged", "images": images});
                values.iter().for_each(|(name, value)| body[*name] = json!(value));
                body
            }
            Event::Saved { path } => json!({"event": "saved", "path": path.display().to_string()}),
            Event::Maintained { images, seconds } => {
                json!({"event": "maintained", "images": images, "seconds": seconds})
            }
        };
        let mut body = body;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
        body["time"] = json!(now);
        let line = format!("{body}\n");
        let written = self.log.write_all(line.as_bytes());
        written.map_err(|error| self.failed("log.jsonl", line.len() as u64, &error))
    }

    /// Makes sure everything is on disk; gives the length of `metrics.jsonl`.
    ///
    /// # Errors
    /// Failed, when the disk is full.
    pub fn sync(&mut self) -> Result<u64> {
        self.metrics.sync().map_err(|error| self.failed("metrics.jsonl", 0, &error))?;
        let pending = self.board.pending();
        self.board.flush().map_err(|error| self.failed("events", pending, &error))?;
        Ok(self.metrics_bytes)
    }

    fn metric(&mut self, row: &Value) -> Result<()> {
        let line = format!("{row}\n");
        self.metrics.write_all(line.as_bytes()).map_err(|error| self.failed("metrics.jsonl", 0, &error))?;
        self.metrics_bytes += line.len() as u64;
        Ok(())
    }

    fn scalars(&mut self, images: u64, scalars: &[(&str, f64)]) -> Result<()> {
        for (tag, value) in scalars {
            let written = self.board.scalar(tag, images, *value as f32);
            written.map_err(|error| self.failed("events", self.board.pending(), &error))?;
        }
        Ok(())
    }

    fn failed(&self, what: &str, need: u64, error: &io::Error) -> Error {
        write_error(&self.folder.join(what), need, error)
    }
}
