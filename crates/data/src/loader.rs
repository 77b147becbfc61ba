//! Batches made ahead of time on a thread of their own.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use crate::{Batch, Error, Pool, Result};

/// What images come from: each image of a run is a function of the seed and its number.
pub trait BatchSource: std::fmt::Debug + Send + Sync {
    /// What to call it in messages.
    fn name(&self) -> String;

    /// Whether there is nothing in it.
    fn is_empty(&self) -> bool;

    /// The batch of images `first_image .. first_image + count` of a run with `seed`.
    ///
    /// # Errors
    /// Bad input, when they cannot be read.
    fn showing(&self, seed: u64, first_image: u64, count: usize) -> Result<Batch>;
}

impl BatchSource for Pool {
    fn name(&self) -> String {
        self.info().name.clone()
    }

    fn is_empty(&self) -> bool {
        Pool::is_empty(self)
    }

    fn showing(&self, seed: u64, first_image: u64, count: usize) -> Result<Batch> {
        Pool::showing(self, seed, first_image, count)
    }
}

/// How a [`Loader`] goes through a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoaderOptions {
    /// Images in a batch.
    pub batch: usize,
    /// The seed of order, crops and mirroring.
    pub seed: u64,
    /// Images shown before; the first batch begins with this one.
    pub images_seen: u64,
    /// Batches kept ready, at least 1.
    pub prefetch: usize,
}

impl Default for LoaderOptions {
    /// Batches of 64 from the start, seed 0, two kept ready.
    fn default() -> Self {
        Self { batch: 64, seed: 0, images_seen: 0, prefetch: 2 }
    }
}

/// An endless sequence of batches. What each holds is a function of the pool, the seed and the number of its first
/// image, so a loader started at any `images_seen` goes on exactly where another left off.
#[derive(Debug)]
pub struct Loader {
    batches: Option<Receiver<Result<Batch>>>,
    thread: Option<JoinHandle<()>>,
}

impl Loader {
    /// Starts loading.
    ///
    /// # Errors
    /// Usage when the batch is empty or the pool has no images; failed when no thread can be started.
    pub fn new(pool: &Pool, options: LoaderOptions) -> Result<Self> {
        Self::of(Arc::new(pool.clone()), options)
    }

    /// Starts loading from something that is not images of files.
    ///
    /// # Errors
    /// As [`Loader::new`].
    pub fn of(source: Arc<dyn BatchSource>, options: LoaderOptions) -> Result<Self> {
        if options.batch == 0 {
            return Err(Error::usage("a batch of 0 images cannot be trained on"));
        }
        if source.is_empty() {
            return Err(Error::usage(format!("{}: there is no image to train on", source.name())));
        }
        let (sender, receiver) = sync_channel(options.prefetch.max(1));
        let work = move || {
            let mut first = options.images_seen;
            loop {
                let batch = source.showing(options.seed, first, options.batch);
                first += options.batch as u64;
                let failed = batch.is_err();
                if sender.send(batch).is_err() || failed {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("loader".into()).spawn(work);
        let thread = thread.map_err(|e| Error::failed(format!("cannot start the loading thread: {e}")))?;
        Ok(Self { batches: Some(receiver), thread: Some(thread) })
    }

    /// The next batch, waiting for it if it is not ready.
    ///
    /// # Errors
    /// As [`Pool::showing`]; after an error there are no more batches.
    pub fn next_batch(&mut self) -> Result<Batch> {
        let batch = self.batches.as_ref().and_then(|batches| batches.recv().ok());
        batch.unwrap_or_else(|| Err(Error::failed("loading has stopped")))
    }
}

impl Iterator for Loader {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.next_batch())
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        // The thread ends at its next send once nobody listens.
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
