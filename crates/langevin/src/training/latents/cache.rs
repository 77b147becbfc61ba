//! The latents of a data set, encoded once and read from a file while training: what is read comes through the system's cache of
//! files, so that they need not fit into memory.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use burn::tensor::Device;
use langevin_core::{Error, ErrorKind, Result, Size, Stop, signed_to_batch};
use langevin_data::order::Order;
use langevin_data::{Batch, BatchSource, Pool, is_mirrored};
use langevin_files::disk::{self, Output};
use langevin_files::{create_folder, replace_file, write_error};
use langevin_model::Codec;
use serde::{Deserialize, Serialize};

/// Images that are encoded at once.
const AT_ONCE: u64 = 32;
/// The version of the file and of how it is read; latents of another are made anew.
const VERSION: u32 = 2;
/// Images between two words about how far it is.
const TELL: u64 = 4096;
/// Bytes of stored latents that are looked at at a time.
const AT_A_TIME: usize = 1 << 20;

/// What is encoded, and how.
pub(crate) struct Encoding<'a> {
    pub(crate) codec: &'a Codec,
    /// The first 16 digits of the sum of the autoencoder's file.
    pub(crate) hash: &'a str,
    pub(crate) pool: &'a Pool,
    /// Most images, if there is a limit.
    pub(crate) limit: Option<u64>,
    /// Images of an unlimited set.
    pub(crate) of_unlimited: u64,
    pub(crate) folder: &'a Path,
    pub(crate) stop: &'a Stop,
    pub(crate) device: &'a Device,
}

/// What the file beside the latents says of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    /// The autoencoder, the data and how they were made ready: latents of another are made anew.
    key: String,
    name: String,
    images: u64,
    /// 2 where each image is there mirrored too.
    variants: u64,
    shape: [usize; 3],
    labels: Vec<Option<u32>>,
    captions: Vec<Option<String>>,
    /// Of the latents, labels and captions; latents with another are damaged, or are those of another file. Empty in older files.
    #[serde(default)]
    sum: String,
}

/// Latents in a file.
#[derive(Debug)]
struct Stored {
    contents: Contents,
    file: Mutex<File>,
}

impl BatchSource for Stored {
    fn name(&self) -> String {
        self.contents.name.clone()
    }

    fn is_empty(&self) -> bool {
        self.contents.images == 0
    }

    fn showing(&self, seed: u64, first_image: u64, count: usize) -> Result<Batch> {
        let Contents { images, variants, shape, labels, captions, .. } = &self.contents;
        let order = Order::new(seed, Some(*images));
        let [c, h, w] = *shape;
        let mut batch = Batch {
            pixels: Vec::with_capacity(count * c * h * w),
            shape: [count, c, h, w],
            labels: Vec::with_capacity(count),
            captions: Vec::with_capacity(count),
            first_image,
        };
        let failed =
            |error: std::io::Error| Error::failed(format!("the stored latents cannot be read: {error}"));
        let mut bytes = vec![0; c * h * w * 4];
        let mut file = self.file.lock().map_err(|_| Error::failed("reading latents has failed before"))?;
        for number in first_image..first_image + count as u64 {
            let image = order.at(number);
            let variant = u64::from(*variants > 1 && is_mirrored(seed, number));
            let place = (image * variants + variant) * bytes.len() as u64;
            file.seek(SeekFrom::Start(place)).and_then(|_| file.read_exact(&mut bytes)).map_err(failed)?;
            batch.pixels.extend(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
            batch.labels.push(labels[image as usize]);
            batch.captions.push(captions[image as usize].clone());
        }
        Ok(batch)
    }
}

/// The latents of the images of `encoding`, from its folder or made now; `tell` hears the images done and those in all.
///
/// # Errors
/// Interrupted, when a signal came; failed, when the disk is full; bad input, as [`Pool::batch`].
pub(crate) fn encode(
    encoding: &Encoding<'_>,
    mut tell: impl FnMut(u64, u64),
) -> Result<Arc<dyn BatchSource>> {
    let Encoding { codec, hash, pool, limit, of_unlimited, folder, stop, device } = encoding;
    let prepare = pool.prepare();
    let images = pool.len().unwrap_or(*of_unlimited).min(limit.unwrap_or(u64::MAX));
    let variants = if prepare.flip { 2 } else { 1 };
    let Size { width, height } = prepare.size;
    let shape = codec.info.network.latent_shape(height, width)?;
    let name = pool.info().name.clone();
    // The content identifies data; those that are generated have their name alone.
    let identity = &pool.info().identity;
    let data = if identity.is_empty() { &name } else { identity };
    let key = format!("v{VERSION} {hash} {data} {width}x{height}x{} {images} {variants}", prepare.channels);
    let (data, contents_file) = (folder.join("latents.f32"), folder.join("latents.json"));
    let need = images * variants * (shape.iter().product::<usize>() * 4) as u64;
    if let Some(contents) = known(&contents_file, &key)
        && (contents.images, contents.variants, contents.shape) == (images, variants, shape)
        && let Some(file) = whole(&data, need, &contents, stop)?
    {
        return Ok(Arc::new(Stored { contents, file: Mutex::new(file) }));
    }
    create_folder(folder)?;
    let failed = |error: std::io::Error| write_error(&data, need, &error);
    // Without its description nobody takes the half of new latents for the whole of old ones.
    if contents_file.exists() {
        disk::remove_file(&contents_file).map_err(failed)?;
    }
    let mut file = Output::create(&data).map_err(failed)?;
    let mut sum = blake3::Hasher::new();
    let (mut labels, mut captions) = (Vec::new(), Vec::new());
    for first in (0..images).step_by(AT_ONCE as usize) {
        check(stop)?;
        let batch = pool.batch(first..(first + AT_ONCE).min(images))?;
        let mut both = vec![encoded_batch(codec, &batch, device)?];
        if variants == 2 {
            both.push(encoded_batch(codec, &mirrored(&batch), device)?);
        }
        let size = shape.iter().product::<usize>();
        let mut bytes = Vec::new();
        for image in 0..batch.shape[0] {
            for variant in &both {
                let values = &variant.pixels[image * size..(image + 1) * size];
                bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
        }
        file.write_all(&bytes).map_err(failed)?;
        sum.update(&bytes);
        labels.extend(batch.labels);
        captions.extend(batch.captions);
        let done = (first + AT_ONCE).min(images);
        if done / TELL > first / TELL || done == images {
            tell(done, images);
        }
    }
    file.sync().map_err(failed)?;
    let sum = summed(sum, &labels, &captions);
    let contents = Contents { key, name, images, variants, shape, labels, captions, sum };
    let text = serde_json::to_vec(&contents).expect("plain values");
    replace_file(&contents_file, &text)?;
    let file = File::open(&data).map_err(failed)?;
    Ok(Arc::new(Stored { contents, file: Mutex::new(file) }))
}

fn check(stop: &Stop) -> Result<()> {
    let Some(signal) = stop.signal() else { return Ok(()) };
    Err(Error::new(ErrorKind::Interrupted(signal), "stopped while images were encoded")
        .hint("run the same command to begin again"))
}

/// The sum of latents, with what belongs to them.
fn summed(mut latents: blake3::Hasher, labels: &[Option<u32>], captions: &[Option<String>]) -> String {
    latents.update(&serde_json::to_vec(&(labels, captions)).expect("plain values"));
    latents.finalize().to_hex().to_string()
}

/// The file `path` of latents, where it is that of `contents`.
fn whole(path: &Path, size: u64, contents: &Contents, stop: &Stop) -> Result<Option<File>> {
    if !std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == size) {
        return Ok(None);
    }
    let Ok(file) = File::open(path) else { return Ok(None) };
    if contents.sum.is_empty() {
        return Ok(Some(file));
    }
    let (mut sum, mut reader, mut part) = (blake3::Hasher::new(), &file, vec![0; AT_A_TIME]);
    loop {
        check(stop)?;
        match reader.read(&mut part) {
            Ok(0) => break,
            Ok(read) => drop(sum.update(&part[..read])),
            Err(_) => return Ok(None),
        }
    }
    let same = summed(sum, &contents.labels, &contents.captions) == contents.sum;
    Ok(same.then_some(file))
}

fn known(file: &Path, key: &str) -> Option<Contents> {
    let contents: Contents = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    let whole =
        contents.labels.len() as u64 == contents.images && contents.captions.len() == contents.labels.len();
    (contents.key == key && whole).then_some(contents)
}

/// The same batch with latents in place of pixels.
pub(crate) fn encoded_batch(codec: &Codec, batch: &Batch, device: &Device) -> Result<Batch> {
    let latents = codec.encode(signed_to_batch(batch.pixels.clone(), batch.shape, device))?;
    let shape = latents.dims();
    let pixels = latents.try_into_vec_as::<f32>().expect("a float tensor holds floats");
    Ok(Batch { pixels, shape, ..batch.clone() })
}

/// The same images seen in a mirror.
fn mirrored(batch: &Batch) -> Batch {
    let mut turned = batch.clone();
    turned.pixels.chunks_exact_mut(batch.shape[3]).for_each(<[f32]>::reverse);
    turned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latents_are_mirrored_where_images_are() {
        let mut file = tempfile::tempfile().unwrap();
        // One image: 0 as it is, 1 mirrored.
        file.write_all(&[0.0_f32, 1.0].map(f32::to_le_bytes).concat()).unwrap();
        let contents = |variants| Contents {
            key: String::new(),
            name: String::new(),
            images: 1,
            variants,
            shape: [1, 1, 1],
            labels: vec![None],
            captions: vec![None],
            sum: String::new(),
        };
        let stored = Stored { contents: contents(2), file: Mutex::new(file) };
        let shown = stored.showing(5, 100, 64).unwrap().pixels;
        let mirrored: Vec<f32> =
            (100..164).map(|number| f32::from(u8::from(is_mirrored(5, number)))).collect();
        assert_eq!(shown, mirrored);
        assert!(mirrored.contains(&0.0) && mirrored.contains(&1.0));
        let plain = Stored { contents: contents(1), ..stored };
        assert_eq!(plain.showing(5, 100, 64).unwrap().pixels, [0.0; 64]);
    }
}
