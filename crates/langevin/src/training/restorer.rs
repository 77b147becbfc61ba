//! The condition made of a degraded image, in training and afterwards.

use std::sync::Arc;

use langevin_core::{Result, Stream};
use langevin_model::{Task, TaskKind};
use langevin_restore::{NoImages, Operator, Shape, enlargement, operators};
use langevin_train::{Conditioning, Conditions};

use super::masks::random_mask;
use langevin_inference::restoration::trained::filled_in;

/// What makes the conditions of a network for it, of clean images of `shape`.
///
/// # Errors
/// As [`langevin_inference::restoration::trained::scale`].
pub fn conditions(task: &Task, shape: Shape) -> Result<Arc<dyn Conditions>> {
    Ok(match task.kind {
        TaskKind::Inpaint => Arc::new(InpaintConditions::new(shape)),
        TaskKind::Upscale => {
            let operator = operators::build(task.operator(), shape, &NoImages)
                .map_err(|error| error.within("task.operator"))?;
            Arc::new(UpscaleConditions::new(operator))
        }
    })
}

#[derive(Debug)]
pub(super) struct UpscaleConditions {
    operator: Box<dyn Operator>,
    larger: Box<dyn Operator>,
}

impl UpscaleConditions {
    pub(super) fn new(operator: Box<dyn Operator>) -> Self {
        Self { larger: enlargement(operator.output(), operator.input()), operator }
    }
}

impl Conditions for UpscaleConditions {
    fn channels(&self) -> usize {
        self.operator.input()[0]
    }

    fn of(&self, clean: &[f32], _stream: &mut Stream) -> Conditioning {
        let wide: Vec<f64> = clean.iter().map(|value| f64::from(*value)).collect();
        let larger = self.larger.apply(&self.operator.apply(&wide));
        let image: Vec<f32> = larger.into_iter().map(|value| value as f32).collect();
        Conditioning { centre: Some(image.clone()), image, counted: None }
    }
}

#[derive(Debug)]
pub(super) struct InpaintConditions {
    shape: Shape,
}

impl InpaintConditions {
    pub(super) fn new(shape: Shape) -> Self {
        Self { shape }
    }
}

impl Conditions for InpaintConditions {
    fn channels(&self) -> usize {
        self.shape[0] + 1
    }

    fn of(&self, clean: &[f32], stream: &mut Stream) -> Conditioning {
        let [_, height, width] = self.shape;
        let hidden = random_mask(stream, height, width);
        let counted = hidden.iter().map(|hidden| f32::from(*hidden)).collect();
        Conditioning { image: filled_in(clean, &hidden), centre: None, counted: Some(counted) }
    }
}

#[cfg(test)]
mod tests {
    use langevin_core::Purpose;

    use super::*;

    fn stream(image: u64) -> Stream {
        Stream::new(0, Purpose::Degradation, image, 0)
    }

    #[test]
    fn an_enlarged_image_and_the_rest_are_the_image() {
        let task = Task { kind: TaskKind::Upscale, operator: Some("average:scale=2".to_owned()) };
        let conditions = super::conditions(&task, [1, 2, 4]).unwrap();
        // Two blocks, of means 0.5 and -0.5; bicubic weights half way to the neighbour, at the border.
        let clean = [0.3, 0.7, -0.5, -0.5, 0.7, 0.3, -0.9, -0.1];
        let conditioning = conditions.of(&clean, &mut stream(0));
        assert_eq!(Some(&conditioning.image), conditioning.centre.as_ref());
        let keys = |x: f64| match x.abs() {
            x if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            x => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
        };
        let (near, far) = (keys(0.25), keys(0.75));
        let (beside, beyond) = (keys(0.25), keys(1.25));
        let inner = 0.5 * (near - far) / (near + far);
        let outer = 0.5 * (beside - beyond) / (beside + beyond);
        for (found, wanted) in
            conditioning.image.iter().zip([outer, inner, -inner, -outer].into_iter().cycle())
        {
            assert!((f64::from(*found) - wanted).abs() < 1e-6, "{found} {wanted}");
        }
    }

    #[test]
    fn a_hole_is_gray_and_marked_and_counts_alone() {
        let conditions =
            super::conditions(&Task { kind: TaskKind::Inpaint, operator: None }, [3, 8, 8]).unwrap();
        let clean: Vec<f32> = (0..192).map(|at| 0.1 + at as f32 / 300.0).collect();
        let conditioning = conditions.of(&clean, &mut stream(4));
        let hole = conditioning.counted.clone().unwrap();
        assert_eq!((conditions.channels(), conditioning.image.len()), (4, 4 * 64));
        assert_eq!(conditioning.image[192..], hole);
        for (at, value) in clean.iter().enumerate() {
            let wanted = if hole[at % 64] == 1.0 { 0.0 } else { *value };
            assert_eq!(conditioning.image[at], wanted);
        }
        assert_eq!(conditioning, conditions.of(&clean, &mut stream(4)));
        assert_ne!(conditioning, conditions.of(&clean, &mut stream(5)));
    }
}
