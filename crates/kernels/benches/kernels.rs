//! Single kernels at the shapes of small networks: `cargo bench -p langevin-kernels`.

use std::hint::black_box;

use burn::tensor::{Device, Tensor, TensorData};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use langevin_kernels::{Arithmetic, Conv2d, GroupNorm, allocator, attention, conv2d, group_norm, linear};

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

const BATCH: usize = 8;

fn values<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|i| (i as f32 * 0.7).sin()).collect();
    let tensor = Tensor::from_data(TensorData::new(values, shape), device);
    if device.is_autodiff() { tensor.require_grad() } else { tensor }
}

fn convolutions(criterion: &mut Criterion) {
    let same = Conv2d::same(3);
    let shapes = [
        ("3x3", 32, 64, 64, 3, same),
        ("3x3", 16, 128, 128, 3, same),
        ("3x3", 8, 256, 256, 3, same),
        ("3x3 stride 2", 32, 64, 64, 3, Conv2d::padded(2, 1)),
        ("3x3 upsampled", 16, 128, 128, 3, Conv2d { upsample: true, ..same }),
        ("1x1", 16, 256, 128, 1, Conv2d::same(1)),
    ];
    for (name, side, inputs, outputs, kernel, options) in shapes {
        let [h, w] = options.output([side, side], [kernel, kernel]);
        let mut group = criterion.benchmark_group(format!("conv {name} {inputs} to {outputs} at {side}"));
        group.throughput(Throughput::Elements(
            (2 * BATCH * h * w * kernel * kernel * inputs * outputs) as u64,
        ));
        for arithmetic in [Arithmetic::Fast, Arithmetic::Exact, Arithmetic::Bf16] {
            let device = Device::flex();
            let x = values([BATCH, side, side, inputs], &device);
            let weight = values([outputs, inputs, kernel, kernel], &device);
            let bias = values([1, outputs], &device);
            let options = Conv2d { arithmetic, ..options };
            group.bench_function(BenchmarkId::new("forward", format!("{arithmetic:?}")), |bench| {
                bench.iter(|| conv2d(black_box(x.clone()), weight.clone(), bias.clone(), options));
            });
        }
        let device = Device::flex().autodiff();
        let x = values([BATCH, side, side, inputs], &device);
        let weight = values([outputs, inputs, kernel, kernel], &device);
        let bias = values([1, outputs], &device);
        group.bench_function("forward and backward", |bench| {
            bench.iter(|| conv2d(x.clone(), weight.clone(), bias.clone(), options).sum().backward());
        });
        group.finish();
    }
}

fn others(criterion: &mut Criterion) {
    for (kind, device) in [("forward", Device::flex()), ("forward and backward", Device::flex().autodiff())] {
        let finish = |out: Tensor<1>| {
            if device.is_autodiff() {
                black_box(out.backward());
            } else {
                black_box(out);
            }
        };
        let x = values([BATCH, 32, 32, 64], &device);
        let (scale, shift) = (values([BATCH, 64], &device), values([BATCH, 64], &device));
        let options = GroupNorm { groups: 32, eps: 1e-5, silu: true };
        criterion.bench_function(&format!("group norm 64 at 32, {kind}"), |bench| {
            bench.iter(|| finish(group_norm(x.clone(), scale.clone(), shift.clone(), options).sum()));
        });
        let q = values([BATCH, 256, 128], &device);
        criterion.bench_function(&format!("attention 256 tokens of 128, {kind}"), |bench| {
            bench.iter(|| finish(attention(q.clone(), q.clone(), q.clone(), 2).sum()));
        });
        let x = values([BATCH, 512], &device);
        let (weight, bias) = (values([256, 512], &device), values([256], &device));
        criterion.bench_function(&format!("linear 512 to 256, {kind}"), |bench| {
            bench.iter(|| finish(linear(x.clone(), weight.clone(), bias.clone()).sum()));
        });
    }
}

fn all(criterion: &mut Criterion) {
    allocator::keep_freed_memory();
    convolutions(criterion);
    others(criterion);
}

criterion_group!(benches, all);
criterion_main!(benches);
