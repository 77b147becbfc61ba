//! Initial weights: drawn on the host from (seed, parameter path), so they are the same on every machine and do not
//! depend on the order in which layers are made.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use langevin_core::{Purpose, Stream};

/// Where in the network weights are being drawn, and from which seed.
#[derive(Debug, Clone)]
pub struct Draw<'a> {
    /// Absent: nothing is drawn, and every weight is 0.
    seed: Option<u64>,
    path: String,
    device: &'a Device,
}

impl<'a> Draw<'a> {
    /// The root of a network.
    pub fn new(seed: u64, device: &'a Device) -> Self {
        Self { seed: Some(seed), path: String::new(), device }
    }

    /// The root of a network whose weights are read afterwards: all are 0, which costs neither time nor, until they are read, memory.
    pub fn blank(device: &'a Device) -> Self {
        Self { seed: None, path: String::new(), device }
    }

    /// The child called `name`; several levels at once are joined by dots.
    #[must_use]
    pub fn at(&self, name: impl std::fmt::Display) -> Self {
        let path = if self.path.is_empty() { name.to_string() } else { format!("{}.{name}", self.path) };
        Self { seed: self.seed, path, device: self.device }
    }

    /// A parameter uniform in `(-bound, bound)`.
    pub fn uniform<const D: usize>(&self, name: &str, shape: [usize; D], bound: f64) -> Param<Tensor<D>> {
        self.parameter(name, shape, |stream, values| {
            values.iter_mut().for_each(|value| *value = ((2.0 * stream.uniform() - 1.0) * bound) as f32);
        })
    }

    /// A parameter of normal numbers with standard deviation `std`.
    pub fn normal<const D: usize>(&self, name: &str, shape: [usize; D], std: f64) -> Param<Tensor<D>> {
        self.parameter(name, shape, |stream, values| {
            stream.fill_normal(values);
            values.iter_mut().for_each(|value| *value = (f64::from(*value) * std) as f32);
        })
    }

    /// A parameter of one value everywhere.
    pub fn constant<const D: usize>(&self, name: &str, shape: [usize; D], value: f32) -> Param<Tensor<D>> {
        self.parameter(name, shape, |_, values| values.fill(value))
    }

    fn parameter<const D: usize>(
        &self,
        name: &str,
        shape: [usize; D],
        fill: impl FnOnce(&mut Stream, &mut [f32]),
    ) -> Param<Tensor<D>> {
        let mut values = vec![0.0; shape.iter().product()];
        if let Some(seed) = self.seed {
            let stream_number = fnv1a(self.at(name).path.as_bytes());
            fill(&mut Stream::new(seed, Purpose::Weights, stream_number, 0), &mut values);
        }
        Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), self.device))
    }
}

/// The 64-bit FNV-1a hash, a fixed and well-known function of the path.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn weights_depend_on_seed_and_path_alone() {
        let device = Device::flex();
        let draw = |seed, path: &str| {
            let param = Draw::new(seed, &device).at(path).uniform("weight", [4, 3], 0.5);
            param.val().into_data().try_to_vec::<f32>().unwrap()
        };
        assert_eq!(draw(1, "a.b"), draw(1, "a.b"));
        assert_ne!(draw(1, "a.b"), draw(2, "a.b"));
        assert_ne!(draw(1, "a.b"), draw(1, "a.c"));
        assert!(draw(1, "a.b").iter().all(|value| value.abs() < 0.5));
    }
}
