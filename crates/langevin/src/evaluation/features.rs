//! What `--features` names: a classifier trained on the data, random convolutions, or Inception's weights in a file.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use langevin_core::{
    Error, Image, NamedTensors, Result, Size, Workers, path_of, signed_to_batch, tensor_file,
};
use langevin_data::Pool;
use langevin_eval::{Described, Features, Rows};
use safetensors::{Dtype, SafeTensors};
use serde_json::json;

use super::classifier::Classifier;
use super::fit::{self, Length, Task};
use super::inception::{self, Inception};
use super::random::RandomMaps;

/// Images seen when a classifier is trained.
const IMAGES: u64 = 24_576;
/// Images that features are scaled by.
const SCALED_BY: u64 = 1024;
/// Images of one pass through a network.
const PASS: usize = 32;
/// Counted up when the network or its training changes, so that older files are not taken for newer ones.
const VERSION: u32 = 1;

/// Which features.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeatureSpec {
    /// A classifier trained on the data: of its classes, or of quarter turns where it has none.
    Own {
        /// Images seen in its training.
        images: u64,
    },
    /// Random convolutions.
    Random {
        /// Their seed.
        seed: u64,
    },
    /// Inception's weights, in a safetensors file.
    Inception(PathBuf),
}

impl FeatureSpec {
    /// Reads `own`, `own:images=N`, `random`, `random:seed=N` or the path of a file.
    ///
    /// # Errors
    /// Usage, when it is none of these.
    pub fn parse(text: &str) -> Result<Self> {
        let (name, options) = text.split_once(':').unwrap_or((text, ""));
        let number = |key: &str, default: u64| match options.split_once('=') {
            None if options.is_empty() => Ok(default),
            Some((given, value)) if given == key => value.parse::<u64>().map_err(|_| value.to_owned()),
            _ => Err(options.to_owned()),
        };
        let bad = |what: String| Error::usage(format!("--features {text}: \"{what}\" is not understood"));
        match name {
            "own" => match number("images", IMAGES).map_err(bad)? {
                images @ 1..=1_000_000_000 => Ok(Self::Own { images }),
                images => Err(bad(images.to_string())),
            },
            "random" => Ok(Self::Random { seed: number("seed", 0).map_err(bad)? }),
            _ if path_of(text).is_file() => Ok(Self::Inception(path_of(text))),
            _ if text.contains(['/', '.']) => {
                Err(Error::bad_input(format!("{text}: there is no such file"))
                    .hint("give own, random or a file"))
            }
            _ => Err(Error::usage(format!("no features are called \"{text}\""))
                .hint("there are own, random, or the path of a safetensors file with Inception's weights")),
        }
    }
}

/// A network whose features are the means of its maps.
struct Maps<F> {
    name: String,
    classes: usize,
    lanes: Workers,
    device: Device,
    /// Whether images are brought to Inception's size.
    resize: bool,
    /// What is taken from each feature, and what it is multiplied by.
    scale: Option<(Vec<f32>, Vec<f32>)>,
    forward: F,
}

impl<F: Fn(Tensor<4>) -> (Tensor<2>, Option<Tensor<2>>) + Send + Sync> Features for Maps<F> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn classes(&self) -> usize {
        self.classes
    }

    fn describe(&self, images: &[Image]) -> Result<Described> {
        let passes: Vec<&[Image]> = images.chunks(if self.resize { PASS / 8 } else { PASS }).collect();
        let found = self.lanes.run(passes, |images| {
            let first = &images[0];
            let (shape, values) = if self.resize {
                let values = images.iter().flat_map(inception::resized).collect();
                ([images.len(), 3, inception::SIDE, inception::SIDE], values)
            } else {
                let values = images.iter().flat_map(Image::to_signed).collect();
                ([images.len(), first.channels, first.height, first.width], values)
            };
            let x = signed_to_batch(values, shape, &self.device);
            let (rows, scores) = (self.forward)(x);
            (rows.dims()[1], numbers(rows), scores.map(|scores| best(scores.dims()[1], &numbers(scores))))
        });
        let mut described = Described::default();
        for (width, mut values, read) in found {
            if let Some((shift, factor)) = &self.scale {
                for row in values.chunks_exact_mut(width) {
                    row.iter_mut().zip(shift.iter().zip(factor)).for_each(|(v, (s, f))| *v = (*v - s) * f);
                }
            }
            described.rows.append(Rows::new(width, values)?);
            if let Some(read) = read {
                described.read.get_or_insert_default().extend(read);
            }
        }
        Ok(described)
    }
}

fn numbers(tensor: Tensor<2>) -> Vec<f32> {
    tensor.try_into_vec_as::<f32>().expect("a float tensor holds floats")
}

/// The number of the highest score of each row.
fn best(width: usize, scores: &[f32]) -> Vec<u32> {
    let top = |row: &[f32]| {
        let better = |best: usize, at: usize| if row[at] > row[best] { at } else { best };
        (0..width).fold(0, better) as u32
    };
    scores.chunks_exact(width).map(top).collect()
}

/// The classes that `network` reads in `images`.
///
/// # Errors
/// Failed, when the system gives no threads.
pub(super) fn read(network: &Classifier, images: &[Image], device: &Device) -> Result<Vec<u32>> {
    let lanes = Workers::new(rayon::current_num_threads())?;
    let forward = |x| {
        let (rows, scores) = network.forward(x);
        (rows, Some(scores))
    };
    let maps = Maps {
        name: String::new(),
        classes: 0,
        lanes,
        device: device.clone(),
        resize: false,
        scale: None,
        forward,
    };
    Ok(maps.describe(images)?.read.unwrap_or_default())
}

/// Random convolutions for images with `channels`.
///
/// # Errors
/// Failed, when the system gives no threads.
pub(super) fn random(channels: usize, seed: u64, device: &Device) -> Result<Box<dyn Features>> {
    let maps = RandomMaps::new(channels, seed, device);
    let lanes = Workers::new(rayon::current_num_threads())?;
    let name = format!("random convolutions, seed {seed}");
    let forward = move |x| (maps.forward(x), None);
    Ok(Box::new(Maps {
        name,
        classes: 0,
        lanes,
        device: device.clone(),
        resize: false,
        scale: None,
        forward,
    }))
}

/// Inception with the weights in `file`.
///
/// # Errors
/// Bad input, beginning with the file's name, when it does not hold them.
pub(super) fn inception(file: &Path, device: &Device) -> Result<Box<dyn Features>> {
    let named = |error: Error| error.within(file.display());
    let bytes = langevin_files::read_bounded(file, u64::MAX)?;
    let network = Inception::new(&floats(&bytes).map_err(named)?, device).map_err(named)?;
    let lanes = Workers::new(rayon::current_num_threads())?;
    let name = format!("inception, {}", &blake3::hash(&bytes).to_hex()[..16]);
    let forward = move |x| (network.forward(x), None);
    Ok(Box::new(Maps { name, classes: 0, lanes, device: device.clone(), resize: true, scale: None, forward }))
}

/// The 32-bit tensors of a safetensors file; counters, which are integers, are passed over.
fn floats(bytes: &[u8]) -> Result<NamedTensors> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| {
        Error::bad_input(format!("not a whole safetensors file: {error}"))
            .hint("convert the checkpoint's tensors with safetensors.torch.save_file")
    })?;
    let tensors = file.tensors().into_iter().filter(|(_, view)| view.dtype() == Dtype::F32);
    let values = |data: &[u8]| data.as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect();
    Ok(tensors.map(|(name, view)| (name, (view.shape().to_vec(), values(view.data())))).collect())
}

/// A classifier trained on the images of `pool`, or taken from the folder `cache` where it was trained before.
///
/// # Errors
/// Bad input, when images cannot be read; what `progress`, which gets the share of the training that is done, says.
pub(super) fn own(
    pool: &Pool,
    images: u64,
    cache: Option<&Path>,
    device: &Device,
    mut progress: impl FnMut(f64) -> Result<()>,
) -> Result<Box<dyn Features>> {
    let Size { width, height } = pool.prepare().size;
    let shape = [pool.prepare().channels, height, width];
    let classes = pool.info().classes.len();
    let task = if classes >= 2 { Task::Classes(classes) } else { Task::Turns };
    let identity = identity(pool, task, images)?;
    let file = cache.map(|folder| folder.join(format!("{identity}.safetensors")));
    let stored = file.as_deref().and_then(|file| std::fs::read(file).ok());
    // A file that cannot be read is made again.
    let stored = stored.and_then(|bytes| restore(&bytes, &identity, task, shape, device));
    let (network, scale) = match stored {
        Some(stored) => stored,
        None => {
            let next = |first: u64, count: usize| pool.showing(0, first, count);
            let length = Length { images, seed: 0 };
            let seen_to_share = |seen: u64| progress(seen as f64 / images as f64);
            let network = fit::train(task, shape, length, device, next, seen_to_share)?;
            let scale = scaling(&network, pool, device)?;
            if let (Some(file), Some(folder)) = (&file, cache) {
                // Without a place to keep it, it is trained again the next time.
                let _ = store(&network, &scale, &identity, folder, file);
            }
            (network, scale)
        }
    };
    let kind = match task {
        Task::Classes(count) => format!("own classifier of {count} classes"),
        Task::Turns => "own classifier of quarter turns".to_owned(),
    };
    let read = matches!(task, Task::Classes(_));
    Ok(Box::new(Maps {
        name: format!("{kind}, {identity}"),
        classes: if read { classes } else { 0 },
        lanes: Workers::new(rayon::current_num_threads())?,
        device: device.clone(),
        resize: false,
        scale: Some(scale),
        forward: move |x| {
            let (rows, scores) = network.forward(x);
            (rows, read.then_some(scores))
        },
    }))
}

type Scaling = (Vec<f32>, Vec<f32>);

/// What gives each feature mean 0 and variance 1 over the first images of `pool`.
fn scaling(network: &Classifier, pool: &Pool, device: &Device) -> Result<Scaling> {
    let count = pool.len().unwrap_or(SCALED_BY).min(SCALED_BY);
    let (mut sums, mut seen) = (Vec::<[f64; 2]>::new(), 0.0);
    for first in (0..count).step_by(PASS) {
        let batch = pool.showing(0, first, PASS.min((count - first) as usize))?;
        let (rows, _) = network.forward(signed_to_batch(batch.pixels, batch.shape, device));
        let width = rows.dims()[1];
        sums.resize(width, [0.0; 2]);
        for row in numbers(rows).chunks_exact(width) {
            seen += 1.0;
            for (sum, value) in sums.iter_mut().zip(row) {
                sum[0] += f64::from(*value);
                sum[1] += f64::from(*value) * f64::from(*value);
            }
        }
    }
    let shift = sums.iter().map(|[sum, _]| (sum / seen) as f32).collect();
    let factor = sums.iter().map(|[sum, square]| {
        let variance = (square / seen - (sum / seen).powi(2)).max(0.0);
        // A feature that never varies says nothing.
        if variance > 1e-12 { (1.0 / variance.sqrt()) as f32 } else { 0.0 }
    });
    Ok((shift, factor.collect()))
}

/// A name made of what decides the weights: the data by its content, and the settings.
fn identity(pool: &Pool, task: Task, images: u64) -> Result<String> {
    let count = pool.len().unwrap_or(64).min(64);
    let step = pool.len().unwrap_or(64) / count.max(1);
    let mut hasher = blake3::Hasher::new();
    for index in 0..count {
        let batch = pool.batch(index * step..index * step + 1)?;
        batch.pixels.iter().for_each(|value| {
            hasher.update(&value.to_le_bytes());
        });
    }
    let prepare = pool.prepare();
    let settings = json!({
        "version": VERSION, "task": format!("{task:?}"), "images": images, "pictures": pool.len(),
        "size": prepare.size, "channels": prepare.channels, "classes": pool.info().classes,
    });
    hasher.update(settings.to_string().as_bytes());
    Ok(hasher.finalize().to_hex()[..16].to_owned())
}

fn store(
    network: &Classifier,
    (shift, factor): &Scaling,
    identity: &str,
    folder: &Path,
    file: &Path,
) -> Result<()> {
    let mut tensors = langevin_core::parameters::export(network);
    for (name, values) in [("scale.shift", shift), ("scale.factor", factor)] {
        tensors.insert(name.to_owned(), (vec![values.len()], values.clone().into()));
    }
    let metadata = [("langevin-features".to_owned(), identity.to_owned())].into();
    langevin_files::create_folder(folder)?;
    langevin_files::write_file(file, &tensor_file::encode(&tensors, &metadata, tensor_file::Storage::F32))
}

fn restore(
    bytes: &[u8],
    identity: &str,
    task: Task,
    [channels, height, width]: [usize; 3],
    device: &Device,
) -> Option<(Classifier, Scaling)> {
    let (mut tensors, metadata): (NamedTensors, _) = tensor_file::decode(bytes).ok()?;
    let shift = tensors.remove("scale.shift")?.1;
    let factor = tensors.remove("scale.factor")?.1;
    if metadata.get("langevin-features").map(String::as_str) != Some(identity) || shift.len() != factor.len()
    {
        return None;
    }
    let network = Classifier::new((width, height), channels, task.answers(), 0, device);
    Some((langevin_nn::load(network, &tensors).ok()?, (shift.into_vec(), factor.into_vec())))
}

/// The features that `spec` names, for images with `channels`; those of one's own are learnt on `pool`, or taken from the folder
/// `cache`. `progress` is called with the share of that which is done; its error stops it.
///
/// # Errors
/// Bad input, when images or weights cannot be read. What `progress` says.
pub(crate) fn features_of(
    spec: &FeatureSpec,
    pool: &Pool,
    channels: usize,
    cache: Option<&Path>,
    device: &Device,
    progress: impl FnMut(f64) -> Result<()>,
) -> Result<Box<dyn Features>> {
    match spec {
        FeatureSpec::Own { images } => own(pool, *images, cache, device, progress),
        FeatureSpec::Random { seed } => random(channels, *seed, device),
        FeatureSpec::Inception(file) => inception(file, device),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_read_from_what_users_type() {
        assert_eq!(FeatureSpec::parse("own").unwrap(), FeatureSpec::Own { images: IMAGES });
        assert_eq!(FeatureSpec::parse("own:images=64").unwrap(), FeatureSpec::Own { images: 64 });
        assert_eq!(FeatureSpec::parse("random:seed=7").unwrap(), FeatureSpec::Random { seed: 7 });
        for (bad, code) in [("own:image=4", 2), ("own:images=0", 2), ("inception", 2), ("a/b.safetensors", 3)]
        {
            assert_eq!(FeatureSpec::parse(bad).unwrap_err().exit_code(), code, "{bad}");
        }
    }

    #[test]
    fn an_image_has_the_same_random_features_in_any_company() {
        let device = Device::flex();
        let features = random(3, 0, &device).unwrap();
        let image = |salt: usize| {
            Image::from_u8(9, 12, 3, (0..324).map(|at| ((at * 31 + salt * 77) % 256) as u8).collect())
        };
        let many: Vec<Image> = (0..70).map(image).collect();
        let all = features.describe(&many).unwrap().rows;
        let one = features.describe(&many[66..67]).unwrap().rows;
        assert_eq!((all.len(), all.width()), (70, 384));
        assert_eq!(all.row(66), one.row(0));
        assert_ne!(all.row(66), all.row(65));
    }

    #[test]
    fn own_features_are_kept_and_taken_again() {
        let device = Device::flex();
        let data = langevin_data::open("builtin:shapes", &langevin_data::OpenOptions::default()).unwrap();
        let prepare = langevin_data::Prepare::new(16, 16, 3);
        let pool = Pool::new(data, prepare, langevin_data::PoolOptions::default()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut trained = 0;
        let mut make = || {
            own(&pool, 128, Some(folder.path()), &device, |_| {
                trained += 1;
                Ok(())
            })
            .unwrap()
        };
        let (one, other) = (make(), make());
        assert_eq!((one.name(), one.classes()), (other.name(), 10));
        let image = [Image::from_u8(16, 16, 3, (0..768).map(|at| (at % 256) as u8).collect())];
        assert_eq!(one.describe(&image).unwrap().rows, other.describe(&image).unwrap().rows);
        assert_eq!(trained, 2);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
