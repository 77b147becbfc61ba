//! Sums over the numbers of a row, sixteen side by side: their order is the row's alone, whatever the width of the vectors.

/// Numbers handled side by side: a loop of a length that is known is whole vectors, however short the row.
pub(super) const SIDE: usize = 16;

/// The lanes together, by halves, so that no chain is long.
#[inline(always)]
pub(super) fn fold(mut lanes: [f32; SIDE], join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut half = SIDE / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = join(lanes[i], lanes[i + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// The sum over two rows of the same length, where `add(sum, a, b)` adds what a place of both is worth.
#[inline(always)]
pub(super) fn sum(a: &[f32], b: &[f32], add: impl Fn(f32, f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; SIDE];
    let ((a, last_a), (b, last_b)) = (a.as_chunks::<SIDE>(), b.as_chunks::<SIDE>());
    for (a, b) in a.iter().zip(b) {
        for i in 0..SIDE {
            lanes[i] = add(lanes[i], a[i], b[i]);
        }
    }
    for ((lane, a), b) in lanes.iter_mut().zip(last_a).zip(last_b) {
        *lane = add(*lane, *a, *b);
    }
    fold(lanes, |a, b| a + b)
}
