//! The data sets that come with the program, drawn and not stored: `builtin:NAME` or `builtin:NAME:key=value,...`.

use std::sync::Arc;

use langevin_core::closed_form::Mixture;
use langevin_core::registry::{Entry, OptionDoc, Registry};

use super::points::Points;
use super::shapes::{Combinations, Shapes};
use crate::{Dataset, Result};

/// The built-in data sets.
pub const BUILTINS: Registry<dyn Dataset> = Registry { kind: "built-in data set", entries: ENTRIES };

const SEED: OptionDoc =
    OptionDoc { key: "seed", default: "0", doc: "which endless sequence, a whole number" };

const ENTRIES: &[Entry<dyn Dataset>] = &[SHAPES, GAUSSIAN, RING8, GRID25];

const SHAPES: Entry<dyn Dataset> = Entry {
    name: "shapes",
    aliases: &[],
    summary: "ten things in eight colours before six scenes, captioned, without end, exactly readable",
    source: "drawn by this program",
    options: &[
        OptionDoc { key: "size", default: "32", doc: "width and height in pixels, 16 to 512" },
        SEED,
        OptionDoc {
            key: "without",
            default: "0",
            doc: "leave out every so many-th combination of thing, colour and scene, to ask a model for it later; 0 leaves out none",
        },
        OptionDoc { key: "only", default: "0", doc: "show nothing but what `without` leaves out" },
    ],
    build: |options| {
        let shown = Combinations::new(options.get("without")?, options.get("only")?)?;
        Ok(Box::new(Shapes::new(options.get("size")?, options.get("seed")?, shown)?))
    },
    ..Entry::BLANK
};

const GAUSSIAN: Entry<dyn Dataset> = Entry {
    name: "gaussian",
    aliases: &[],
    summary: "points of the plane from a Gaussian, as images of one pixel with two channels",
    source: "drawn by this program",
    options: &[SEED],
    build: |options| Ok(Box::new(Points::new("gaussian", Mixture::gaussian(), options.get("seed")?))),
    ..Entry::BLANK
};

const RING8: Entry<dyn Dataset> = Entry {
    name: "ring8",
    aliases: &[],
    summary: "points of the plane from eight clusters on a circle, as images of one pixel with two channels",
    source: "drawn by this program",
    options: &[SEED],
    build: |options| Ok(Box::new(Points::new("ring8", Mixture::ring8(), options.get("seed")?))),
    ..Entry::BLANK
};

const GRID25: Entry<dyn Dataset> = Entry {
    name: "grid25",
    aliases: &[],
    summary: "points of the plane from 25 clusters on a grid, as images of one pixel with two channels",
    source: "drawn by this program",
    options: &[SEED],
    build: |options| Ok(Box::new(Points::new("grid25", Mixture::grid25(), options.get("seed")?))),
    ..Entry::BLANK
};

/// The built-in set that `spec`, what follows `builtin:`, asks for.
pub(crate) fn open(spec: &str) -> Result<Arc<dyn Dataset>> {
    Ok(BUILTINS.build(spec)?.into())
}

#[cfg(test)]
mod tests {
    use super::super::shapes::Truth;
    use super::*;

    #[test]
    fn options_reach_the_set_and_slips_are_named() {
        assert_eq!(open("shapes").unwrap().info().size.to_string(), "32x32");
        let large = open("shapes:size=64,seed=1").unwrap();
        assert_eq!(large.item(0).unwrap().image.width, 64);
        assert_eq!(open("shapes:size=32,seed=0").unwrap().item(9), open("shapes").unwrap().item(9));
        assert!(open("shape").unwrap_err().to_string().contains("did you mean \"shapes\""));
        assert!(open("shapes:size=4").is_err());
        assert!(open("shapes:without=1").is_err());
        let most = open("shapes:without=8").unwrap();
        let shown = |index| Truth::said(&most.item(index).unwrap().caption.unwrap()).unwrap();
        let left_out = Truth::left_out(8);
        assert_eq!(left_out.len(), 60);
        for index in 0..400 {
            let (class, colour, scene) = shown(index);
            let same = |truth: &Truth| (truth.class, truth.colour, truth.scene) == (class, colour, scene);
            assert!(!left_out.iter().any(same), "{index}");
        }
        let rest = open("shapes:only=8").unwrap();
        let caption = |index| rest.item(index).unwrap().caption.unwrap();
        assert!((0..40).all(|index| left_out.iter().any(|truth| truth.caption() == caption(index))));
        assert!(open("shapes:only=8,without=8").is_err());
    }
}
