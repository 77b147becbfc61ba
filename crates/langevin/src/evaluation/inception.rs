//! The network behind published FID numbers: Inception v3 (Szegedy et al. 2016, arXiv 1512.00567) as pytorch-fid patches it.
//! Averages leave padding out, the last block pools by maximum, and images are resized to 299 by 299 bilinearly, without
//! smoothing, in [-1, 1]. The features are the 2048 means before the classifier.
//!
//! The weights are read from a safetensors file with the names of pytorch-fid's checkpoint (`Mixed_5b.branch1x1.conv.weight`,
//! `...bn.running_var`); integers in it are passed over. Batch norms (eps 0.001) are folded into the convolutions.

use std::collections::BTreeMap;

use burn::tensor::module::{avg_pool2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData, activation};
use langevin_core::{Error, Image, NamedTensors, Result};
use langevin_kernels as kernels;

/// Side of the images that the network takes.
pub(super) const SIDE: usize = 299;
const EPS: f64 = 1e-3;
/// Convolutions that leave the border out.
const OPEN: &[&str] = &["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_4a_3x3"];
/// Convolutions that leave it out and halve the size.
const HALVING: &[&str] = &[
    "Conv2d_1a_3x3",
    "Mixed_6a.branch3x3",
    "Mixed_6a.branch3x3dbl_3",
    "Mixed_7a.branch3x3_2",
    "Mixed_7a.branch7x7x3_4",
];

/// The network's weights.
pub(super) struct Inception {
    convs: BTreeMap<String, (Tensor<4>, Tensor<2>, kernels::Conv2d)>,
}

/// Every convolution: its name and `[out, in, height, width]`.
pub(super) fn layers() -> Vec<(String, [usize; 4])> {
    let mut all: Vec<(String, [usize; 4])> = Vec::new();
    let mut add = |name: String, shape| all.push((name, shape));
    for (name, shape) in [
        ("Conv2d_1a_3x3", [32, 3, 3, 3]),
        ("Conv2d_2a_3x3", [32, 32, 3, 3]),
        ("Conv2d_2b_3x3", [64, 32, 3, 3]),
        ("Conv2d_3b_1x1", [80, 64, 1, 1]),
        ("Conv2d_4a_3x3", [192, 80, 3, 3]),
    ] {
        add(name.to_owned(), shape);
    }
    for (block, inputs, pooled) in [("Mixed_5b", 192, 32), ("Mixed_5c", 256, 64), ("Mixed_5d", 288, 64)] {
        for (name, shape) in [
            ("branch1x1", [64, inputs, 1, 1]),
            ("branch5x5_1", [48, inputs, 1, 1]),
            ("branch5x5_2", [64, 48, 5, 5]),
            ("branch3x3dbl_1", [64, inputs, 1, 1]),
            ("branch3x3dbl_2", [96, 64, 3, 3]),
            ("branch3x3dbl_3", [96, 96, 3, 3]),
            ("branch_pool", [pooled, inputs, 1, 1]),
        ] {
            add(format!("{block}.{name}"), shape);
        }
    }
    for (name, shape) in [
        ("branch3x3", [384, 288, 3, 3]),
        ("branch3x3dbl_1", [64, 288, 1, 1]),
        ("branch3x3dbl_2", [96, 64, 3, 3]),
        ("branch3x3dbl_3", [96, 96, 3, 3]),
    ] {
        add(format!("Mixed_6a.{name}"), shape);
    }
    for (block, c) in [("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)] {
        for (name, shape) in [
            ("branch1x1", [192, 768, 1, 1]),
            ("branch7x7_1", [c, 768, 1, 1]),
            ("branch7x7_2", [c, c, 1, 7]),
            ("branch7x7_3", [192, c, 7, 1]),
            ("branch7x7dbl_1", [c, 768, 1, 1]),
            ("branch7x7dbl_2", [c, c, 7, 1]),
            ("branch7x7dbl_3", [c, c, 1, 7]),
            ("branch7x7dbl_4", [c, c, 7, 1]),
            ("branch7x7dbl_5", [192, c, 1, 7]),
            ("branch_pool", [192, 768, 1, 1]),
        ] {
            add(format!("{block}.{name}"), shape);
        }
    }
    for (name, shape) in [
        ("branch3x3_1", [192, 768, 1, 1]),
        ("branch3x3_2", [320, 192, 3, 3]),
        ("branch7x7x3_1", [192, 768, 1, 1]),
        ("branch7x7x3_2", [192, 192, 1, 7]),
        ("branch7x7x3_3", [192, 192, 7, 1]),
        ("branch7x7x3_4", [192, 192, 3, 3]),
    ] {
        add(format!("Mixed_7a.{name}"), shape);
    }
    for (block, inputs) in [("Mixed_7b", 1280), ("Mixed_7c", 2048)] {
        for (name, shape) in [
            ("branch1x1", [320, inputs, 1, 1]),
            ("branch3x3_1", [384, inputs, 1, 1]),
            ("branch3x3_2a", [384, 384, 1, 3]),
            ("branch3x3_2b", [384, 384, 3, 1]),
            ("branch3x3dbl_1", [448, inputs, 1, 1]),
            ("branch3x3dbl_2", [384, 448, 3, 3]),
            ("branch3x3dbl_3a", [384, 384, 1, 3]),
            ("branch3x3dbl_3b", [384, 384, 3, 1]),
            ("branch_pool", [192, inputs, 1, 1]),
        ] {
            add(format!("{block}.{name}"), shape);
        }
    }
    all
}

impl Inception {
    /// The network with the weights of `tensors`.
    ///
    /// # Errors
    /// Bad input, naming the tensor, when one is missing or has another shape.
    pub(super) fn new(tensors: &NamedTensors, device: &Device) -> Result<Self> {
        let values = |name: &str, shape: &[usize]| match tensors.get(name) {
            Some((found, values)) if found == shape => Ok(values),
            Some((found, _)) => {
                Err(Error::bad_input(format!("tensor {name} has shape {found:?}, expected {shape:?}")))
            }
            None => Err(Error::bad_input(format!("tensor {name} is missing"))
                .hint("it must hold the weights of pytorch-fid's Inception, under their names there")),
        };
        let mut convs = BTreeMap::new();
        for (name, shape) in layers() {
            let [outputs, inputs, height, width] = shape;
            let norm = |what: &str| values(&format!("{name}.bn.{what}"), &[outputs]);
            let (scale, shift, mean, variance) =
                (norm("weight")?, norm("bias")?, norm("running_mean")?, norm("running_var")?);
            let factor = |at: usize| f64::from(scale[at]) / (f64::from(variance[at]) + EPS).sqrt();
            let weight = values(&format!("{name}.conv.weight"), &shape)?;
            let each = inputs * height * width;
            let weight = weight.iter().enumerate().map(|(at, w)| (f64::from(*w) * factor(at / each)) as f32);
            let weight = Tensor::from_data(TensorData::new(weight.collect::<Vec<f32>>(), shape), device);
            let bias =
                (0..outputs).map(|at| (f64::from(shift[at]) - f64::from(mean[at]) * factor(at)) as f32);
            let bias = Tensor::from_data(TensorData::new(bias.collect::<Vec<f32>>(), [1, outputs]), device);
            let halves = HALVING.contains(&name.as_str());
            let mut walk = kernels::Conv2d::padded(if halves { 2 } else { 1 }, 0);
            if !halves && !OPEN.contains(&name.as_str()) {
                walk.pad_rows = (height / 2, height / 2);
                walk.pad_cols = (width / 2, width / 2);
            }
            convs.insert(name, (weight, bias, walk));
        }
        Ok(Self { convs })
    }

    /// The features `[n, 2048]` of images `[n, 3, 299, 299]` in [-1, 1].
    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let mut x = kernels::channels_last(x);
        for name in ["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3"] {
            x = self.conv(name, x);
        }
        x = largest(x, 2, 0);
        x = self.conv("Conv2d_4a_3x3", self.conv("Conv2d_3b_1x1", x));
        x = largest(x, 2, 0);
        for block in ["Mixed_5b", "Mixed_5c", "Mixed_5d"] {
            let five = self.chain(block, &["branch5x5_1", "branch5x5_2"], x.clone());
            let three = self.chain(block, &["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"], x.clone());
            let pooled = self.chain(block, &["branch_pool"], average(x.clone()));
            x = Tensor::cat(vec![self.chain(block, &["branch1x1"], x), five, three, pooled], 3);
        }
        let three = self.chain("Mixed_6a", &["branch3x3"], x.clone());
        let double =
            self.chain("Mixed_6a", &["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"], x.clone());
        x = Tensor::cat(vec![three, double, largest(x, 2, 0)], 3);
        for block in ["Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"] {
            let seven = self.chain(block, &["branch7x7_1", "branch7x7_2", "branch7x7_3"], x.clone());
            let names =
                ["branch7x7dbl_1", "branch7x7dbl_2", "branch7x7dbl_3", "branch7x7dbl_4", "branch7x7dbl_5"];
            let double = self.chain(block, &names, x.clone());
            let pooled = self.chain(block, &["branch_pool"], average(x.clone()));
            x = Tensor::cat(vec![self.chain(block, &["branch1x1"], x), seven, double, pooled], 3);
        }
        let three = self.chain("Mixed_7a", &["branch3x3_1", "branch3x3_2"], x.clone());
        let names = ["branch7x7x3_1", "branch7x7x3_2", "branch7x7x3_3", "branch7x7x3_4"];
        let seven = self.chain("Mixed_7a", &names, x.clone());
        x = Tensor::cat(vec![three, seven, largest(x, 2, 0)], 3);
        for block in ["Mixed_7b", "Mixed_7c"] {
            let three = self.chain(block, &["branch3x3_1"], x.clone());
            let double = self.chain(block, &["branch3x3dbl_1", "branch3x3dbl_2"], x.clone());
            let both = |a: &str, b: &str, x: Tensor<4>| {
                Tensor::cat(vec![self.chain(block, &[a], x.clone()), self.chain(block, &[b], x)], 3)
            };
            let three = both("branch3x3_2a", "branch3x3_2b", three);
            let double = both("branch3x3dbl_3a", "branch3x3dbl_3b", double);
            let around = if block == "Mixed_7b" { average(x.clone()) } else { largest(x.clone(), 1, 1) };
            let pooled = self.chain(block, &["branch_pool"], around);
            x = Tensor::cat(vec![self.chain(block, &["branch1x1"], x), three, double, pooled], 3);
        }
        super::classifier::mean(x)
    }

    fn chain(&self, block: &str, names: &[&str], x: Tensor<4>) -> Tensor<4> {
        names.iter().fold(x, |x, name| self.conv(&format!("{block}.{name}"), x))
    }

    fn conv(&self, name: &str, x: Tensor<4>) -> Tensor<4> {
        let (weight, bias, walk) = &self.convs[name];
        activation::relu(kernels::conv2d(x, weight.clone(), bias.clone(), *walk))
    }
}

/// The mean of each 3 by 3 neighbourhood, padding left out of it.
fn average(x: Tensor<4>) -> Tensor<4> {
    let mut options = AvgPoolOptions::new([3, 3]).with_stride([1, 1]).with_padding([1, 1]);
    options.count_include_pad = false;
    kernels::channels_last(avg_pool2d(kernels::channels_first(x), options))
}

/// The largest of each 3 by 3 neighbourhood.
fn largest(x: Tensor<4>, stride: usize, padding: usize) -> Tensor<4> {
    let options = MaxPoolOptions::new([3, 3]).with_stride([stride; 2]).with_padding([padding; 2]);
    kernels::channels_last(max_pool2d(kernels::channels_first(x), options))
}

/// `image` as three planes of 299 by 299 in [-1, 1]: torch's `interpolate(mode="bilinear", align_corners=False)`, which
/// does not smooth before it shrinks. Gray is repeated, alpha left out.
pub(super) fn resized(image: &Image) -> Vec<f32> {
    let (width, height) = (image.width, image.height);
    let signed = image.to_signed();
    let place = |at: usize, side: usize| {
        let from = ((at as f64 + 0.5) * side as f64 / SIDE as f64 - 0.5).max(0.0);
        let first = (from as usize).min(side - 1);
        (first, (first + 1).min(side - 1), from - first as f64)
    };
    let columns: Vec<_> = (0..SIDE).map(|x| place(x, width)).collect();
    let mut values = Vec::with_capacity(3 * SIDE * SIDE);
    for channel in 0..3 {
        let plane = if image.channels < 3 { 0 } else { channel };
        let plane = &signed[plane * width * height..][..width * height];
        for y in 0..SIDE {
            let (top, bottom, down) = place(y, height);
            let value = |y: usize, x: usize| f64::from(plane[y * width + x]);
            values.extend(columns.iter().map(|&(left, right, along)| {
                let row = |y| value(y, left) * (1.0 - along) + value(y, right) * along;
                (row(top) * (1.0 - down) + row(bottom) * down) as f32
            }));
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of `references/golden/inception.py`, in [-1, 1).
    fn drawn(count: usize, salt: u32) -> impl Iterator<Item = f32> {
        (0..count as u32).map(move |at| {
            let mut x =
                at.wrapping_mul(2_654_435_761).wrapping_add(salt.wrapping_mul(40_503)).wrapping_add(12_345);
            x = (x ^ (x >> 16)).wrapping_mul(0x045d_9f3b);
            x = (x ^ (x >> 16)).wrapping_mul(0x045d_9f3b);
            x ^= x >> 16;
            (f64::from(x) / 2_147_483_648.0 - 1.0) as f32
        })
    }

    #[test]
    fn features_are_those_of_pytorch_fid() {
        let mut tensors = NamedTensors::new();
        for (index, (name, shape)) in layers().into_iter().enumerate() {
            let salt = 10 * index as u32;
            let size = (6.0 / (shape[1] * shape[2] * shape[3]) as f32).sqrt();
            let mut add = |what: &str, shape: Vec<usize>, values: Vec<f32>| {
                tensors.insert(format!("{name}.{what}"), (shape, values.into()));
            };
            let of =
                |salt, scale: f32, base: f32| drawn(shape[0], salt).map(move |v| base + scale * v).collect();
            add(
                "conv.weight",
                shape.to_vec(),
                drawn(shape.iter().product(), salt).map(|v| v * size).collect(),
            );
            add("bn.weight", vec![shape[0]], of(salt + 1, 0.1, 1.0));
            add("bn.bias", vec![shape[0]], of(salt + 2, 0.1, 0.0));
            add("bn.running_mean", vec![shape[0]], of(salt + 3, 0.1, 0.0));
            add("bn.running_var", vec![shape[0]], of(salt + 4, 0.3, 1.0));
        }
        let device = Device::flex();
        let network = Inception::new(&tensors, &device).unwrap();
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../../../references/golden/inception.json")).unwrap();
        for case in golden.as_array().unwrap() {
            let number = |key: &str| case[key].as_u64().unwrap() as usize;
            let (width, height, salt) = (number("width"), number("height"), number("salt") as u32);
            let pixels = drawn(width * height * 3, salt).map(|v| (v * 127.0 + 128.0) as u8).collect();
            let image = Image::from_u8(width, height, 3, pixels);
            let x = langevin_core::signed_to_batch(resized(&image), [1, 3, SIDE, SIDE], &device);
            let found = network.forward(x).into_data().try_to_vec::<f32>().unwrap();
            let expected: Vec<f64> =
                case["features"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            let size = expected.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
            assert_eq!(found.len(), 2048);
            for (at, expected) in expected.iter().enumerate() {
                let off = (f64::from(found[at * 8]) - expected).abs() / size;
                assert!(off < 1e-4, "feature {}: {} and not {expected}", at * 8, found[at * 8]);
            }
        }
        tensors.remove("Mixed_7b.branch_pool.bn.bias");
        let error = Inception::new(&tensors, &device).err().unwrap();
        assert!(error.to_string().contains("Mixed_7b.branch_pool.bn.bias"), "{error}");
    }
}
