//! How a data set is divided: a part that features may be trained on, real images to compare with, as many others that
//! were held out, and all that a model may have copied.

use std::collections::BTreeMap;
use std::sync::Mutex;

use langevin_core::{Error, Image, Result};
use langevin_data::order::{Purpose, bits};
use langevin_data::{Batch, Held, Pool};
use langevin_eval::{Chunk, Features, Gallery, Rows, Sample};

/// Images of one chunk on the way through the features.
pub(super) const CHUNK: usize = 256;
/// Most images set aside for training features.
const MOST_FOR_FEATURES: u64 = 32_768;

/// The parts of a data set.
pub(super) struct Parts {
    /// What features are trained on; no other part shares its images, except the gallery.
    pub(super) features: Pool,
    /// Real images to compare with.
    pub(super) reference: Pool,
    /// As many others.
    pub(super) held: Pool,
    /// How many these two have.
    pub(super) count: usize,
    /// Everything but the held-out images; none for an unlimited set.
    gallery: Option<[Pool; 2]>,
}

impl Parts {
    /// Divides `pool` for comparing up to `count` images; `train` leaves a part for training features.
    ///
    /// # Errors
    /// Usage, when there are too few images.
    pub(super) fn new(pool: &Pool, count: usize, train: bool, seed: u64) -> Result<Self> {
        let key = |part: u64| bits(seed, Purpose::Holdout, part);
        let Some(all) = pool.len() else {
            let split = |part| Ok::<_, Error>(pool.split(Held::Count(count as u64), key(part))?.1);
            let (reference, held) = (split(0)?, split(1)?);
            return Ok(Self { features: pool.clone(), reference, held, count, gallery: None });
        };
        let too_few = || {
            Error::usage(format!("{}: {all} images are too few to compare with", pool.info().name))
                .hint("at least 8 are needed")
        };
        if all < 8 {
            return Err(too_few());
        }
        // Which images these are depends on the set alone, so that trained features can be kept.
        let (rest, features) = if train {
            pool.split(Held::Count((all / 2).min(MOST_FOR_FEATURES)), 0)?
        } else {
            let (rest, one) = pool.split(Held::Count(1), 0)?;
            (rest, one)
        };
        let half = rest.len().unwrap_or(0) / 2;
        let count = half.min(count as u64);
        let (rest, held) = rest.split(Held::Count(count), key(0))?;
        let reference =
            if rest.len() == Some(count) { rest.clone() } else { rest.split(Held::Count(count), key(1))?.1 };
        let gallery = Some([features.clone(), rest]);
        Ok(Self { features, reference, held, count: count as usize, gallery })
    }

    /// The images that may have been copied, described by `features`; none for an unlimited set.
    pub(super) fn gallery<'a>(&'a self, features: &'a dyn Features) -> Option<Wall<'a>> {
        let pools = self.gallery.as_ref()?;
        Some(Wall { pools, features, described: Mutex::default() })
    }
}

/// All training images, with their features once they were asked for.
pub(super) struct Wall<'a> {
    pools: &'a [Pool; 2],
    features: &'a dyn Features,
    described: Mutex<BTreeMap<(usize, usize), Rows>>,
}

impl Wall<'_> {
    fn images(&self, from: usize, to: usize) -> Result<Vec<Image>> {
        let mut found = Vec::with_capacity(to - from);
        let mut start = 0;
        for pool in self.pools {
            let len = pool.len().unwrap_or(0) as usize;
            let (first, last) = (from.max(start), to.min(start + len));
            if first < last {
                found.extend(images(&pool.batch((first - start) as u64..(last - start) as u64)?));
            }
            start += len;
        }
        Ok(found)
    }
}

impl Gallery for Wall<'_> {
    fn len(&self) -> usize {
        self.pools.iter().map(|pool| pool.len().unwrap_or(0) as usize).sum()
    }

    fn chunk(&self, from: usize, to: usize, features: bool) -> Result<Chunk> {
        let images = self.images(from, to)?;
        if !features {
            return Ok(Chunk { images, rows: None });
        }
        let kept = self.described.lock().ok().and_then(|kept| kept.get(&(from, to)).cloned());
        let rows = match kept {
            Some(rows) => rows,
            None => {
                let rows = self.features.describe(&images)?.rows;
                if let Ok(mut kept) = self.described.lock() {
                    kept.insert((from, to), rows.clone());
                }
                rows
            }
        };
        Ok(Chunk { images, rows: Some(rows) })
    }
}

/// What is looked at in a sample.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    /// The features, where they are needed.
    pub(super) features: Option<&'a dyn Features>,
    /// Whether the images are kept.
    pub(super) keep: bool,
}

impl Look<'_> {
    /// Adds `images` to `sample`.
    ///
    /// # Errors
    /// As [`Features::describe`].
    pub(super) fn add(self, sample: &mut Sample, images: Vec<Image>, labels: &[Option<u32>]) -> Result<()> {
        let described = match self.features {
            Some(features) => features.describe(&images)?,
            None => langevin_eval::Described::default(),
        };
        sample.append(images, labels, described, self.keep);
        Ok(())
    }
}

/// Images of a pool that were looked at.
pub(super) struct Gathered {
    /// The images.
    pub(super) sample: Sample,
    /// The same with their pixels shuffled; empty where that was not asked for.
    pub(super) shuffled: Sample,
    /// The caption of each image.
    pub(super) captions: Vec<Option<String>>,
}

/// `count` images of `pool` in an order of `seed`, and with `shuffle` the same with their pixels shuffled.
///
/// # Errors
/// Bad input, when images cannot be read; what `progress`, called with the share that is done, says.
pub(super) fn gather(
    pool: &Pool,
    count: usize,
    look: Look<'_>,
    shuffle: bool,
    seed: u64,
    mut progress: impl FnMut(f64) -> Result<()>,
) -> Result<Gathered> {
    let mut sample = Sample::new(&pool.info().name);
    let mut captions = Vec::new();
    let mut other = Sample::new(format!("{} with shuffled pixels", pool.info().name));
    for first in (0..count).step_by(CHUNK) {
        progress(first as f64 / count as f64)?;
        let batch = pool.showing(seed, first as u64, CHUNK.min(count - first))?;
        let images = images(&batch);
        if shuffle {
            let shuffled = Sample::shuffled(&images, seed, first as u64);
            look.add(&mut other, shuffled, &batch.labels)?;
        }
        look.add(&mut sample, images, &batch.labels)?;
        captions.extend(batch.captions);
    }
    sample.captions = captions.iter().cloned().collect();
    other.captions.clone_from(&sample.captions);
    Ok(Gathered { sample, shuffled: other, captions })
}

/// The images of a batch.
pub(super) fn images(batch: &Batch) -> Vec<Image> {
    let [_, channels, height, width] = batch.shape;
    let one = |pixels: &[f32]| Image::from_signed(pixels, channels, height, width);
    batch.pixels.chunks_exact(channels * height * width).map(one).collect()
}
