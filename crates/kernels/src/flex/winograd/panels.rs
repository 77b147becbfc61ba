//! Kernels transformed before they are used, laid out as the register tiles read them.

use std::mem::MaybeUninit;

use super::super::pack::{Order, Panels};
use super::super::simd::Isa;
use super::super::taps::Taps;
use super::tiles::Tiles;

impl Panels {
    /// For the transforms of [`super`], forward (columns are output channels) or, with the kernels turned, for
    /// the input's gradient (columns are input channels).
    pub(in crate::flex) fn of_points(
        isa: Isa,
        weight: &[f32],
        co: usize,
        ci: usize,
        taps: &Taps,
        tiles: Tiles,
        forward: bool,
    ) -> Self {
        let plain = if forward {
            Self::of_outputs(isa, weight, co, ci, taps, Order::Rows)
        } else {
            Self::of_inputs(isa, weight, co, ci, taps, Order::Rows)
        };
        let (columns, depth) = if forward { (co, ci) } else { (ci, co) };
        Self::new(isa, columns, depth, tiles.points(), false, |column, _, points| {
            // SAFETY: the same memory; `spread_kernels` writes all of it.
            let points = unsafe { &mut *(std::ptr::from_mut(points) as *mut [MaybeUninit<f32>]) };
            let stride = points.len() / tiles.points();
            tiles.spread_kernels(
                isa,
                plain.panel(column / plain.width),
                plain.width,
                !forward,
                points,
                stride,
            );
        })
    }
}
