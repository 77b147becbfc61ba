//! The usable images of a set, made ready: which ones they are is fixed before training begins, each is decoded
//! once while they fit into memory, and a part can be held out for validation.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use langevin_core::{LeftAside, Stop};
use rayon::prelude::*;

use crate::order::{self, Permutation, Purpose};
use crate::split::OPENING;
use crate::transforms::{Cut, Prepare, cut, fit};
use crate::{DataInfo, Dataset, Error, Image, Result, Size};

/// Receives each image that is passed over.
pub type OnSkip = Arc<dyn Fn(&Skipped) + Send + Sync>;

/// How a [`Pool`] is made.
pub struct PoolOptions {
    /// Most bytes of prepared images kept in memory; default 1 GiB.
    pub cache_bytes: u64,
    /// All images are tried before training when their files have at most this many bytes, default 512 MiB;
    /// of a larger set a spread of 256 is tried, and the rest as they come up.
    pub check_bytes: u64,
    /// Whether one image that cannot be read is an error. All are tried then, whatever their size.
    pub strict: bool,
    /// Whether captions are kept and handed out; default yes.
    pub captions: bool,
    /// Receives each image that is passed over, once.
    pub on_skip: Option<OnSkip>,
    /// Ends the trying of images.
    pub stop: Stop,
}

impl PoolOptions {
    /// The defaults, ended by `stop`.
    pub fn stopped_by(stop: &Stop) -> Self {
        Self { stop: stop.clone(), ..Self::default() }
    }
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 1 << 30,
            check_bytes: 512 << 20,
            strict: false,
            captions: true,
            on_skip: None,
            stop: Stop::new(),
        }
    }
}

impl std::fmt::Debug for PoolOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PoolOptions").field("strict", &self.strict).finish_non_exhaustive()
    }
}

/// An image that was passed over.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Skipped {
    /// Its index in the data set.
    pub index: u64,
    /// Its name and what is wrong with it.
    pub reason: String,
}

/// How much is held out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Held {
    /// So many images.
    Count(u64),
    /// This share of a finite set, from 0 to 1.
    Fraction(f64),
}

/// Images side by side, ready for a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Image after image, each in planes (channel, height, width), in [-1, 1].
    pub pixels: Vec<f32>,
    /// Images, channels, height, width.
    pub shape: [usize; 4],
    /// The class of each image.
    pub labels: Vec<Option<u32>>,
    /// What each image shows, in words.
    pub captions: Vec<Option<String>>,
    /// The number of the first image: images seen before this batch.
    pub first_image: u64,
}

/// An image in its final size, with what belongs to it.
#[derive(Debug)]
struct Ready {
    image: Image,
    label: Option<u32>,
    caption: Option<String>,
}

/// The images of a data set that can be used, made ready. Cheap to clone; clones share the memory.
#[derive(Clone)]
pub struct Pool {
    shared: Arc<Shared>,
    members: Members,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = &self.info().name;
        f.debug_struct("Pool").field("name", name).field("len", &self.len()).finish_non_exhaustive()
    }
}

struct Shared {
    dataset: Arc<dyn Dataset>,
    prepare: Prepare,
    cache: Vec<OnceLock<Arc<Ready>>>,
    cached_bytes: AtomicU64,
    cache_bytes: u64,
    skipped: Mutex<BTreeMap<u64, Skipped>>,
    captions: bool,
    on_skip: Option<OnSkip>,
    /// While all images are tried in parallel nothing is reported, so that reports have an order.
    checking: AtomicBool,
}

#[derive(Debug, Clone)]
enum Members {
    /// These images, by index.
    Listed(Arc<Vec<u64>>),
    /// `len` images (`None`: without end) from `first`.
    Run { first: u64, len: Option<u64> },
}

/// Images of a large batch that are read before it is looked whether to stop.
const PART: u64 = 64;
/// Where the held-out part of an unlimited set begins.
const HELD_FROM: u64 = 1 << 62;
/// Images remembered by index at most; larger sets are read anew each time.
const CACHE_SLOTS: u64 = 1 << 24;

impl Pool {
    /// Tries the images of `dataset` and keeps what can be used.
    ///
    /// # Errors
    /// Usage when `prepare` is impossible; bad input, naming the set, when no image can be read, or with
    /// `strict` when one cannot. Interrupted.
    pub fn new(dataset: Arc<dyn Dataset>, prepare: Prepare, options: PoolOptions) -> Result<Self> {
        prepare.check()?;
        let len = dataset.info().len;
        let slots = len.filter(|n| *n <= CACHE_SLOTS && options.cache_bytes > 0).unwrap_or(0);
        let shared = Arc::new(Shared {
            cache: (0..slots).map(|_| OnceLock::new()).collect(),
            dataset,
            prepare,
            cached_bytes: AtomicU64::new(0),
            cache_bytes: options.cache_bytes,
            skipped: Mutex::default(),
            captions: options.captions,
            on_skip: options.on_skip,
            checking: AtomicBool::new(true),
        });
        let mut pool = Self { shared, members: Members::Run { first: 0, len } };
        if let Some(n) = len {
            pool.check(n, options.check_bytes, options.strict, &options.stop)?;
        }
        pool.shared.checking.store(false, Ordering::Relaxed);
        Ok(pool)
    }

    /// What is known of the data set; its `len` counts unusable images too.
    pub fn info(&self) -> &DataInfo {
        self.shared.dataset.info()
    }

    /// The usable images; `None` is unlimited.
    pub fn len(&self) -> Option<u64> {
        match &self.members {
            Members::Listed(list) => Some(list.len() as u64),
            Members::Run { len, .. } => *len,
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// How images are made ready.
    pub fn prepare(&self) -> &Prepare {
        &self.shared.prepare
    }

    /// The images passed over up to now, in the order of the set.
    pub fn skipped(&self) -> Vec<Skipped> {
        self.shared.skipped.lock().map(|map| map.values().cloned().collect()).unwrap_or_default()
    }

    /// What was there and is not used, as far as it is known now. An image that cannot be read is in [`Pool::skipped`].
    pub fn left_aside(&self) -> LeftAside {
        self.shared.dataset.left_aside()
    }

    /// Splits off a held-out part: (the rest, the held-out part). Which images these are depends on `seed` and
    /// the number of images alone.
    ///
    /// # Errors
    /// Usage when nothing would be left, or a fraction of an unlimited set is asked for.
    pub fn split(&self, held: Held, seed: u64) -> Result<(Pool, Pool)> {
        let with = |members| Pool { shared: self.shared.clone(), members };
        let Some(n) = self.len() else {
            let Held::Count(count) = held else {
                let error =
                    Error::usage(format!("{} is unlimited, so no share of it exists", self.info().name));
                return Err(error.hint("hold out a number of images"));
            };
            let first = HELD_FROM + (order::bits(seed, Purpose::Holdout, 0) >> 3);
            return Ok((self.clone(), with(Members::Run { first, len: Some(count) })));
        };
        let count = match held {
            Held::Count(count) => count,
            Held::Fraction(share) if (0.0..=1.0).contains(&share) => (n as f64 * share).round() as u64,
            Held::Fraction(share) => {
                return Err(Error::usage(format!("a share of {share} must lie in [0, 1]")));
            }
        };
        if count >= n {
            let error =
                Error::usage(format!("cannot hold out {count} of the {n} images of {}", self.info().name));
            return Err(error.hint("hold out fewer"));
        }
        let shuffled = Permutation::new(n, order::bits(seed, Purpose::Holdout, n));
        let mut out = vec![false; n as usize];
        (0..count).for_each(|k| out[shuffled.at(k) as usize] = true);
        let list = |wanted: bool| {
            let chosen = (0..n).filter(|p| out[*p as usize] == wanted).map(|p| self.index_at(p)).collect();
            with(Members::Listed(Arc::new(chosen)))
        };
        Ok((list(false), list(true)))
    }

    /// Images `positions` of the pool in their own order, from the middle and not mirrored: what validation and
    /// sample grids are made of.
    ///
    /// # Errors
    /// As [`Pool::showing`], and usage past the end.
    pub fn batch(&self, positions: std::ops::Range<u64>) -> Result<Batch> {
        if self.len().is_some_and(|n| positions.end > n) {
            let (n, end) = (self.len().unwrap_or(0), positions.end);
            return Err(Error::usage(format!("{}: image {end} is past the end, {n}", self.info().name)));
        }
        let first_image = positions.start;
        let showings: Vec<_> = positions.map(|position| (position, position, Cut::CENTRE)).collect();
        self.gather(&showings, 0, first_image)
    }

    /// As [`Pool::batch`], a part at a time, so that `stop` ends it soon.
    ///
    /// # Errors
    /// As [`Pool::batch`]; interrupted.
    pub fn batch_until(&self, positions: std::ops::Range<u64>, stop: &Stop) -> Result<Batch> {
        let end = positions.end;
        let parts = positions.step_by(PART as usize).map(|from| self.batch(from..end.min(from + PART)));
        joined(parts, stop)
    }

    /// As [`Pool::showing`], a part at a time, so that `stop` ends it soon.
    ///
    /// # Errors
    /// As [`Pool::showing`]; interrupted.
    pub fn showing_until(&self, seed: u64, first_image: u64, count: usize, stop: &Stop) -> Result<Batch> {
        let end = first_image + count as u64;
        let part = |from: u64| self.showing(seed, from, PART.min(end - from) as usize);
        joined((first_image..end).step_by(PART as usize).map(part), stop)
    }

    /// The batch of images `first_image .. first_image + count` of a run with `seed`: shuffled, cropped and
    /// mirrored, each a function of (seed, its number) alone.
    ///
    /// # Errors
    /// Bad input when 64 images in a row cannot be read.
    pub fn showing(&self, seed: u64, first_image: u64, count: usize) -> Result<Batch> {
        let order = order::Order::new(seed, self.len());
        let showing = |k| (k, order.at(k), Cut::at(&self.shared.prepare, seed, k));
        let showings: Vec<_> = (first_image..first_image + count as u64).map(showing).collect();
        self.gather(&showings, seed, first_image)
    }

    fn gather(&self, showings: &[(u64, u64, Cut)], seed: u64, first_image: u64) -> Result<Batch> {
        let prepare = &self.shared.prepare;
        let one = |&(number, position, place): &(u64, u64, Cut)| {
            let ready = self.ready(position, seed, number)?;
            Ok((cut(&ready.image, prepare, place), ready.label, ready.caption.clone()))
        };
        let parts: Vec<_> = showings.par_iter().map(one).collect::<Result<_>>()?;
        let Size { width, height } = prepare.size;
        let mut batch = Batch {
            pixels: Vec::with_capacity(parts.len() * prepare.channels * width * height),
            shape: [parts.len(), prepare.channels, height, width],
            labels: Vec::with_capacity(parts.len()),
            captions: Vec::with_capacity(parts.len()),
            first_image,
        };
        for (pixels, label, caption) in parts {
            batch.pixels.extend(pixels);
            batch.labels.push(label);
            batch.captions.push(caption);
        }
        Ok(batch)
    }

    /// The image at `position`, or when it cannot be read, the stand-in that (seed, number) names.
    fn ready(&self, position: u64, seed: u64, number: u64) -> Result<Arc<Ready>> {
        let mut failure = None;
        for attempt in 0..64u64 {
            let position = match (attempt, self.len()) {
                (0, _) => position,
                (_, None) => position.wrapping_add(attempt),
                (_, Some(n)) => {
                    let key = order::bits(seed, Purpose::StandIn, attempt);
                    order::below(order::bits(key, Purpose::StandIn, number), n)
                }
            };
            match self.shared.ready(self.index_at(position)) {
                Ok(ready) => return Ok(ready),
                Err(error) => failure = Some(error),
            }
        }
        let last = failure.map_or_else(String::new, |error| format!("; the last: {error}"));
        Err(Error::bad_input(format!("{}: 64 images in a row cannot be read{last}", self.info().name)))
    }

    fn index_at(&self, position: u64) -> u64 {
        match &self.members {
            Members::Listed(list) => list.get(position as usize).copied().unwrap_or(u64::MAX),
            Members::Run { first, .. } => first.wrapping_add(position),
        }
    }

    fn check(&mut self, n: u64, check_bytes: u64, strict: bool, stop: &Stop) -> Result<()> {
        let name = self.info().name.clone();
        if n == 0 {
            return Err(Error::bad_input(format!("{name}: there is no image in it")));
        }
        let Some(bytes) = self.shared.dataset.encoded_bytes() else { return Ok(()) };
        let all = strict || bytes <= check_bytes;
        let step = if all { 1 } else { n.div_ceil(256) };
        (0..n.div_ceil(step)).into_par_iter().try_for_each(|k| {
            drop(self.shared.ready(k * step));
            stop.check(OPENING)
        })?;
        let skipped = self.skipped();
        let explain =
            |what: String| Error::bad_input(format!("{name}: {what}; the first: {}", skipped[0].reason));
        if skipped.len() as u64 == n.div_ceil(step) {
            return Err(explain(format!("none of its {n} images can be read")));
        }
        if strict && !skipped.is_empty() {
            return Err(explain(format!("{} of its {n} images cannot be read", skipped.len()))
                .hint("mend or remove them, or leave --strict away to pass over them"));
        }
        if !skipped.is_empty() {
            let bad: std::collections::BTreeSet<u64> = skipped.iter().map(|s| s.index).collect();
            self.members = Members::Listed(Arc::new((0..n).filter(|k| !bad.contains(k)).collect()));
        }
        skipped.iter().for_each(|skipped| self.shared.tell(skipped));
        Ok(())
    }
}

/// The batch that `parts` are of, at least one.
fn joined(mut parts: impl Iterator<Item = Result<Batch>>, stop: &Stop) -> Result<Batch> {
    let mut all = parts.next().unwrap_or_else(|| Err(Error::usage("a batch of no images")))?;
    for part in parts {
        let part = part?;
        stop.check(OPENING)?;
        all.pixels.extend(part.pixels);
        all.labels.extend(part.labels);
        all.captions.extend(part.captions);
        all.shape[0] += part.shape[0];
    }
    Ok(all)
}

impl Shared {
    fn ready(&self, index: u64) -> Result<Arc<Ready>> {
        let slot = usize::try_from(index).ok().and_then(|at| self.cache.get(at));
        if let Some(ready) = slot.and_then(OnceLock::get) {
            return Ok(ready.clone());
        }
        let item = self.dataset.item(index);
        let made = item.and_then(|item| {
            let image = fit(&item.image, &self.prepare).map_err(|e| e.within(&item.name))?;
            let caption = item.caption.filter(|_| self.captions);
            Ok(Arc::new(Ready { image, label: item.label, caption }))
        });
        match (made, slot) {
            (Ok(ready), Some(slot)) => {
                let bytes = ready.bytes();
                if self.cached_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes <= self.cache_bytes {
                    return Ok(slot.get_or_init(|| ready).clone());
                }
                self.cached_bytes.fetch_sub(bytes, Ordering::Relaxed);
                Ok(ready)
            }
            (Ok(ready), None) => Ok(ready),
            (Err(error), _) => {
                let skipped = Skipped { index, reason: error.message().to_owned() };
                let new =
                    self.skipped.lock().is_ok_and(|mut map| map.insert(index, skipped.clone()).is_none());
                if new && !self.checking.load(Ordering::Relaxed) {
                    self.tell(&skipped);
                }
                Err(error)
            }
        }
    }

    fn tell(&self, skipped: &Skipped) {
        if let Some(on_skip) = &self.on_skip {
            on_skip(skipped);
        }
    }
}

impl Ready {
    fn bytes(&self) -> u64 {
        let samples = self.image.samples.len() * self.image.samples.bits() as usize / 8;
        (samples + self.caption.as_ref().map_or(0, String::len) + 128) as u64
    }
}
