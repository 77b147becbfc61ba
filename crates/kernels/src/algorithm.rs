//! How a 3 x 3 convolution is multiplied: which of the ways, for each shape and pass.

use std::cell::Cell;

/// How a 3 x 3 convolution of stride 1 is multiplied on the CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Tap by tap, no multiplication left out.
    Direct,
    /// By transforms of tiles of 2 x 2 pixels, F(2 x 2, 3 x 3): 16 multiplications for 36.
    WinogradF2,
    /// By transforms of tiles of 4 x 4 pixels, F(4 x 4, 3 x 3): 36 multiplications for 144.
    WinogradF4,
}

/// What a convolution computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pass {
    /// The output from the input, or the input's gradient from the output's.
    Image,
    /// The output where direct products are of bf16; transforms stay in f32, because they would lose too many digits.
    ImageInBf16,
    /// The gradient of the weights.
    Weights,
}

thread_local! {
    static FORCED: Cell<Option<Algorithm>> = const { Cell::new(None) };
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Direct, Self::WinogradF2, Self::WinogradF4];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::WinogradF2 => "F(2x2,3x3)",
            Self::WinogradF4 => "F(4x4,3x3)",
        }
    }

    /// Does `work` with the 3 x 3 convolutions that it calls on this thread computed so, where they can be: for measuring,
    /// and for testing one against the other. Convolutions that are asked to be exact stay direct.
    pub fn within<R>(self, work: impl FnOnce() -> R) -> R {
        struct Restore(Option<Algorithm>);
        impl Drop for Restore {
            fn drop(&mut self) {
                FORCED.set(self.0);
            }
        }
        let _restore = Restore(FORCED.replace(Some(self)));
        work()
    }

    /// The one for a map of `input` rows and columns and channels of both sides: what this thread is within, or the
    /// cheapest. The batch and the number of threads have no say, so that an image's bytes do not depend on them, and
    /// nothing is timed, so that they do not depend on the machine's mood either.
    pub fn choose(pass: Pass, input: [usize; 2], channels: [usize; 2]) -> Self {
        FORCED.get().unwrap_or_else(|| {
            let cost = |way: &Self| way.nanoseconds(pass, input, channels);
            Self::ALL.into_iter().min_by(|a, b| cost(a).total_cmp(&cost(b))).expect("there are some")
        })
    }

    /// Pixels of the side of an output tile; tap by tap, a tile is one pixel.
    pub const fn side(self) -> usize {
        match self {
            Self::Direct => 1,
            Self::WinogradF2 => 2,
            Self::WinogradF4 => 4,
        }
    }

    /// Numbers that a kernel of 3 x 3 taps becomes, each multiplied once for a tile: those of the input under it, with a
    /// pixel around it. Tap by tap, that is the taps.
    pub const fn points_per_kernel(self) -> usize {
        (self.side() + 2) * (self.side() + 2)
    }

    /// Points of the tiles of a map: numbers for which the channels of both sides are multiplied.
    fn points(self, [h, w]: [usize; 2]) -> usize {
        h.div_ceil(self.side()) * w.div_ceil(self.side()) * self.points_per_kernel()
    }

    /// About what an image costs one core in passes of 8: the products, the reading and writing of points, the kernels, and
    /// what a call costs. Fitted to `langevin bench --algorithms --threads 1 --batch-size 8` (AVX-512, 3 GHz), but for the
    /// kernels of transforms, which count twice: for an image alone, and in a training step, they come from memory. What
    /// counts is how the ways compare.
    fn nanoseconds(self, pass: Pass, input: [usize; 2], [inputs, outputs]: [usize; 2]) -> f64 {
        let [product, point, kernel, call] = match (pass, self) {
            (Pass::ImageInBf16, Self::Direct) => [0.0075, 1.35, 0.017, 60.0],
            (Pass::Image, Self::Direct) => [0.0149, 1.35, 0.017, 60.0],
            (Pass::Image | Pass::ImageInBf16, Self::WinogradF2) => [0.0183, 0.164, 0.077, 7650.0],
            (Pass::Image | Pass::ImageInBf16, Self::WinogradF4) => [0.0209, 0.155, 0.052, 7790.0],
            (Pass::Weights, Self::Direct) => [0.0163, 0.0, 0.0538, 9080.0],
            (Pass::Weights, Self::WinogradF2) => [0.0208, 0.110, 0.150, 14_160.0],
            (Pass::Weights, Self::WinogradF4) => [0.0240, 0.085, 0.0866, 16_540.0],
        };
        let points = self.points(input);
        let read = match self {
            // A tap reads nothing again: only pixels are written.
            Self::Direct => input[0] * input[1],
            Self::WinogradF2 | Self::WinogradF4 => points,
        };
        let (read, points, per_kernel) = (read as f64, points as f64, self.points_per_kernel() as f64);
        let (inputs, outputs) = (inputs as f64, outputs as f64);
        product * points * inputs * outputs
            + point * read * (inputs + outputs)
            + kernel * per_kernel * inputs * outputs
            + call
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_has_its_shapes() {
        let at = |side: usize, channels: usize| {
            Algorithm::choose(Pass::Image, [side, side], [channels, channels]).name()
        };
        assert_eq!(at(2, 128), "direct");
        assert_eq!(at(4, 256), "direct");
        assert_eq!(at(6, 128), "F(2x2,3x3)");
        assert_eq!(at(32, 64), "F(4x4,3x3)");
        assert_eq!(Algorithm::Direct.within(|| at(32, 64)), "direct");
    }

    #[test]
    fn large_maps_are_cheapest_by_large_tiles() {
        let cost = |way: Algorithm| way.nanoseconds(Pass::Weights, [64, 48], [64, 128]);
        assert!(cost(Algorithm::WinogradF4) < cost(Algorithm::WinogradF2));
        assert!(cost(Algorithm::WinogradF2) < cost(Algorithm::Direct));
    }
}
