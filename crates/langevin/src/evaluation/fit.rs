//! Training of the classifier: cross-entropy with AdamW, the same bytes on any number of threads.

use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use langevin_core::{Result, Workers, signed_to_batch};
use langevin_data::Batch;
use langevin_data::order::{Purpose, below, bits};
use langevin_kernels::AdamW as Step;
use langevin_train::optimizer::{self, AdamW, GradientMap};
use langevin_train::sums::{self, OrderedSum};

use super::classifier::Classifier;

/// Images of one update, and of one pass.
const BATCH: usize = 64;
const PASS: usize = 32;
const LEARNING_RATE: f64 = 2e-3;

/// What the classifier learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// The classes of the images, so many.
    Classes(usize),
    /// By how many quarter turns an image is rotated (Gidaris, Singh and Komodakis 2018, arXiv 1803.07728): for images
    /// without classes.
    Turns,
}

impl Task {
    /// How many answers there are.
    pub(super) fn answers(self) -> usize {
        match self {
            Task::Classes(count) => count,
            Task::Turns => 4,
        }
    }
}

/// How long, and from which seed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Length {
    /// Images seen.
    pub(super) images: u64,
    /// The seed of the weights, the order and the turns.
    pub(super) seed: u64,
}

/// Trains a classifier on what `next` gives: batches that begin at a number of images seen.
///
/// # Errors
/// As `next` and `progress`.
pub(super) fn train(
    task: Task,
    shape: [usize; 3],
    length: Length,
    device: &Device,
    next: impl Fn(u64, usize) -> Result<Batch>,
    mut progress: impl FnMut(u64) -> Result<()>,
) -> Result<Classifier> {
    let [channels, height, width] = shape;
    let autodiff = device.clone().autodiff();
    let mut network = Classifier::new((width, height), channels, task.answers(), length.seed, &autodiff);
    let mut state = AdamW::new(&network);
    let lanes = Workers::new(BATCH / PASS)?;
    let steps = length.images.div_ceil(BATCH as u64).max(1);
    for step in 0..steps {
        progress(step * BATCH as u64)?;
        let first = step * BATCH as u64;
        let mut batch = next(first, BATCH)?;
        let answers = match task {
            Task::Classes(_) => batch.labels.clone(),
            Task::Turns => turn(&mut batch, length.seed),
        };
        let pixels = channels * height * width;
        let passes = batch.pixels.chunks(PASS * pixels).zip(answers.chunks(PASS)).enumerate().collect();
        let sum = OrderedSum::default();
        lanes.run(passes, |(index, (pixels, answers)): (usize, (&[f32], &[Option<u32>]))| {
            let network = optimizer::leaves(&network);
            let x = signed_to_batch(pixels.to_vec(), [answers.len(), channels, height, width], &autodiff);
            let loss = loss(&network, x, answers, task.answers(), &autodiff);
            sum.add(index, sums::backward(&loss, &network, GradientMap::new()));
        });
        let (gradients, norm) = sum.finish();
        let settings = Step {
            learning_rate: rate(step, steps),
            beta1: 0.9,
            beta2: 0.99,
            eps: 1e-8,
            weight_decay: 0.02,
            step: step + 1,
            grad_scale: (2.0 / norm.max(1e-12)).min(1.0),
            // The average of about the last tenth of the training.
            ema_decay: 1.0 - (20.0 / steps as f64).clamp(0.002, 1.0),
        };
        network = state.step(network, gradients, &settings);
    }
    Ok(state.with_average(network.valid()))
}

/// A short rise, then half a cosine.
fn rate(step: u64, steps: u64) -> f64 {
    let (at, end) = (step as f64, steps as f64);
    let rise = ((at + 1.0) / (0.05 * end).max(1.0)).min(1.0);
    LEARNING_RATE * rise * 0.5 * (1.0 + (std::f64::consts::PI * at / end).cos())
}

/// The sum of the images' cross-entropies over [`BATCH`]; images without an answer do not count.
fn loss(
    network: &Classifier,
    x: Tensor<4>,
    answers: &[Option<u32>],
    count: usize,
    device: &Device,
) -> Tensor<1> {
    let (_, scores) = network.forward(x);
    let mut chosen = vec![0.0_f32; answers.len() * count];
    for (row, answer) in answers.iter().enumerate() {
        if let Some(at) = answer.filter(|answer| (*answer as usize) < count) {
            chosen[row * count + at as usize] = -1.0 / BATCH as f32;
        }
    }
    let chosen = Tensor::<2>::from_data(TensorData::new(chosen, [answers.len(), count]), device);
    (log_softmax(scores, 1) * chosen).sum()
}

/// Turns each image by quarters that depend on the seed and its number; the answers are how many.
fn turn(batch: &mut Batch, seed: u64) -> Vec<Option<u32>> {
    let [count, channels, height, width] = batch.shape;
    // An image that is not square keeps its shape: it is turned by none or two quarters.
    let turns = if height == width { 4 } else { 2 };
    let quarters = |index: usize| {
        let drawn = below(bits(seed, Purpose::Augment, batch.first_image + index as u64), turns);
        (drawn * 4 / turns) as u32
    };
    let answers: Vec<u32> = (0..count).map(quarters).collect();
    for (plane, values) in batch.pixels.chunks_exact_mut(height * width).enumerate() {
        for _ in 0..answers[plane / channels] / if turns == 2 { 2 } else { 1 } {
            if turns == 2 {
                values.reverse();
            } else {
                quarter_turn(values, width);
            }
        }
    }
    answers.into_iter().map(Some).collect()
}

fn quarter_turn(values: &mut [f32], side: usize) {
    let before = values.to_vec();
    for y in 0..side {
        for x in 0..side {
            values[y * side + x] = before[x * side + (side - 1 - y)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_quarters_are_a_whole_turn() {
        let mut values: Vec<f32> = (0..9).map(|v| v as f32).collect();
        let before = values.clone();
        quarter_turn(&mut values, 3);
        assert_eq!(values, [2.0, 5.0, 8.0, 1.0, 4.0, 7.0, 0.0, 3.0, 6.0]);
        (0..3).for_each(|_| quarter_turn(&mut values, 3));
        assert_eq!(values, before);
    }

    #[test]
    fn it_learns_to_tell_two_kinds_apart_and_repeats_itself() {
        let device = Device::flex();
        // Stripes along and across.
        let next = |first: u64, count: usize| {
            let kind = |image: u64| u32::from((image * 7).is_multiple_of(3));
            let pixel = |image: u64, at: usize| {
                let along = if kind(image) == 0 { at % 8 } else { at / 8 };
                if (along + image as usize).is_multiple_of(2) { 0.8 } else { -0.6 }
            };
            let images = first..first + count as u64;
            Ok(Batch {
                pixels: images.clone().flat_map(|image| (0..64).map(move |at| pixel(image, at))).collect(),
                shape: [count, 1, 8, 8],
                labels: images.clone().map(|image| Some(kind(image))).collect(),
                captions: vec![None; count],
                first_image: first,
            })
        };
        let fit = || {
            let length = Length { images: 1280, seed: 3 };
            train(Task::Classes(2), [1, 8, 8], length, &device, next, |_| Ok(())).unwrap()
        };
        let (one, other) = (fit(), fit());
        assert_eq!(langevin_core::parameters::export(&one), langevin_core::parameters::export(&other));
        let batch = next(100_000, 32).unwrap();
        let (_, scores) = one.forward(signed_to_batch(batch.pixels, [32, 1, 8, 8], &device));
        let scores = scores.into_data().try_to_vec::<f32>().unwrap();
        let right =
            scores.chunks(2).zip(&batch.labels).filter(|(s, label)| Some((s[1] > s[0]) as u32) == **label);
        assert_eq!(right.count(), 32);
    }
}
