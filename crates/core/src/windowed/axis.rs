//! Cutting an image into windows and joining what is answered of them.

use super::windows::Windows;

/// The windows along one side of an image.
#[derive(Debug)]
pub(super) struct Axis {
    pub(super) length: usize,
    /// Pixels of a window.
    pub(super) window: usize,
    pub(super) starts: Vec<usize>,
    /// The weight of each pixel of each window; those of a pixel of the image add up to 1.
    pub(super) weights: Vec<Vec<f32>>,
}

impl Axis {
    pub(super) fn new(length: usize, windows: &Windows) -> Self {
        let multiple = windows.multiple;
        let padded = length.next_multiple_of(multiple).max(multiple);
        if padded <= windows.side {
            return Self { length, window: padded, starts: vec![0], weights: vec![vec![1.0; padded]] };
        }
        let window = windows.side;
        let overlap = windows.overlap.clamp(1, (window / 3).max(1));
        let count = (padded - overlap).div_ceil((window - overlap).max(1));
        let room = (padded - window) / multiple;
        let start = |index: usize| multiple * ((index * room + (count - 1) / 2) / (count - 1));
        let mut starts: Vec<usize> = (0..count).map(start).collect();
        starts.dedup();
        let mut weights = vec![vec![1.0_f32; window]; starts.len()];
        for index in 1..starts.len() {
            let (before, here) = (starts[index - 1], starts[index]);
            let shared = (before + window - here) as f64;
            let middle = here as f64 + shared / 2.0;
            // No wider than the way between two windows, so that a pixel never fades between three.
            let half = (shared * 0.25).min((here - before) as f64 / 2.0).min(overlap as f64 / 2.0).max(0.5);
            let risen = |pixel: usize| {
                let part = ((pixel as f64 + 0.5 - middle + half) / (2.0 * half)).clamp(0.0, 1.0);
                part * part * (3.0 - 2.0 * part)
            };
            let fall = weights[index - 1].iter_mut().enumerate();
            fall.for_each(|(at, weight)| *weight *= (1.0 - risen(before + at)) as f32);
            let rise = weights[index].iter_mut().enumerate();
            rise.for_each(|(at, weight)| *weight *= risen(here + at) as f32);
        }
        Self { length, window, starts, weights }
    }

    /// The pixel of the image that stands at `at` of the image continued by reflection.
    pub(super) fn reflected(&self, at: usize) -> usize {
        if self.length == 1 {
            return 0;
        }
        let period = 2 * (self.length - 1);
        let at = at % period;
        at.min(period - at)
    }
}

/// Appends window (`i`, `j`) of `plane` to `out`.
pub(super) fn cut(
    plane: &[f32],
    (rows, i): (&Axis, usize),
    (columns, j): (&Axis, usize),
    out: &mut Vec<f32>,
) {
    let left = columns.starts[j];
    let inside = columns.window.min(columns.length.saturating_sub(left));
    for at in 0..rows.window {
        let row = &plane[rows.reflected(rows.starts[i] + at) * columns.length..][..columns.length];
        out.extend_from_slice(&row[left..left + inside]);
        out.extend((inside..columns.window).map(|at| row[columns.reflected(left + at)]));
    }
}

/// Adds window (`i`, `j`) with its weights to `plane`; what lies beyond the image is left out.
pub(super) fn add(
    plane: &mut [f32],
    (rows, i): (&Axis, usize),
    (columns, j): (&Axis, usize),
    window: &[f32],
) {
    let (top, left) = (rows.starts[i], columns.starts[j]);
    let inside = columns.window.min(columns.length.saturating_sub(left));
    let across = &columns.weights[j][..inside];
    let lines =
        window.chunks_exact(columns.window).zip(&rows.weights[i]).take(rows.length.saturating_sub(top));
    for (at, (line, down)) in lines.enumerate() {
        let row = &mut plane[(top + at) * columns.length + left..][..inside];
        for ((out, value), across) in row.iter_mut().zip(line).zip(across) {
            *out += down * across * value;
        }
    }
}

/// Appends what the adjoint of [`add`] makes of `plane` for window (`i`, `j`): its part of the plane with its weights, and zeros
/// beyond the image.
pub(super) fn cut_weighted(
    plane: &[f32],
    (rows, i): (&Axis, usize),
    (columns, j): (&Axis, usize),
    out: &mut Vec<f32>,
) {
    let (top, left) = (rows.starts[i], columns.starts[j]);
    let inside = columns.window.min(columns.length.saturating_sub(left));
    for (at, down) in rows.weights[i].iter().enumerate() {
        let row = (top + at < rows.length).then(|| &plane[(top + at) * columns.length + left..][..inside]);
        let weighted =
            row.into_iter().flatten().zip(&columns.weights[j]).map(|(v, across)| down * across * v);
        let end = out.len() + columns.window;
        out.extend(weighted);
        out.resize(end, 0.0);
    }
}

/// Adds the adjoint of [`cut`] of window (`i`, `j`) to `plane`: what lies beyond the image belongs to its reflection.
pub(super) fn fold_back(
    plane: &mut [f32],
    (rows, i): (&Axis, usize),
    (columns, j): (&Axis, usize),
    window: &[f32],
) {
    let left = columns.starts[j];
    let place = |at: usize| if left + at < columns.length { left + at } else { columns.reflected(left + at) };
    for (at, line) in window.chunks_exact(columns.window).enumerate() {
        let row = &mut plane[rows.reflected(rows.starts[i] + at) * columns.length..][..columns.length];
        for (at, value) in line.iter().enumerate() {
            row[place(at)] += value;
        }
    }
}
