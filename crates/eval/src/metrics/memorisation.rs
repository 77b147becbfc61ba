//! Whether training images were copied. For each judged image the nearest and second nearest training images are
//! found among all of them, by pixels and by features. An image counts as a copy when it lies nearer to one training
//! image than a third of the way to any other (Yoon et al. 2023, "Diffusion probabilistic models generalize when they
//! fail to memorize", section 3), or when it is one to within `copy` grey levels.
//!
//! The floor says how often, and how near, real images that were held out come to the training images.

use langevin_core::registry::{Entry, OptionDoc, Options};
use langevin_core::{Error, Result};

use super::require;
use crate::metric::{Better, Case, Measured, Metric, Nearest, Needs, Value};
use crate::nearest::Search;
use crate::sample::pixel_rows;
use crate::statistics::{bootstrap, median, share};

pub(super) const ENTRY: Entry<dyn Metric> = Entry {
    name: "memorisation",
    aliases: &["memorization", "copies"],
    summary: "share of images that copy a training image, and median distances to the nearest one",
    source: "Yoon et al. 2023, section 3 (ICML workshop SPIGM)",
    options: &[
        OptionDoc {
            key: "ratio",
            default: "0.3333",
            doc: "a copy is nearer than this share of the second distance",
        },
        OptionDoc {
            key: "copy",
            default: "2",
            doc: "or differs by no more than this, of 255, root mean square",
        },
        OptionDoc { key: "features", default: "true", doc: "search by features too" },
    ],
    build: |options| Ok(Box::new(Memorisation::new(options)?)),
    ..Entry::BLANK
};

/// Training images at once.
const CHUNK: usize = 512;

#[derive(Debug)]
struct Memorisation {
    ratio: f64,
    copy: f64,
    features: bool,
}

impl Memorisation {
    fn new(options: &Options) -> Result<Self> {
        let (ratio, copy) = (options.number("ratio", 0.0, 1.0)?, options.number("copy", 0.0, 255.0)?);
        Ok(Self { ratio, copy, features: options.get("features")? })
    }
}

impl Metric for Memorisation {
    fn values(&self) -> &'static [&'static str] {
        if self.features {
            &["copied", "nearest_pixels", "nearest_features"]
        } else {
            &["copied", "nearest_pixels"]
        }
    }

    fn needs(&self) -> Needs {
        Needs { pixels: true, features: self.features, gallery: true, ..Needs::default() }
    }

    fn measure(&self, case: &Case<'_>) -> Result<Measured> {
        require(case, 1)?;
        let Some(gallery) = case.gallery.filter(|gallery| gallery.len() >= 2) else {
            return Err(Error::usage("memorisation: there are no training images to compare with")
                .hint("it needs finite --data of at least a few images"));
        };
        let pixels = case.judged.pixels()?;
        let mut by_pixels = Search::new(&pixels);
        let mut by_features = self.features.then(|| Search::new(&case.judged.rows));
        for from in (0..gallery.len()).step_by(CHUNK) {
            let chunk = gallery.chunk(from, (from + CHUNK).min(gallery.len()), self.features)?;
            by_pixels.visit(&pixel_rows(&chunk.images)?, from);
            if let (Some(search), Some(rows)) = (&mut by_features, &chunk.rows) {
                search.visit(rows, from);
            }
        }
        // The root of the mean over the pixels, in levels of 255.
        let level = |squared: f64| (squared / pixels.width() as f64).sqrt() * 127.5;
        let found = by_pixels.found();
        let nearest = |(judged, found): (usize, &crate::nearest::Found)| {
            let distance = level(found.nearest);
            // Two equal training images are equally near, and a ratio says nothing.
            let ratio = if found.second > 0.0 { (found.nearest / found.second).sqrt() } else { 1.0 };
            let copied = distance <= self.copy || ratio < self.ratio;
            Nearest { judged, training: found.index, distance, ratio, copied }
        };
        let mut all: Vec<Nearest> = found.iter().enumerate().map(nearest).collect();
        let distances: Vec<f64> = all.iter().map(|one| one.distance).collect();
        let copies = share(all.iter().filter(|one| one.copied).count(), all.len());
        let count = all.len();
        let value = |name, value, error, better| Value { name, value, error, count, better };
        let middle = |name, distances: &[f64]| {
            let error = Some(bootstrap(distances, case.seed, median));
            value(name, median(distances), error, Better::Higher)
        };
        let mut values =
            vec![value("copied", copies.0, copies.1, Better::Lower), middle("nearest_pixels", &distances)];
        if let Some(search) = by_features {
            let distances: Vec<f64> = search.found().iter().map(|found| found.nearest.sqrt()).collect();
            values.push(middle("nearest_features", &distances));
        }
        let order = |one: &Nearest| (!one.copied, one.ratio.min(one.distance / 255.0 * 3.0));
        all.sort_by(|a, b| order(a).partial_cmp(&order(b)).unwrap_or(std::cmp::Ordering::Equal));
        Ok(Measured { values, nearest: all })
    }
}
