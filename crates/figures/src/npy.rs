//! NumPy files (`.npy`, format 1 to 3) of float32 images, for starting from the same noise as another program.

use burn::tensor::{Device, Tensor, TensorData};
use langevin_core::{Error, Result};

/// The tensor `[n, c, h, w]` in the `.npy` file `bytes`.
///
/// # Errors
/// Bad input, when it is not a whole `.npy` file of little-endian float32 in C order with four dimensions.
pub fn decode(bytes: &[u8], device: &Device) -> Result<Tensor<4>> {
    let bad = |what: &str| {
        Error::bad_input(what.to_owned()).hint("save it with numpy.save as float32 of shape n,c,h,w")
    };
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or_else(|| bad("not a .npy file"))?;
    let short = || bad("cut short");
    let (version, rest) = rest.split_at_checked(2).ok_or_else(short)?;
    let width = if version[0] == 1 { 2 } else { 4 };
    let (length, rest) = rest.split_at_checked(width).ok_or_else(short)?;
    let length = length.iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    let (header, data) = rest.split_at_checked(length).ok_or_else(short)?;
    let header = String::from_utf8_lossy(header);
    if !header.contains("'<f4'") {
        return Err(bad("its numbers are not little-endian float32"));
    }
    if header.contains("'fortran_order': True") {
        return Err(bad("its numbers lie in Fortran order"));
    }
    let shape = header
        .split_once("'shape': (")
        .and_then(|(_, rest)| rest.split_once(')'))
        .map_or("", |(shape, _)| shape);
    let sides: Vec<usize> = shape.split(',').filter_map(|side| side.trim().parse().ok()).collect();
    let shape: [usize; 4] = sides.try_into().map_err(|_| bad("it does not have four dimensions"))?;
    let count = shape.iter().try_fold(4_usize, |product, side| product.checked_mul(*side));
    if count != Some(data.len()) || data.is_empty() {
        return Err(bad("its length does not fit its shape"));
    }
    let (words, _) = data.as_chunks::<4>();
    let values: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
    if values.iter().any(|value| !value.is_finite()) {
        return Err(bad("it holds numbers that are not finite"));
    }
    Ok(Tensor::from_data(TensorData::new(values, shape), device))
}

/// A `.npy` file (format 1) of `tensor`, `[n, c, h, w]`.
pub fn encode(tensor: Tensor<4>) -> Vec<u8> {
    let [n, c, h, w] = tensor.dims();
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({n}, {c}, {h}, {w}), }}");
    // NumPy pads with spaces, so that the numbers begin at a multiple of 64.
    let length = (10 + header.len() + 1).next_multiple_of(64) - 10;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(format!("{header:<width$}\n", width = length - 1).into_bytes());
    let values = tensor.try_into_vec_as::<f32>().expect("a float tensor holds floats");
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let values = [1.0_f32, -2.5, 3.0, 1e-7, 5.0, 6.0];
        let tensor = Tensor::<1>::from_data(values.as_slice(), &Device::flex()).reshape([1, 3, 1, 2]);
        let bytes = encode(tensor);
        assert_eq!((bytes.len() - 4 * 6) % 64, 0);
        let back = decode(&bytes, &Device::flex()).unwrap();
        assert_eq!(back.dims(), [1, 3, 1, 2]);
        assert_eq!(back.try_into_vec_as::<f32>().unwrap(), values);
    }

    fn file(header: &str, data: &[f32]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data.iter().flat_map(|v| v.to_le_bytes()));
        bytes
    }

    #[test]
    fn a_numpy_file_is_read_and_damage_is_an_error() {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 2, 2), }\n";
        let good = file(header, &[1.0, 2.0, 3.0, -4.5]);
        let tensor = decode(&good, &Device::flex()).unwrap();
        assert_eq!(tensor.dims(), [1, 1, 2, 2]);
        assert_eq!(tensor.try_into_vec_as::<f32>().unwrap(), [1.0, 2.0, 3.0, -4.5]);
        for length in 0..good.len() {
            assert!(decode(&good[..length], &Device::flex()).is_err(), "cut at {length}");
        }
        assert!(decode(&file(header, &[1.0, f32::NAN, 0.0, 0.0]), &Device::flex()).is_err());
        assert!(decode(&file(&header.replace("<f4", "<f8"), &[0.0; 8]), &Device::flex()).is_err());
    }
}
