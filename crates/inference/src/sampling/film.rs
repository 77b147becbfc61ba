//! The trajectory of a sampling as a film: before each step the noisy images and, next to them, the model's prediction of the
//! clean ones; at the end the result.

use burn::tensor::{Device, Tensor};
use langevin_core::{Image, Level, NoiseStreams, Planes, Start, batch_to_images};
use langevin_figures::drawing::{Canvas, Color, text_width};
use langevin_figures::numbers::short;
use langevin_model::{Model, ModelInfo};
use langevin_sample::BatchProgress;

use super::{SamplePlan, is_points, sheet};

/// Images that a film shows; points of the plane are all shown.
const MOST_IMAGES: usize = 16;
const GAP: usize = 16;
const HEAD: usize = 34;
const LABELS: usize = 26;
const TEXT: f64 = 15.0;
/// The least and the largest side of a panel in pixels.
const SMALLEST: usize = 256;
const LARGEST: usize = 1024;
/// Points are shown over [-2.5, 2.5] both ways, which holds 98.8% of normal noise in each.
const POINTS: f64 = 2.5;
const DARK: Color = [34, 34, 34];
const SOFT: Color = [105, 105, 105];
const BORDER: Color = [205; 3];
const WHITE: Color = [255; 3];

/// A film that is being made while a plan is sampled.
pub(super) struct Film<'m> {
    model: &'m Model,
    plan: &'m SamplePlan,
    path: Vec<Level>,
    device: &'m Device,
    shown: usize,
    /// The images of the batch at work before its next step.
    before: Option<Tensor<4>>,
    /// The noisy images and the predictions before each step, and at last the result twice.
    frames: Vec<[Vec<Image>; 2]>,
}

impl<'m> Film<'m> {
    /// A film of `plan`, whose levels are `path`.
    pub(super) fn new(model: &'m Model, plan: &'m SamplePlan, path: Vec<Level>, device: &'m Device) -> Self {
        let shown = if is_points(&model.info) { plan.count } else { plan.count.min(MOST_IMAGES) };
        let frames = vec![[Vec::new(), Vec::new()]; path.len()];
        Self { model, plan, path, device, shown, before: None, frames }
    }

    /// Takes what a step has made.
    pub(super) fn add(&mut self, at: &BatchProgress<'_>) {
        let wanted = self.shown.saturating_sub(at.offset).min(at.progress.x.dims()[0]);
        let (step, last) = (at.progress.step, self.path.len() - 1);
        if wanted == 0 || step > last {
            return;
        }
        let first = |images: &Tensor<4>| images.clone().slice_dim(0, 0..wanted);
        let noisy = match self.before.take() {
            Some(before) if step > 1 => before,
            _ => self.start(at.offset, wanted),
        };
        let reached = first(at.progress.x);
        self.keep(step - 1, noisy, first(at.progress.denoised));
        if step == last {
            self.keep(step, reached.clone(), reached);
        } else {
            self.before = Some(reached);
        }
    }

    /// The finished frames.
    pub(super) fn frames(self) -> Vec<Image> {
        let steps = self.path.len() - 1;
        let head = |step: usize| match self.path[step].ratio() {
            _ if step == steps => format!("after {steps} steps"),
            ratio => format!("step {} of {steps}: noise to signal σ/α = {}", step + 1, short(ratio)),
        };
        let panels: Vec<[Image; 2]> = self
            .frames
            .iter()
            .map(|[noisy, predicted]| [noisy, predicted].map(|images| panel(&self.model.info, images)))
            .collect();
        let what = if is_points(&self.model.info) { "points" } else { "images" };
        let labels = [format!("noisy {what}"), format!("predicted clean {what}")];
        // One width for all frames, that of the longest text included.
        let texts = (0..=steps).map(|step| text_width(&head(step), TEXT)).fold(0.0, f64::max);
        let label = labels.iter().map(|label| text_width(label, TEXT)).fold(0.0, f64::max);
        let cell = panels.iter().flatten().map(|panel| panel.width).max().unwrap_or(1);
        let cell = cell.max(label.ceil() as usize).max((texts.ceil() as usize).saturating_sub(GAP) / 2);
        let height = panels.iter().flatten().map(|panel| panel.height).max().unwrap_or(1);
        let frame = |(step, panels): (usize, &[Image; 2])| {
            let mut canvas = Canvas::new(3 * GAP + 2 * cell, HEAD + LABELS + height + GAP, WHITE);
            canvas.text(GAP as f64, 24.0, TEXT, DARK, &head(step));
            for (column, (panel, label)) in panels.iter().zip(&labels).enumerate() {
                let left = GAP + column * (cell + GAP);
                let label = if step == steps { "result" } else { label };
                canvas.text(left as f64, (HEAD + 18) as f64, TEXT, SOFT, label);
                let (width, height) = (panel.width as f64 + 2.0, panel.height as f64 + 2.0);
                canvas.fill(left as f64 - 1.0, (HEAD + LABELS - 1) as f64, width, height, BORDER);
                canvas.image(left, HEAD + LABELS, 1, panel);
            }
            canvas.into_image()
        };
        panels.iter().enumerate().map(frame).collect()
    }

    /// The noise that images `offset..offset + count` of the plan start from.
    fn start(&self, offset: usize, count: usize) -> Tensor<4> {
        let first = self.plan.first.wrapping_add(offset as u64);
        let streams = NoiseStreams::new(self.plan.seed, first..first.wrapping_add(count as u64));
        let whole =
            Start { noise: self.plan.start.clone(), magnitude: self.model.info.sample.start_magnitude() };
        whole.part(offset..offset + count).at(self.path[0], &streams, self.model.shape(), self.device)
    }

    fn keep(&mut self, frame: usize, noisy: Tensor<4>, predicted: Tensor<4>) {
        // Shown at the scale of images, whatever the process makes of it.
        let magnitude = self.path[frame].magnitude().max(1e-9);
        let range = if is_points(&self.model.info) { POINTS } else { 1.0 };
        let made = [noisy.div_scalar(magnitude * range), predicted.div_scalar(range)];
        for (kept, images) in self.frames[frame].iter_mut().zip(made) {
            kept.extend(batch_to_images(self.model.previews(images)));
        }
    }
}

/// A sheet of images at a size that can be looked at.
fn panel(info: &ModelInfo, images: &[Image]) -> Image {
    let sheet = sheet(info, images);
    let side = sheet.width.max(sheet.height).max(1);
    if side > LARGEST {
        let smaller = Planes::of(&sheet).shrunk(side.div_ceil(LARGEST));
        return Image::from_signed(&smaller.values, smaller.channels, smaller.height, smaller.width);
    }
    langevin_figures::sheet::sheet(&[sheet], 1, 0, SMALLEST.div_ceil(side))
}
