//! How fast single layers are on this machine, beside what the processor can do at most.

use std::time::Instant;

use burn::tensor::{Device, Tensor};
use langevin_core::{NoiseStreams, Purpose};
use langevin_kernels::{self as kernels, Conv2d, GroupNorm};
use serde::Serialize;

/// The speed of one layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerSpeed {
    /// What it is, with its shape.
    pub layer: String,
    /// Billions of operations a second forward, counted as the plain algorithm does them (transforms may do fewer).
    pub forward_gflops: f64,
    /// The same for a forward and a backward pass together.
    pub training_gflops: f64,
}

/// The speed of layers and the limit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerReport {
    /// Images at once.
    pub batch: usize,
    /// Billions of operations a second of multiply-adds that stay in registers.
    pub peak_gflops: f64,
    /// The layers.
    pub layers: Vec<LayerSpeed>,
}

/// A layer by its name, its image, and what is done with it.
struct Layer {
    name: &'static str,
    /// Side and channels of the input.
    input: (usize, usize),
    outputs: usize,
    work: Work,
}

enum Work {
    Conv(usize, Conv2d),
    Attention(usize),
    Norm,
}

fn layers() -> Vec<Layer> {
    let conv = |name, side, inputs, outputs, kernel, options| Layer {
        name,
        input: (side, inputs),
        outputs,
        work: Work::Conv(kernel, options),
    };
    let same = Conv2d::same(3);
    let up = Conv2d { upsample: true, ..same };
    vec![
        conv("conv 3x3", 32, 3, 64, 3, same),
        conv("conv 3x3", 32, 64, 64, 3, same),
        conv("conv 3x3", 32, 128, 128, 3, same),
        conv("conv 3x3", 16, 128, 128, 3, same),
        conv("conv 3x3", 8, 256, 256, 3, same),
        conv("conv 3x3", 4, 256, 256, 3, same),
        conv("conv 3x3 to image", 32, 64, 3, 3, same),
        conv("conv 3x3 stride 2", 32, 64, 64, 3, Conv2d::padded(2, 1)),
        conv("conv 3x3 upsampled", 16, 128, 128, 3, up),
        conv("conv 1x1", 32, 128, 64, 1, Conv2d::same(1)),
        conv("conv 1x1", 16, 384, 128, 1, Conv2d::same(1)),
        Layer { name: "attention", input: (16, 256), outputs: 256, work: Work::Attention(1) },
        Layer { name: "attention 4 heads", input: (16, 256), outputs: 256, work: Work::Attention(4) },
        Layer { name: "group norm, SiLU", input: (32, 64), outputs: 64, work: Work::Norm },
    ]
}

impl Layer {
    fn title(&self) -> String {
        let (side, inputs) = self.input;
        format!("{} {inputs} -> {} at {side}x{side}", self.name, self.outputs)
    }

    /// Operations of one image's forward pass.
    fn operations(&self) -> f64 {
        let (side, inputs) = self.input;
        let pixels = (side * side) as f64;
        match self.work {
            Work::Conv(kernel, options) => {
                let [h, w] = options.output([side, side], [kernel, kernel]);
                2.0 * (h * w * kernel * kernel * inputs * self.outputs) as f64
            }
            Work::Attention(_) => 4.0 * pixels * pixels * inputs as f64,
            // Statistics, scale and shift, and SiLU's dozen.
            Work::Norm => 16.0 * pixels * inputs as f64,
        }
    }

    fn run(&self, x: &Tensor<4>, device: &Device) -> Tensor<4> {
        let (side, inputs) = self.input;
        let batch = x.dims()[0];
        match self.work {
            Work::Conv(kernel, options) => {
                let weight = Tensor::<4>::ones([self.outputs, inputs, kernel, kernel], device) * 0.01;
                let bias = Tensor::<2>::zeros([1, self.outputs], device);
                let weight = if device.is_autodiff() { weight.require_grad() } else { weight };
                kernels::conv2d(x.clone(), weight, bias, options)
            }
            Work::Attention(heads) => {
                let tokens = x.clone().reshape([batch, side * side, inputs]);
                let mixed = kernels::attention(tokens.clone(), tokens.clone(), tokens, heads);
                mixed.reshape([batch, side, side, inputs])
            }
            Work::Norm => {
                let ones = Tensor::<2>::ones([1, inputs], device);
                let options = GroupNorm { groups: 32, eps: 1e-5, silu: true };
                kernels::group_norm(x.clone(), ones.clone(), ones, options)
            }
        }
    }

    /// Seconds of the fastest of `runs` forward passes, and of forward and backward.
    fn seconds(&self, batch: usize, runs: usize) -> [f64; 2] {
        let plain = Device::flex();
        let (side, inputs) = self.input;
        let streams = NoiseStreams::new(0, 0..batch as u64);
        [plain.clone(), plain.autodiff()].map(|device| {
            let x = streams.normal(Purpose::Start, 0, [side, side, inputs], &device);
            let x = if device.is_autodiff() { x.require_grad() } else { x };
            let mut best = f64::INFINITY;
            for _ in 0..=runs {
                let start = Instant::now();
                let out = self.run(&x, &device);
                if device.is_autodiff() {
                    // Two more passes over the output than a layer inside a network has.
                    out.square().sum().backward();
                }
                best = best.min(start.elapsed().as_secs_f64());
            }
            best
        })
    }
}

/// Measures the layers on `batch` images, `runs` times each; the best counts.
pub fn measure_layers(batch: usize, runs: usize) -> LayerReport {
    let peak_gflops = kernels::peak_gflops(rayon::current_num_threads());
    let speed = |layer: Layer| {
        let [forward, training] = layer.seconds(batch, runs);
        let operations = layer.operations() * batch as f64 / 1e9;
        LayerSpeed {
            layer: layer.title(),
            forward_gflops: operations / forward,
            training_gflops: 3.0 * operations / training,
        }
    };
    LayerReport { batch, peak_gflops, layers: layers().into_iter().map(speed).collect() }
}
