//! LoRA files (Hu et al. 2021, 2106.09685): changes of low rank, `W += strength * (alpha / rank) * up * down`, added to a pipeline's
//! weights before its networks are made, so that drawing costs what it cost without.

mod merge;
mod names;
mod scales;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use langevin_core::{Error, NamedTensors, Numbers, Result};

use self::names::{Name, Part, Role};
use self::scales::Scales;
use crate::latent::LatentPipeline;
use crate::weights::read_unnamed;

/// Adds `strength` times what the LoRA file `path` holds to the weights of `pipeline`.
///
/// Read are the names of kohya's scripts (`lora_unet_...lora_down.weight` with `alpha`), with blocks as diffusers or as CompVis
/// counts them, those of PEFT (`unet....lora_A.weight`), and the older ones of diffusers; of matrices and of convolutions.
///
/// # Errors
/// Bad input, beginning with the file's name: no LoRA, one of another base (naming a tensor, its shape and the likely base), a
/// pair without one half, changes of another sort (LoHa, LoKr, DoRA...). Then some weights may be changed already.
pub fn merge_lora(pipeline: &mut LatentPipeline, path: &Path, strength: f64) -> Result<()> {
    merged(pipeline, path, strength).map_err(|error| error.within(path.display()))
}

/// The ranks of the changes in a file with `tensors` of these names and shapes, each once; `None` where it is no LoRA.
pub fn lora_ranks<'a>(tensors: impl IntoIterator<Item = (&'a str, &'a [usize])>) -> Option<Vec<usize>> {
    let mut ranks = BTreeSet::new();
    let mut found = false;
    for (name, shape) in tensors {
        let role = names::read(name).ok()?.map(|name| name.role);
        found |= role.is_some();
        if matches!(role, Some(Role::Down)) {
            ranks.extend(shape.first());
        }
    }
    found.then(|| ranks.into_iter().collect())
}

/// The two matrices of one module, and what they are divided by.
#[derive(Default)]
struct Change {
    down: Option<(Vec<usize>, Numbers)>,
    up: Option<(Vec<usize>, Numbers)>,
    alpha: Option<f32>,
    /// The module as the file calls it.
    called: String,
}

fn merged(pipeline: &mut LatentPipeline, path: &Path, strength: f64) -> Result<()> {
    let (tensors, metadata) = read_unnamed(path, |_| true)?;
    let scales = Scales::read(&metadata)?;
    let base = Base::of(pipeline);
    let likely = likely(&tensors);
    let mut changes: BTreeMap<(Part, String), Change> = BTreeMap::new();
    for (called, tensor) in tensors {
        let Some(Name { part, module, role }) = names::read(&called)? else {
            return Err(Error::bad_input(format!("no LoRA: it has a tensor \"{}\"", short(&called)))
                .hint("read are LoRA files for Stable Diffusion 1, 2 and XL, with the names of kohya, of diffusers or of PEFT"));
        };
        let place = base.place(part, &module).ok_or_else(|| {
            Error::bad_input(format!("changes {}, which {} lacks", short(&called), base.name))
                .hint(elsewhere(likely))
        })?;
        if let Some(value) = tensor.1.iter().find(|value| !value.is_finite()) {
            return Err(Error::bad_input(format!(
                "its tensor {} holds {value}, which is not finite",
                short(&called)
            ))
            .hint("the training that wrote it diverged, or the file is damaged: take an earlier one"));
        }
        let change = changes.entry((part, place)).or_default();
        called.clone_into(&mut change.called);
        match role {
            Role::Down => change.down = Some(tensor),
            Role::Up => change.up = Some(tensor),
            Role::Alpha => change.alpha = Some(alpha(&called, &tensor.1)?),
        }
    }
    if changes.is_empty() {
        return Err(Error::bad_input("no LoRA: it holds no tensor"));
    }
    let name = base.name;
    for ((part, place), change) in changes {
        let (Some((down_shape, down)), Some((up_shape, up))) = (change.down, change.up) else {
            return Err(Error::bad_input(format!(
                "holds only one half of the change that {} belongs to",
                short(&change.called)
            ))
            .hint("the file may be damaged"));
        };
        let weights = match part {
            Part::Network => &mut pipeline.network.tensors,
            Part::Text(index) => &mut pipeline.texts[index].encoder.tensors,
        };
        let (shape, weight) = weights.get_mut(&place).expect("a place of the base");
        let rank = down_shape.first().copied().unwrap_or(0);
        let fits = merge::fits(shape, &down_shape, &up_shape);
        if !fits {
            return Err(Error::bad_input(format!(
                "{} changes a tensor by {up_shape:?} times {down_shape:?}, and that of {name} is {shape:?}",
                short(&change.called)
            ))
            .hint(elsewhere(likely)));
        }
        let module = place.strip_suffix(".weight").unwrap_or(&place);
        let scale = strength * scales.of(part, module, rank, change.alpha);
        merge::add(weight, shape[0], &up, &down, scale as f32);
    }
    Ok(())
}

/// The one number that an alpha is.
fn alpha(called: &str, values: &[f32]) -> Result<f32> {
    match values {
        [alpha] => Ok(*alpha),
        _ => Err(Error::bad_input(format!(
            "its tensor {} is an alpha of {} numbers, where one is needed",
            short(called),
            values.len()
        ))
        .hint("the file may be damaged")),
    }
}

/// The names of the base's weights, by what files call their modules.
struct Base {
    name: &'static str,
    modules: Vec<(Part, BTreeMap<String, String>)>,
    layers: usize,
}

impl Base {
    fn of(pipeline: &LatentPipeline) -> Self {
        let index = |tensors: &NamedTensors| -> BTreeMap<String, String> {
            let modules = tensors.keys().filter_map(|name| Some((name.strip_suffix(".weight")?, name)));
            modules.map(|(module, name)| (module.replace('.', "_"), name.clone())).collect()
        };
        let texts = pipeline.texts.iter().enumerate();
        let texts = texts.map(|(at, text)| (Part::Text(at), index(&text.encoder.tensors)));
        Self {
            name: model(pipeline.network.network.text.as_ref().map_or(0, |text| text.dim)),
            modules: std::iter::once((Part::Network, index(&pipeline.network.tensors)))
                .chain(texts)
                .collect(),
            layers: pipeline.network.network.layers_per_block,
        }
    }

    /// The weight of the module that a file calls `module`, with `_` between its parts.
    fn place(&self, part: Part, module: &str) -> Option<String> {
        let (_, modules) = self.modules.iter().find(|(own, _)| *own == part)?;
        let other = match part {
            Part::Network => crate::single_file::place(module, '_', self.layers),
            Part::Text(_) => Some(format!("text_model_{module}")),
        };
        modules.get(module).or_else(|| modules.get(&other?)).cloned()
    }
}

/// What attends to vectors of `width` numbers.
fn model(width: usize) -> &'static str {
    match width {
        768 => "Stable Diffusion 1",
        1024 => "Stable Diffusion 2",
        2048 => "SDXL",
        _ => "this model",
    }
}

/// The width of the texts that the base of a LoRA attends to, where it changes what does.
fn likely(tensors: &NamedTensors) -> Option<usize> {
    let attends = |name: &str| {
        let name = name.replace('.', "_");
        name.contains("attn2_") && (name.contains("to_k_") || name.contains("to_v_"))
    };
    let halves = ["lora_down", "lora_A", "lora.down"];
    let found =
        tensors.iter().find(|(name, _)| attends(name) && halves.iter().any(|half| name.contains(half)));
    found.and_then(|(_, (shape, _))| shape.get(1).copied())
}

fn elsewhere(likely: Option<usize>) -> String {
    match likely {
        Some(width) if model(width) != "this model" => {
            format!("the LoRA attends to texts of width {width}: it was made for {}", model(width))
        }
        Some(width) => format!("the LoRA attends to texts of width {width}: it was made for another base"),
        None => "the LoRA was made for another base, or for another program".to_owned(),
    }
}

fn short(name: &str) -> String {
    name.chars().take(120).collect()
}
