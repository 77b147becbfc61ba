//! The classifier behind the accuracy score, trained on one set of images and tried on another.

use burn::tensor::Device;
use langevin_core::{Error, Result};
use langevin_data::Batch;
use langevin_data::order::Order;
use langevin_eval::{Sample, Trainer};

use super::features;
use super::fit::{self, Length, Task};

/// Images seen in a training for [`Trainer::accuracy`].
const IMAGES: u64 = 16_384;

/// Learns classes for [`Trainer::accuracy`].
pub(super) struct ClassifierTrainer {
    /// Images seen in a training.
    images: u64,
    task: Task,
    shape: [usize; 3],
    seed: u64,
    device: Device,
}

impl ClassifierTrainer {
    /// Of images of `shape`, `[channels, height, width]`, with `classes`; none where there is nothing to tell apart.
    pub(super) fn new(classes: usize, shape: [usize; 3], seed: u64, device: &Device) -> Option<Self> {
        let task = Task::Classes(classes);
        (classes >= 2).then(|| Self { images: IMAGES, task, shape, seed, device: device.clone() })
    }
}

impl Trainer for ClassifierTrainer {
    fn accuracy(&self, on: &Sample, test: &Sample) -> Result<f64> {
        let labels_of = |sample: &Sample| {
            sample.labels.clone().ok_or_else(|| Error::usage(format!("{}: has no classes", sample.name)))
        };
        let (labels, truth) = (labels_of(on)?, labels_of(test)?);
        let order = Order::new(self.seed, Some(on.images.len() as u64));
        let next = |first: u64, count: usize| {
            let chosen: Vec<usize> = (first..first + count as u64).map(|k| order.at(k) as usize).collect();
            Ok(Batch {
                pixels: chosen.iter().flat_map(|at| on.images[*at].to_signed()).collect(),
                shape: [count, self.shape[0], self.shape[1], self.shape[2]],
                labels: chosen.iter().map(|at| Some(labels[*at])).collect(),
                captions: vec![None; count],
                first_image: first,
            })
        };
        let length = Length { images: self.images, seed: self.seed };
        let network = fit::train(self.task, self.shape, length, &self.device, next, |_| Ok(()))?;
        let read = features::read(&network, &test.images, &self.device)?;
        let right = read.iter().zip(&truth).filter(|(read, truth)| read == truth).count();
        Ok(right as f64 / truth.len().max(1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use langevin_core::Image;
    use langevin_eval::{Case, METRICS};

    use super::*;

    /// Stripes along (class 0) or across (class 1) with a phase, labelled as `label` says.
    fn stripes(name: &str, images: std::ops::Range<usize>, label: impl Fn(usize) -> usize) -> Sample {
        let mut sample = Sample::new(name);
        for number in images {
            let (class, phase) = (usize::from(number.is_multiple_of(4)), number / 4);
            let pixel = |at: usize| {
                let along = if class == 0 { at % 8 } else { at / 8 };
                if (along + phase).is_multiple_of(2) { 230 } else { 50 + (number % 7) as u8 }
            };
            sample.images.push(Image::from_u8(8, 8, 1, (0..64).map(pixel).collect()));
            sample.labels.get_or_insert_default().push(label(class) as u32);
        }
        sample
    }

    #[test]
    fn the_accuracy_score_is_the_share_of_real_images_that_is_read_right() {
        let device = Device::flex();
        let trainer =
            ClassifierTrainer { images: 1280, task: Task::Classes(2), shape: [1, 8, 8], seed: 3, device };
        let real = stripes("real", 400..480, |class| class);
        let score = |judged: &Sample| {
            let case = Case { judged, reference: &real, gallery: None, trainer: Some(&trainer), seed: 3 };
            let value = METRICS.build("accuracy_score").unwrap().measure(&case).unwrap().values.remove(0);
            assert_eq!((value.name, value.count), ("accuracy_score", judged.len()));
            let error = (value.value * (1.0 - value.value) / 80.0).sqrt();
            assert!((value.error.unwrap() - error).abs() < 1e-12);
            value.value
        };
        // Images that are what they were asked to be; the opposite; and of one class whatever was asked for.
        assert_eq!(score(&stripes("right", 0..64, |class| class)), 1.0);
        assert_eq!(score(&stripes("swapped", 0..64, |class| 1 - class)), 0.0);
        assert_eq!(score(&stripes("one", 0..64, |_| 1)), 0.25);
    }
}
