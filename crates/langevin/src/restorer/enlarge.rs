//! Bicubic enlargement: what a restorer sees of a small picture, and adds to.

/// Makes pictures of one shape larger by bicubic interpolation (Keys 1981, eq. 15, `a = -1/2`; at the border the samples there
/// are, with more weight, as Pillow does).
#[derive(Debug, Clone)]
pub struct Enlarge {
    down: Lines,
    across: Lines,
}

/// How one line of samples becomes a longer one.
#[derive(Debug, Clone)]
struct Lines {
    input: usize,
    /// For each sample the first one that it is made of, and the weights.
    rows: Vec<(usize, Vec<f64>)>,
}

impl Lines {
    fn new(input: usize, output: usize) -> Self {
        let row = |i: usize| {
            let centre = (i as f64 + 0.5) * input as f64 / output as f64 - 0.5;
            let first = (centre.floor() as isize - 1).max(0) as usize;
            let last = ((centre.floor() as isize + 2).max(0) as usize).min(input - 1);
            let weights: Vec<f64> = (first..=last).map(|at| keys(at as f64 - centre)).collect();
            let sum: f64 = weights.iter().sum();
            (first, weights.into_iter().map(|weight| weight / sum).collect())
        };
        Self { input, rows: (0..output).map(row).collect() }
    }
}

fn keys(x: f64) -> f64 {
    let x = x.abs();
    match x {
        _ if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
        _ if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
        _ => 0.0,
    }
}

impl Enlarge {
    /// From pictures of `small` to `large` (rows, columns).
    pub fn new(small: (usize, usize), large: (usize, usize)) -> Self {
        Self { down: Lines::new(small.0, large.0), across: Lines::new(small.1, large.1) }
    }

    /// The large picture of `values`, planes of the small size one after the other.
    pub fn apply(&self, values: &[f64]) -> Vec<f64> {
        let (height, width) = (self.down.input, self.across.input);
        let mut large = Vec::with_capacity(values.len() / (height * width).max(1) * self.down.rows.len());
        for plane in values.chunks_exact(height * width) {
            let mut line = vec![0.0; width];
            for (first, weights) in &self.down.rows {
                line.fill(0.0);
                for (weight, row) in weights.iter().zip(plane[first * width..].chunks_exact(width)) {
                    line.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * value);
                }
                let sample = |(first, weights): &(usize, Vec<f64>)| {
                    weights.iter().zip(&line[*first..]).map(|(weight, value)| weight * value).sum::<f64>()
                };
                large.extend(self.across.rows.iter().map(sample));
            }
        }
        large
    }
}

#[cfg(test)]
mod tests {
    use langevin_restore::{NoPictures, classical, operators};

    use super::*;

    #[test]
    fn it_is_the_classical_enlargement() {
        for (scale, shape) in [(2, [1, 12, 20]), (4, [3, 16, 8]), (3, [1, 3, 9])] {
            let operator = operators::build(&format!("average:scale={scale}"), shape, &NoPictures).unwrap();
            let [c, h, w] = operator.output();
            let y: Vec<f64> = (0..c * h * w).map(|at| (at as f64 * 1.7).sin()).collect();
            let wanted = classical(operator.as_ref(), &y, 0.0).unwrap().picture;
            let made = Enlarge::new((h, w), (shape[1], shape[2])).apply(&y);
            let worst = wanted.iter().zip(&made).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(worst < 1e-12 && wanted.len() == made.len(), "{scale}: {worst}");
        }
    }
}
