//! A trained autoencoder with the statistics of its latents: images to latents of mean 0 and variance 1, and back.

mod latent;
mod preview;
mod tiles;

use std::path::Path;

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};
use langevin_core::{
    Error, NamedTensors, Planes, Result, Size, Workers, path_of, signed_to_batch, tensor_file,
};
use langevin_nn::{Autoencoder, AutoencoderConfig, TinyDecoder};
use serde::{Deserialize, Serialize};

use tiles::{Tiling, tiled};

pub use latent::{LatentInfo, codec_tensors, take_codec};
pub use preview::LatentPreview;

/// The key of what a model file says of an autoencoder.
pub const KEY: &str = "langevin_autoencoder";
/// Most latent pixels of a side that are encoded or decoded at once.
const TILE: usize = 64;
/// Latent pixels that tiles share.
const OVERLAP: usize = 16;

/// Mean and spread of the latents of the training images, channel by channel. A diffusion model sees
/// `(latent - shift) * scale`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statistics {
    /// The mean of each channel.
    pub shift: Vec<f64>,
    /// One over the standard deviation of each channel.
    pub scale: Vec<f64>,
}

/// What the file of an autoencoder says of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoencoderInfo {
    /// Version of this description, 1.
    pub version: u32,
    /// Width and height of the images it was trained on.
    pub size: Size,
    /// The network.
    pub network: AutoencoderConfig,
    /// The statistics of its latents.
    pub statistics: Statistics,
    /// A linear preview of the latents, where one was fitted.
    #[serde(rename = "glimpse", default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<LatentPreview>,
    /// The data it was trained on, as the user named it.
    pub data: String,
    /// The preset it was trained with.
    pub preset: String,
    /// Images seen in training.
    pub images: u64,
    /// Seed of the training.
    pub seed: u64,
}

/// An autoencoder that is ready to use.
#[derive(Debug, Clone)]
pub struct Codec {
    /// What it says of itself.
    pub info: AutoencoderInfo,
    network: Autoencoder,
    /// A small decoder, for watching.
    preview: Option<TinyDecoder>,
}

impl Statistics {
    /// Those of `latents` `[n, channels, h, w]`.
    pub fn of(latents: Tensor<4>) -> Self {
        let [n, c, h, w] = latents.dims();
        let values = latents.into_data().convert::<f64>().try_to_vec::<f64>().expect("converted to f64");
        let plane = h * w;
        let (mut shift, mut scale) = (Vec::new(), Vec::new());
        for channel in 0..c {
            let each = || (0..n).flat_map(|k| &values[(k * c + channel) * plane..][..plane]);
            let count = (n * plane) as f64;
            let mean = each().sum::<f64>() / count;
            let variance = each().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
            shift.push(mean);
            // A channel that says nothing is left as it is.
            scale.push(if variance > 1e-12 { 1.0 / variance.sqrt() } else { 1.0 });
        }
        Self { shift, scale }
    }

    /// The same for all `channels`.
    pub fn uniform(channels: usize, shift: f64, scale: f64) -> Self {
        Self { shift: vec![shift; channels], scale: vec![scale; channels] }
    }

    /// Latents at mean 0 and variance 1.
    pub fn applied(&self, latents: Tensor<4>) -> Tensor<4> {
        let device = latents.device();
        (latents - Self::column(&self.shift, &device)) * Self::column(&self.scale, &device)
    }

    fn column(values: &[f64], device: &Device) -> Tensor<4> {
        let shape = [1, values.len(), 1, 1];
        signed_to_batch(values.iter().map(|value| *value as f32).collect(), shape, device)
    }
}

impl AutoencoderInfo {
    /// The metadata of its file.
    pub fn to_metadata(&self) -> BTreeMap<String, String> {
        let text = serde_json::to_string(self).expect("a description is plain values");
        BTreeMap::from([
            (KEY.to_owned(), text),
            ("format".to_owned(), "pt".to_owned()),
            ("modelspec.architecture".to_owned(), "langevin/autoencoder".to_owned()),
        ])
    }
}

impl Codec {
    /// Opens the autoencoder at `path`: a run of `langevin train --task autoencoder`, or its model.safetensors; and the first 16
    /// hexadecimal digits of the BLAKE3 sum of the file.
    ///
    /// # Errors
    /// Bad input, beginning with the file's name, when it is missing, damaged or something else.
    pub fn open(path: &str, device: &Device) -> Result<(Self, String)> {
        let bytes = crate::file::read_model_bytes(&path_of(path))?;
        let codec = Self::from_bytes(&bytes, device).map_err(|error| error.within(path))?;
        Ok((codec, blake3::hash(&bytes).to_hex()[..16].to_owned()))
    }

    /// Reads an autoencoder from the bytes of its file.
    ///
    /// # Errors
    /// Bad input, when they are not a whole autoencoder of this program.
    pub fn from_bytes(bytes: &[u8], device: &Device) -> Result<Self> {
        crate::file::refuse_strangers(bytes)?;
        let (tensors, metadata) = tensor_file::decode(bytes)?;
        let text = metadata.get(KEY).ok_or_else(|| {
            Error::bad_input("holds no autoencoder of this program")
                .hint("train one with `langevin train DATA --task autoencoder`")
        })?;
        let info = serde_json::from_str(text)
            .map_err(|error| Error::bad_input(format!("its description cannot be read: {error}")))?;
        Self::from_parts(info, tensors, device)
    }

    /// Puts an autoencoder together.
    ///
    /// # Errors
    /// Bad input, where description and tensors do not fit.
    pub fn from_parts(info: AutoencoderInfo, tensors: NamedTensors, device: &Device) -> Result<Self> {
        let damaged = |error: Error| {
            Error::bad_input(error.message().to_owned()).hint("the file is damaged, or was changed by hand")
        };
        info.network.check().map_err(damaged)?;
        let channels = info.network.code_dim();
        let Statistics { shift, scale } = &info.statistics;
        let sound = |values: &[f64]| values.len() == channels && values.iter().all(|value| value.is_finite());
        if info.version != 1 || !sound(shift) || !sound(scale) || scale.contains(&0.0) {
            return Err(damaged(Error::bad_input("its description does not fit its latents")));
        }
        let network = langevin_nn::load_whole(info.network.blank(device)?, tensors)?;
        Ok(Self { info, network, preview: None })
    }

    /// Its tensors by name.
    pub fn tensors(&self) -> NamedTensors {
        langevin_nn::export(&self.network)
    }

    /// How many times smaller than images the sides of latents are.
    pub fn factor(&self) -> usize {
        self.info.network.factor()
    }

    /// The latents `[n, latent channels, h / factor, w / factor]` of images `[n, channels, h, w]` in [-1, 1], at mean 0 and variance
    /// 1 over the training images. Of an image each number's mean is taken.
    ///
    /// # Errors
    /// Usage, where a side is not a multiple of the factor or the channels are others. Failed, when the system gives no threads.
    pub fn encode(&self, images: Tensor<4>) -> Result<Tensor<4>> {
        let [_, c, h, w] = images.dims();
        self.info.network.latent_shape(h, w)?;
        if c != self.info.network.channels {
            return Err(Error::usage(format!(
                "this autoencoder takes images of {} channels, not {c}",
                self.info.network.channels
            )));
        }
        let latents = in_parallel(images, |part| self.network.encode(part).mean)?;
        Ok(self.info.statistics.applied(latents))
    }

    /// The images of latents; about in [-1, 1].
    ///
    /// # Errors
    /// Failed, when the system gives no threads.
    pub fn decode(&self, latents: Tensor<4>) -> Result<Tensor<4>> {
        let device = latents.device();
        let Statistics { shift, scale } = &self.info.statistics;
        let raw = latents / Statistics::column(scale, &device) + Statistics::column(shift, &device);
        in_parallel(raw, |part| self.network.decode(part))
    }

    /// The same, watched through the tiny decoder (TAESD) in `folder`, that of a diffusers `AutoencoderTiny`.
    ///
    /// # Errors
    /// Bad input, as [`langevin_hub::read_tiny_decoder`]; usage, where it is for other latents or images.
    pub fn with_preview_decoder(self, folder: &Path, device: &Device) -> Result<Self> {
        let (config, tensors) = langevin_hub::read_tiny_decoder(folder)?;
        let (own, network) = ((config.latent_channels, config.channels, config.factor()), &self.info.network);
        let wanted = (network.code_dim(), network.channels, network.factor());
        if own != wanted {
            return Err(Error::usage(format!(
                "{}: makes images of {} channels, {} times larger, of latents of {} channels, where the model's have {}, {} and {}",
                folder.display(),
                own.1,
                own.2,
                own.0,
                wanted.1,
                wanted.2,
                wanted.0
            ))
            .hint("take a tiny decoder for the same autoencoder"));
        }
        let blank = config.blank(device)?;
        let preview =
            langevin_nn::load_whole(blank, tensors).map_err(|error| error.within(folder.display()))?;
        Ok(Self { preview: Some(preview), ..self })
    }

    /// About what [`Codec::decode`] gives: through the tiny decoder, where there is one; else in squares of the factor's side: each latent pixel's colour by one product.
    pub fn previews(&self, latents: Tensor<4>) -> Tensor<4> {
        if let Some(preview) = &self.preview {
            return preview.decode(latents);
        }
        let [n, _, h, w] = latents.dims();
        let factor = self.factor();
        let channels = self.info.network.channels;
        let colours = match &self.info.preview {
            Some(preview) => preview.colours(latents),
            None => latents.mean_dim(1).repeat_dim(1, channels),
        };
        let cells = colours.reshape([n, channels, h, 1, w, 1]).repeat(&[1, 1, 1, factor, 1, factor]);
        cells.reshape([n, channels, h * factor, w * factor])
    }

    /// As [`Codec::encode`] for one image of any size in planes, tile by tile where it is large. Sides that are not multiples of
    /// `multiple`, itself one of the factor, are continued by the last row and column.
    ///
    /// # Errors
    /// As [`Codec::encode`].
    pub fn encode_large(
        &self,
        values: &[f32],
        [c, h, w]: [usize; 3],
        multiple: usize,
        device: &Device,
    ) -> Result<Tensor<4>> {
        let factor = self.factor();
        let (high, wide) = (h.next_multiple_of(multiple), w.next_multiple_of(multiple));
        let at = |channel: usize, y: usize, x: usize| values[(channel * h + y.min(h - 1)) * w + x.min(w - 1)];
        let padded = (0..c)
            .flat_map(|channel| (0..high).flat_map(move |y| (0..wide).map(move |x| (channel, y, x))))
            .map(|(channel, y, x)| at(channel, y, x))
            .collect();
        let planes = Planes::new(padded, [c, high, wide]);
        self.by_tiles(planes, (factor, 1), self.info.network.code_dim(), device, |tile| self.encode(tile))
    }

    /// As [`Codec::decode`] for the latents of one image of any size, tile by tile where they are large.
    ///
    /// # Errors
    /// As [`Codec::decode`].
    pub fn decode_large(&self, latents: Tensor<4>) -> Result<Tensor<4>> {
        let device = latents.device();
        let planes = Planes::from_tensor(latents);
        let channels = self.info.network.channels;
        self.by_tiles(planes, (1, self.factor()), channels, &device, |tile| self.decode(tile))
    }

    fn by_tiles(
        &self,
        planes: Planes,
        (from, to): (usize, usize),
        channels: usize,
        device: &Device,
        make: impl Fn(Tensor<4>) -> Result<Tensor<4>>,
    ) -> Result<Tensor<4>> {
        let tiling = Tiling { most: TILE, overlap: OVERLAP };
        let made = tiled(&planes, tiling, (from, to), channels, |tile| {
            Ok(Planes::from_tensor(make(tile.into_tensor(device))?))
        })?;
        Ok(made.into_tensor(device))
    }
}

/// `make` of each part of a batch, the parts side by side on the threads; an image's bytes do not depend on its neighbours.
fn in_parallel(batch: Tensor<4>, make: impl Fn(Tensor<4>) -> Tensor<4> + Sync) -> Result<Tensor<4>> {
    let count = batch.dims()[0];
    if count < 2 {
        return Ok(make(batch));
    }
    let parts: Vec<Tensor<4>> = (0..count).map(|k| batch.clone().narrow(0, k, 1)).collect();
    let made = Workers::new(count)?.run(parts, make);
    Ok(Tensor::cat(made, 0))
}
