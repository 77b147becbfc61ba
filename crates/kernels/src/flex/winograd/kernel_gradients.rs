//! The gradient of the kernels: the products of all tiles of a batch, summed.

use rayon::prelude::*;

use super::super::buffers::{Shared, written};
use super::super::gemm::{OuterProduct, outer_product};
use super::super::simd::Isa;
use super::tiles::{GAP, Grid, Tiles};

/// The gradient of the kernels, `[taps, co, ci]`, from images `x` and the output's gradient.
pub(in crate::flex) fn kernel_gradients(
    isa: Isa,
    tiles: Tiles,
    x: &[f32],
    grad: &[f32],
    n: usize,
    size: [usize; 2],
    ci: usize,
    co: usize,
) -> Vec<f32> {
    let grid = Grid::new(tiles, n, size);
    let (points_of_tile, count) = (tiles.points(), grid.count());
    let zeros = vec![0.0_f32; ci.max(co)];
    let zeros = zeros.as_slice();
    // Points one after the other; all tiles of the batch are summed in one product each.
    let (stride_in, stride_out) = (count * ci + GAP, count * co + GAP);
    let spread_x = written(points_of_tile * stride_in, |spread| {
        let spread = Shared(spread);
        (0..count).into_par_iter().for_each(|tile| {
            // SAFETY: each tile has its own part of the points, and there are zeros enough.
            unsafe { grid.spread_input(isa, x, ci, tile, zeros.as_ptr(), spread.at(tile * ci), stride_in) };
        });
    });
    let spread_grad = written(points_of_tile * stride_out, |spread| {
        let spread = Shared(spread);
        (0..count).into_par_iter().for_each(|tile| {
            let (zeros, out) = (zeros.as_ptr(), spread.at(tile * co));
            // SAFETY: as above.
            unsafe { grid.spread_gradient(isa, grad, co, tile, zeros, out, stride_out) };
        });
    });
    let pairs: Vec<(u32, u32)> = (0..count).map(|tile| ((tile * co) as u32, (tile * ci) as u32)).collect();
    let stride = co * ci + GAP;
    let points = written(points_of_tile * stride, |out| {
        let out = Shared(out);
        let panels = ci.div_ceil(isa.panel());
        (0..points_of_tile * panels).into_par_iter().for_each(|task| {
            let (point, column) = (task / panels, task % panels * isa.panel());
            let product = OuterProduct {
                pairs: &pairs,
                images: 1,
                left: spread_grad[point * stride_out..].as_ptr(),
                left_stride: 0,
                right: spread_x[point * stride_in + column..].as_ptr(),
                right_stride: 0,
                rows: co,
                columns: isa.panel().min(ci - column),
                out: out.at(point * stride + column),
                out_stride: ci,
            };
            // SAFETY: pairs name tiles of both sides, whose channels end with whole vectors; each task has its own
            // columns of the result.
            unsafe { outer_product(isa, &product) };
        });
    });
    let mut taps = vec![0.0_f32; 9 * co * ci];
    tiles.gather_kernels(isa, &points, stride, &mut taps);
    taps
}
