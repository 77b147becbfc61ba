//! Everything that has a name: what `langevin list` prints and the tables in `docs/` are made of.

use langevin_core::guidance::GUIDANCES;
use langevin_eval::METRICS;
use langevin_model::{CLOSED_FORM, SHIPPED};
use langevin_process::{Error, Result, folded, nearest};
use langevin_process::{
    LEVEL_DISTRIBUTIONS, PARAMETERISATIONS, PROCESSES, Registry, SCHEDULES, SPACINGS, TIME_INPUTS, WEIGHTINGS,
};
use langevin_restore::{METHODS, NOISES, OPERATORS};
use langevin_sample::SAMPLERS;
use langevin_train::DISTILLATIONS;
use serde::Serialize;

use crate::training::presets::PRESETS;

/// One named thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What users type.
    pub name: String,
    /// What it is.
    pub summary: String,
    /// Where it comes from; empty for what is ours.
    pub source: String,
    /// Its options as `(key, default, meaning)`.
    pub options: Vec<(String, String, String)>,
}

/// A kind of named things.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// What users type after `langevin list`.
    pub name: &'static str,
    /// What these things are.
    pub summary: &'static str,
    /// Lists them.
    pub items: fn() -> Vec<Item>,
}

/// All kinds, in the order they are listed.
pub const KINDS: &[Kind] = &[
    Kind { name: "models", summary: "models that come with the binary", items: models },
    Kind { name: "presets", summary: "settings for `train --preset`", items: presets },
    Kind { name: "samplers", summary: "ways from noise to an image", items: || of(&SAMPLERS) },
    Kind { name: "spacings", summary: "which noise levels the steps visit", items: || of(&SPACINGS) },
    Kind {
        name: "guidances",
        summary: "ways to follow a class, or a model, more strongly",
        items: || of(&GUIDANCES),
    },
    Kind { name: "methods", summary: "ways to restore an image with a model", items: || of(&METHODS) },
    Kind { name: "operators", summary: "what can have happened to an image", items: || of(&OPERATORS) },
    Kind { name: "noises", summary: "noise that an image can have, for --noise", items: || of(&NOISES) },
    Kind { name: "schedules", summary: "how the noise grows with time", items: || of(&SCHEDULES) },
    Kind { name: "processes", summary: "how signal and noise share the image", items: || of(&PROCESSES) },
    Kind {
        name: "parameterisations",
        summary: "what the network predicts",
        items: || of(&PARAMETERISATIONS),
    },
    Kind {
        name: "time-inputs",
        summary: "how the network is conditioned on the noise level",
        items: || of(&TIME_INPUTS),
    },
    Kind {
        name: "weightings",
        summary: "how much each noise level counts in the loss",
        items: || of(&WEIGHTINGS),
    },
    Kind {
        name: "level-distributions",
        summary: "how often training sees each noise level, for `train.density`",
        items: || of(&LEVEL_DISTRIBUTIONS),
    },
    Kind {
        name: "distillations",
        summary: "ways to teach a model to draw in few steps",
        items: || of(&DISTILLATIONS),
    },
    Kind { name: "metrics", summary: "ways to judge images", items: || of(&METRICS) },
    Kind { name: "datasets", summary: "generated data sets", items: datasets },
];

impl Kind {
    /// The kind called `name`, or called so in earlier versions.
    ///
    /// # Errors
    /// Usage, with the nearest name.
    pub fn find(name: &str) -> Result<&'static Kind> {
        let now = if name == "densities" { "level-distributions" } else { name };
        KINDS.iter().find(|kind| folded(kind.name) == folded(now)).ok_or_else(|| {
            let names = || KINDS.iter().map(|kind| kind.name);
            let error = Error::usage(format!("there is no list of \"{name}\""));
            match nearest(name, names()) {
                Some(near) => error.hint(format!("did you mean \"{near}\"?")),
                None => error.hint(format!("there are: {}", names().collect::<Vec<_>>().join(", "))),
            }
        })
    }
}

/// The whole catalog as a Markdown document.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Methods\n\nEverything that has a name, made from the registries by `langevin list --markdown`. On the command line: `langevin list KIND`.\n",
    );
    for kind in KINDS {
        text += &format!(
            "\n## {}\n\n{}.\n\n| name | what it is | options | source |\n|---|---|---|---|\n",
            kind.name, kind.summary
        );
        for item in (kind.items)() {
            let options: Vec<String> =
                item.options.iter().map(|(key, default, doc)| format!("`{key}={default}` {doc}")).collect();
            let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
            text += &format!(
                "| `{}` | {} | {} | {} |\n",
                item.name,
                cell(&item.summary),
                cell(&options.join("; ")),
                cell(&item.source)
            );
        }
    }
    text
}

fn of<T: ?Sized>(registry: &Registry<T>) -> Vec<Item> {
    let item = |entry: &langevin_process::Entry<T>| Item {
        name: entry.name.to_owned(),
        summary: entry.summary.to_owned(),
        source: entry.source.to_owned(),
        options: entry
            .options
            .iter()
            .map(|o| (o.key.to_owned(), o.default.to_owned(), o.doc.to_owned()))
            .collect(),
    };
    registry.entries.iter().map(item).collect()
}

fn plain(name: String, summary: &str) -> Item {
    Item { name, summary: summary.to_owned(), source: String::new(), options: Vec::new() }
}

fn models() -> Vec<Item> {
    let shipped = SHIPPED.iter().map(|shipped| (shipped.name, shipped.summary));
    let known = CLOSED_FORM.iter().map(|known| (known.name, known.summary));
    shipped.chain(known).map(|(name, summary)| plain(format!("builtin:{name}"), summary)).collect()
}

fn presets() -> Vec<Item> {
    PRESETS.iter().map(|preset| plain(preset.name.to_owned(), preset.summary())).collect()
}

fn datasets() -> Vec<Item> {
    let named = |item: Item| Item { name: format!("builtin:{}", item.name), source: String::new(), ..item };
    of(&langevin_data::BUILTINS).into_iter().map(named).collect()
}
