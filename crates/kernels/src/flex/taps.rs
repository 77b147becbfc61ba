//! Which pixel each tap of a convolution reads, for every pixel it writes: worked out once for a shape of image, after
//! which a convolution of any stride, padding or upsampling is one sum over taps, and so is its gradient.
//!
//! After "The Indirect Convolution Algorithm" (Dukhan 2019): pixels are read where they lie, and nothing is copied into
//! columns.

use std::sync::OnceLock;

use crate::options::Conv2d;

/// No pixel: the tap falls on the zeros around the image.
pub(super) const NONE: u32 = u32::MAX;

/// The taps of a kernel. Behind an upsampling by 2 each of the four kinds of output pixel (even or odd row, even or odd
/// column) sees only 2 x 2 pixels, through sums of weights: 16 taps of which each pixel uses 4, rather than 9 of 9.
#[derive(Debug)]
pub(super) struct Taps {
    /// Taps of the weight as it is stored.
    pub(super) stored: usize,
    /// Taps as they are used.
    pub(super) count: usize,
    /// For each stored tap, the used taps that it is a part of.
    pub(super) parts: Vec<Vec<usize>>,
    /// See [`Taps::reads`]; made when first asked for, since convolutions by transforms never ask.
    reads: OnceLock<Vec<u32>>,
    input: [usize; 2],
    kernel: [usize; 2],
    options: Conv2d,
}

/// One direction of a convolution: what every written pixel reads.
#[derive(Debug)]
pub(super) struct Gather {
    pub(super) taps: usize,
    /// `reads[pixel * taps + tap]`.
    pub(super) reads: Vec<u32>,
    /// Written pixels, those with the same taps beside each other, so that taps nobody needs are left out.
    pub(super) order: Vec<u32>,
}

impl Gather {
    fn new(taps: usize, reads: Vec<u32>) -> Self {
        let pixels = reads.len() / taps.max(1);
        let mut order: Vec<u32> = (0..pixels as u32).collect();
        if taps <= 64 {
            let missing = |pixel: &u32| -> u64 {
                let reads = &reads[*pixel as usize * taps..][..taps];
                reads.iter().enumerate().map(|(tap, read)| u64::from(*read == NONE) << tap).sum()
            };
            order.sort_by_cached_key(missing);
        }
        Self { taps, reads, order }
    }

    /// Pixels written.
    pub(super) fn pixels(&self) -> usize {
        self.order.len()
    }
}

impl Taps {
    /// The taps of a `kernel` on an image of the size `input`. Only a 3 x 3 kernel that keeps the size may follow an
    /// upsampling.
    pub(super) fn new(input: [usize; 2], kernel: [usize; 2], options: Conv2d) -> Self {
        let stored = kernel[0] * kernel[1];
        let (count, parts) = if options.upsample {
            assert!(Self::upsamples(kernel, options), "an upsampling with a kernel of {kernel:?}");
            (16, doubled_parts())
        } else {
            (stored, (0..stored).map(|tap| vec![tap]).collect())
        };
        Self { stored, count, parts, reads: OnceLock::new(), input, kernel, options }
    }

    /// `reads[pixel * count + tap]`: the input pixel, or [`NONE`].
    fn reads(&self) -> &[u32] {
        self.reads.get_or_init(|| self.make_reads())
    }

    fn make_reads(&self) -> Vec<u32> {
        let Self { input, kernel, options, stored, .. } = *self;
        if options.upsample {
            return doubled_reads(input);
        }
        let [h, w] = input;
        let [ho, wo] = options.output(input, kernel);
        // The input row (or column) of an output row and a kernel row.
        let axis = |out: usize, tap: usize, pad: usize, size: usize| {
            (out * options.stride + tap).checked_sub(pad).filter(|at| *at < size)
        };
        let mut reads = vec![NONE; ho * wo * stored];
        for oy in 0..ho {
            for ky in 0..kernel[0] {
                let Some(y) = axis(oy, ky, options.pad_rows.0, h) else { continue };
                for ox in 0..wo {
                    for kx in 0..kernel[1] {
                        if let Some(x) = axis(ox, kx, options.pad_cols.0, w) {
                            reads[(oy * wo + ox) * stored + ky * kernel[1] + kx] = (y * w + x) as u32;
                        }
                    }
                }
            }
        }
        reads
    }

    /// Whether an upsampling before this kernel can be taken into its taps.
    pub(super) fn upsamples(kernel: [usize; 2], options: Conv2d) -> bool {
        kernel == [3, 3] && options.keeps_size(3)
    }

    /// Whether several stored taps make one used tap.
    pub(super) fn summed(&self) -> bool {
        self.count != self.stored
    }

    /// From input to output.
    pub(super) fn forward(&self) -> Gather {
        Gather::new(self.count, self.reads().to_vec())
    }

    /// From the output's gradient to the input's: which output pixel each input pixel reached through each tap; it is
    /// never more than one.
    pub(super) fn backward(&self) -> Gather {
        let mut reads = vec![NONE; self.input[0] * self.input[1] * self.count];
        for (pixel, row) in self.reads().chunks_exact(self.count.max(1)).enumerate() {
            for (tap, input) in row.iter().enumerate().filter(|(_, input)| **input != NONE) {
                reads[*input as usize * self.count + tap] = pixel as u32;
            }
        }
        Gather::new(self.count, reads)
    }

    /// The pairs (input pixel, output pixel) that meet at each tap.
    pub(super) fn pairs(&self) -> Vec<Vec<(u32, u32)>> {
        let mut pairs = vec![Vec::new(); self.count];
        for (pixel, row) in self.reads().chunks_exact(self.count.max(1)).enumerate() {
            for (tap, input) in row.iter().enumerate().filter(|(_, input)| **input != NONE) {
                pairs[tap].push((*input, pixel as u32));
            }
        }
        pairs
    }
}

/// Along an axis of a doubled image an even pixel sees the pixel before its own (kernel row 0) and its own (1 and 2),
/// an odd one its own (0 and 1) and the next (2): for each of the nine stored taps, its place in the four kinds.
fn doubled_parts() -> Vec<Vec<usize>> {
    let half = |odd: usize, tap: usize| usize::from(tap > odd);
    let place = |tap: usize, kind: usize| kind * 4 + half(kind / 2, tap / 3) * 2 + half(kind % 2, tap % 3);
    (0..9).map(|tap| (0..4).map(|kind| place(tap, kind)).collect()).collect()
}

fn doubled_reads([h, w]: [usize; 2]) -> Vec<u32> {
    let near = |out: usize, half: usize, size: usize| {
        (out / 2 + half + out % 2).checked_sub(1).filter(|at| *at < size)
    };
    let mut reads = vec![NONE; 4 * h * w * 16];
    for oy in 0..2 * h {
        for ox in 0..2 * w {
            let kind = oy % 2 * 2 + ox % 2;
            for half in 0..4 {
                if let (Some(y), Some(x)) = (near(oy, half / 2, h), near(ox, half % 2, w)) {
                    reads[(oy * 2 * w + ox) * 16 + kind * 4 + half] = (y * w + x) as u32;
                }
            }
        }
    }
    reads
}
