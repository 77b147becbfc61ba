//! The numbers of a tensor on the host: its own, or those of a file that lies in memory.

use std::fmt;
use std::ops::{Deref, DerefMut};

use burn::tensor::{AllocationProperty, Bytes, DType, TensorData};

/// f32 numbers in row-major order: owned, or read where they lie in bytes that others hold too, such as a mapped file. Whoever
/// changes shared ones gets a copy.
#[derive(Clone)]
pub struct Numbers(Held);

#[derive(Clone)]
enum Held {
    Own(Vec<f32>),
    /// A whole number of f32 in the processor's order, at an address that suits them.
    Shared(bytes::Bytes),
}

impl Numbers {
    /// The little-endian numbers in `bytes`, where they lie; `None` where that cannot be: at an address that does not suit them, in
    /// part of a number, or on a processor of another order.
    pub fn shared(bytes: bytes::Bytes) -> Option<Self> {
        let fits = cfg!(target_endian = "little") && bytemuck::try_cast_slice::<u8, f32>(&bytes).is_ok();
        fits.then_some(Self(Held::Shared(bytes)))
    }

    /// All of them.
    pub fn as_slice(&self) -> &[f32] {
        match &self.0 {
            Held::Own(values) => values,
            Held::Shared(bytes) => bytemuck::cast_slice(bytes),
        }
    }

    /// Keeps those before `at`, which is at most their number, and returns the others.
    pub fn split_off(&mut self, at: usize) -> Self {
        match &mut self.0 {
            Held::Own(values) => values.split_off(at).into(),
            Held::Shared(bytes) => Self(Held::Shared(bytes.split_off(at * size_of::<f32>()))),
        }
    }

    /// As a vector; shared ones are copied.
    pub fn into_vec(self) -> Vec<f32> {
        match self.0 {
            Held::Own(values) => values,
            Held::Shared(_) => self.as_slice().to_vec(),
        }
    }

    /// As the data of a tensor of one dimension, without a copy.
    pub fn into_data(self) -> TensorData {
        let count = self.len();
        match self.0 {
            Held::Own(values) => TensorData::new(values, [count]),
            Held::Shared(bytes) => TensorData::from_bytes(
                Bytes::from_shared(bytes, AllocationProperty::File),
                [count],
                DType::F32,
            ),
        }
    }
}

impl Deref for Numbers {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        self.as_slice()
    }
}

impl DerefMut for Numbers {
    fn deref_mut(&mut self) -> &mut [f32] {
        if let Held::Shared(_) = self.0 {
            self.0 = Held::Own(self.as_slice().to_vec());
        }
        match &mut self.0 {
            Held::Own(values) => values,
            Held::Shared(_) => unreachable!("copied above"),
        }
    }
}

impl Default for Numbers {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl From<Vec<f32>> for Numbers {
    fn from(values: Vec<f32>) -> Self {
        Self(Held::Own(values))
    }
}

impl FromIterator<f32> for Numbers {
    fn from_iter<I: IntoIterator<Item = f32>>(values: I) -> Self {
        Vec::from_iter(values).into()
    }
}

impl<'a> IntoIterator for &'a Numbers {
    type Item = &'a f32;
    type IntoIter = std::slice::Iter<'a, f32>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl PartialEq for Numbers {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl PartialEq<Vec<f32>> for Numbers {
    fn eq(&self, other: &Vec<f32>) -> bool {
        self.as_slice() == other
    }
}

impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};

    use super::*;

    #[test]
    fn shared_numbers_are_read_where_they_lie_and_copied_to_be_changed() {
        let values = [1.5_f32, -2.0, 0.25];
        let bytes = bytes::Bytes::from(values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
        let shared = Numbers::shared(bytes.clone()).expect("whole numbers");
        assert_eq!((shared.as_slice(), shared.as_ptr().cast()), (values.as_slice(), bytes.as_ptr()));
        let mut changed = shared.clone();
        changed[0] = 7.0;
        assert_eq!((changed.to_vec(), shared.to_vec()), (vec![7.0, -2.0, 0.25], values.to_vec()));
        let tensor = Tensor::<1>::from_data(shared.into_data(), &Device::flex());
        // The tensor changes its own copy too.
        let sum = (tensor.clone() + 1.0).into_data().try_to_vec::<f32>().unwrap();
        assert_eq!(
            (sum, tensor.into_data().try_to_vec::<f32>().unwrap()),
            (vec![2.5, -1.0, 1.25], values.to_vec())
        );
        assert_eq!(bytes[..4], 1.5_f32.to_le_bytes());
        let mut first = Numbers::shared(bytes.clone()).expect("whole numbers");
        assert_eq!((first.split_off(1).to_vec(), first.to_vec()), (vec![-2.0, 0.25], vec![1.5]));
        assert!(Numbers::shared(bytes.slice(1..5)).is_none() && Numbers::shared(bytes.slice(0..5)).is_none());
    }
}
