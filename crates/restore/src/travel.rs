//! Going forth and back along a path: RePaint's jumps, which DDNM calls time travel.

use burn::tensor::Tensor;
use langevin_core::{Level, Result};

use crate::walk::Walk;

/// A move from one level of a path to another, by their numbers: to the next, or several back.
type Move = (usize, usize);

/// The moves along a path of `steps` steps (RePaint's `get_schedule_jump`): after every `length` steps the last `length`
/// are taken back and walked again, until they have been walked `repeat` times. Counted from the last noisy level, so that
/// it is the beginning of the path, without much of an image yet, that is left out where `length` does not divide.
fn moves(steps: usize, length: usize, repeat: usize) -> Vec<Move> {
    let mut left = vec![0; steps + 1];
    for back in (0..steps.saturating_sub(length)).step_by(length.max(1)) {
        left[steps - 1 - back] = repeat.saturating_sub(1);
    }
    let (mut at, mut moves) = (0, Vec::new());
    while at < steps {
        moves.push((at, at + 1));
        at += 1;
        if left[at] > 0 {
            left[at] -= 1;
            moves.push((at, at - length));
            at -= length;
        }
    }
    moves
}

impl Walk<'_, '_, '_> {
    /// Walks `x` along `path`, which ends clean, with jumps back of `length` steps, `repeat` times, through the forward process.
    /// Each step to less noise is `step(walk, x, from, to)`: the image at `to`, and the clean image for its report.
    ///
    /// # Errors
    /// As `step` and [`Walk::tell`].
    pub(crate) fn travel(
        &mut self,
        path: &[Level],
        (length, repeat): (usize, usize),
        mut x: Tensor<4>,
        step: impl Fn(&mut Self, Tensor<4>, Level, Level) -> Result<(Tensor<4>, Tensor<4>)>,
    ) -> Result<Tensor<4>> {
        for (at, next) in moves(path.len() - 1, length, repeat) {
            let (from, to) = (path[at], path[next]);
            if next < at {
                x = self.noised(x, from, to);
                continue;
            }
            let denoised;
            (x, denoised) = step(self, x, from, to)?;
            self.tell(to, &x, &denoised)?;
        }
        Ok(x)
    }
}

/// How many of the moves go to less noise: each asks the model once.
pub(crate) fn calls(steps: usize, length: usize, repeat: usize) -> usize {
    let turns = (0..steps.saturating_sub(length)).step_by(length.max(1)).count();
    steps + turns * length * repeat.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_settings_give_the_papers_counts() {
        // RePaint: 250 steps with jumps of 10, 10 times, are 4570 transitions.
        let made = moves(250, 10, 10);
        assert_eq!(made.len() - 24 * 9 + 24 * 9 * 10, 4570);
        assert_eq!(calls(250, 10, 10), 2410);
    }

    #[test]
    fn a_short_path_by_hand() {
        let wanted = [(0, 1), (1, 2), (2, 0), (0, 1), (1, 2), (2, 3), (3, 4), (4, 2), (2, 3), (3, 4), (4, 5)];
        assert_eq!(moves(5, 2, 2), wanted);
        assert_eq!(moves(2, 5, 3), [(0, 1), (1, 2)]);
    }

    #[test]
    fn calls_are_the_moves_forth() {
        for (steps, length, repeat) in [(1, 1, 1), (7, 2, 3), (10, 3, 2), (10, 10, 9), (12, 10, 9), (5, 1, 4)]
        {
            let forth = moves(steps, length, repeat).iter().filter(|(from, to)| to > from).count();
            assert_eq!(forth, calls(steps, length, repeat), "{steps} {length} {repeat}");
        }
    }
}
