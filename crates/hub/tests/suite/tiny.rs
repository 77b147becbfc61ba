//! The tiny decoder against diffusers' `AutoencoderTiny`, as `references/golden/tiny_decoder.py` wrote it.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use langevin_core::tensor_file;
use langevin_hub::read_tiny_decoder;
use langevin_nn::load;

#[test]
fn a_tiny_decoder_is_read_and_decodes_as_diffusers_does() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../references/golden");
    let (config, tensors) = read_tiny_decoder(&golden.join("hub/tiny")).unwrap();
    let device = Device::flex();
    let decoder = load(config.blank(&device).unwrap(), &tensors).unwrap();
    let (numbers, _) =
        tensor_file::decode(&std::fs::read(golden.join("tiny_decoder.safetensors")).unwrap()).unwrap();
    let (shape, latents) = numbers["latents"].clone();
    let made = decoder.decode(Tensor::from_data(TensorData::new(latents.into_vec(), shape), &device));
    assert_eq!((made.dims(), config.factor()), ([2, 3, 16, 12], 4));
    let made = made.try_into_vec_as::<f32>().unwrap();
    let off = made.iter().zip(&numbers["decoded"].1).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(off < 2e-5, "{off}");
}
