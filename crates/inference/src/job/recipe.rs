//! The recipe of an image: what made it, stored in its file as text.
//!
//! A recipe is one JSON object under the keyword `langevin`: a [`Header`] that all commands share, and the options of the command
//! beside it. The keyword `parameters` says the same in the grammar of A1111, which other programs show.

use std::path::Path;

use langevin_core::{Error, Result, spelled};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Text;

/// What the recipes of all commands begin with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The command.
    pub command: String,
    /// Version of the program.
    pub version: String,
    /// The model as it was named; empty where none was used.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// First 16 hexadecimal digits of the BLAKE3 sum of its file.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model_hash: String,
    /// The seed.
    pub seed: u64,
    /// The number of the image within the seed; absent where an old file does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<u64>,
}

impl Header {
    /// The header of image number `image` of `seed`, made by this version's `command` with `model`.
    pub fn new(command: &str, model: &langevin_model::Model, seed: u64, image: u64) -> Self {
        Self {
            command: command.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            model: model.name.clone(),
            model_hash: model.hash().to_owned(),
            seed,
            image: Some(image),
        }
    }

    /// The header of what this version's `command` made without a model, or of a figure about several.
    pub fn plain(command: &str, seed: u64) -> Self {
        let (model, model_hash) = Default::default();
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self { command: command.to_owned(), version, model, model_hash, seed, image: None }
    }
}

/// What is recorded of the file that an image was made from, the one place that decides it: its name, and by which its content is
/// recognised.
///
/// Files of medicine are not read as yet; of one neither is to be recorded here, since both may lead to a person.
pub fn of_input(file: &Path) -> Value {
    json!({ "input": spelled(file), "input_hash": langevin_data::hash_of_file(file).ok() })
}

/// The fields of `request` that are not those of the default one.
pub fn changed<R: Serialize + Default>(request: &R) -> Value {
    let fields = |request: &R| match serde_json::to_value(request) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let default = fields(&R::default());
    let own = fields(request).into_iter().filter(|(key, value)| default.get(key) != Some(value));
    Value::Object(own.collect())
}

/// The text of a figure that `command` made by `request`: sheets of several images, plots. None where `wanted` is false.
pub fn of_figure<R: Serialize + Default>(
    command: &str,
    made: &str,
    seed: u64,
    request: &R,
    wanted: bool,
) -> Text {
    let all = json!({ "made": made, "request": changed(request) });
    let recipe = Recipe { header: Header::plain(command, seed), options: options([all]) };
    if wanted { recipe.to_text_alone() } else { Text::new() }
}

/// A recipe with the options `O` of its command; of any command where nothing else is said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recipe<O = Map<String, Value>> {
    /// What all recipes have.
    #[serde(flatten)]
    pub header: Header,
    /// The command's own options, every choice made.
    #[serde(flatten)]
    pub options: O,
}

impl<O: Serialize> Recipe<O> {
    /// The text chunks of the image: `parameters`, and `langevin` with the recipe as JSON.
    pub fn to_text(&self, parameters: String) -> Text {
        [vec![("parameters", parameters)], self.to_text_alone()].concat()
    }

    /// The recipe alone as text, of an image that no model generated.
    pub fn to_text_alone(&self) -> Text {
        vec![("langevin", serde_json::to_string(self).expect("a recipe is plain values"))]
    }
}

impl Recipe {
    /// The recipe of any command in the image file `bytes`.
    ///
    /// # Errors
    /// Bad input, when the file is damaged or carries no recipe of this program.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let text = langevin_figures::files::text(bytes)?;
        let (_, json) = text.iter().find(|(keyword, _)| keyword == "langevin").ok_or_else(|| {
            Error::bad_input("carries no recipe of this program")
                .hint("images of this program carry one, unless they were made with --no-metadata")
        })?;
        let broken =
            |error: serde_json::Error| Error::bad_input(format!("its recipe cannot be read: {error}"));
        let mut options: Map<String, Value> = serde_json::from_str(json).map_err(broken)?;
        // `denoise` once called its input so.
        if let Some(Value::String(input)) = options.get("image").cloned() {
            options.remove("image");
            options.insert("input".to_owned(), input.into());
        }
        let shared = ["command", "version", "model", "model_hash", "seed", "image"];
        let header = shared.iter().filter_map(|key| options.remove_entry(*key)).collect();
        Ok(Self { header: serde_json::from_value(Value::Object(header)).map_err(broken)?, options })
    }

    /// The recipe with the options that `command` has.
    ///
    /// # Errors
    /// Bad input: another command made the image, or the options are not those of this version.
    pub fn made_by<O: DeserializeOwned>(self, command: &str) -> Result<Recipe<O>> {
        if self.header.command != command {
            return Err(Error::bad_input(format!(
                "was made by `langevin {}`, and its recipe is none of `langevin {command}`",
                self.header.command
            ))
            .hint("`langevin inspect` shows the recipe"));
        }
        let options = serde_json::from_value(Value::Object(self.options))
            .map_err(|error| Error::bad_input(format!("its recipe cannot be read: {error}")))?;
        Ok(Recipe { header: self.header, options })
    }
}

/// The fields of `objects`, one after the other, that are not null: the options of a recipe.
pub fn options(objects: impl IntoIterator<Item = Value>) -> Map<String, Value> {
    let fields = objects.into_iter().filter_map(|object| match object {
        Value::Object(fields) => Some(fields),
        _ => None,
    });
    fields.flatten().filter(|(_, value)| !value.is_null()).collect()
}

/// Settings in the grammar of A1111: `described`, the text that the image was made from, is the first line, if there is one.
pub fn parameters(described: Option<&str>, settings: &[(&str, String)]) -> String {
    let settings: Vec<String> = settings.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let described = described.map_or(String::new(), |text| format!("{text}\n"));
    format!("{described}{}", settings.join(", "))
}

/// What an image was made to show, and what it should not, in the grammar of A1111.
pub fn described(shown: &str, negative: Option<&str>) -> String {
    match negative {
        Some(negative) => format!("{shown}\nNegative prompt: {negative}"),
        None => shown.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use langevin_core::Image;
    use langevin_figures::png;

    use super::*;

    fn read(json: &str) -> Result<Recipe> {
        let image = Image::from_u8(1, 1, 1, vec![7]);
        Recipe::read(&png::encode(&image, &[("langevin", json.to_owned())]).unwrap())
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Options {
        steps: usize,
    }

    #[test]
    fn recipes_are_written_in_order_and_read_by_every_command() {
        let json = r#"{"command":"sample","version":"0.1.0","model":"m","model_hash":"ab","seed":7,"image":2,"steps":3}"#;
        let recipe = read(json).unwrap().made_by::<Options>("sample").unwrap();
        assert_eq!((recipe.header.image, recipe.options.steps), (Some(2), 3));
        assert_eq!(recipe.to_text(String::new())[1].1, json);
        let error = read(&json.replace("sample", "edit")).unwrap().made_by::<Options>("sample").unwrap_err();
        assert!(error.to_string().contains("langevin edit"), "{error}");
        let error = read(&json.replace("steps", "stops")).unwrap().made_by::<Options>("sample").unwrap_err();
        assert!(error.to_string().contains("stops"), "{error}");
        assert!(read(&json.replace("command", "order")).is_err());
    }

    #[test]
    fn old_recipes_of_denoise_are_read() {
        let recipe = read(
            r#"{"command":"denoise","image":"a.png","model":"m","model_hash":"ab","seed":0,"sigma":25.0,"version":"0.1.0"}"#,
        )
        .unwrap();
        assert_eq!((recipe.header.command.as_str(), recipe.header.image), ("denoise", None));
        assert_eq!((&recipe.options["input"], &recipe.options["sigma"]), (&"a.png".into(), &25.0.into()));
    }

    #[test]
    fn options_that_are_absent_are_left_out() {
        let found = options([serde_json::json!({"a": 1, "b": null}), serde_json::json!({"c": false})]);
        assert_eq!(serde_json::to_string(&found).unwrap(), r#"{"a":1,"c":false}"#);
    }

    #[test]
    fn parameters_follow_the_grammar_of_a1111() {
        let settings = [("Steps", "3".to_owned()), ("Seed", "7".to_owned())];
        assert_eq!(parameters(None, &settings), "Steps: 3, Seed: 7");
        let described = described("a star", Some("night"));
        let text = parameters(Some(&described), &settings);
        assert_eq!(text, "a star\nNegative prompt: night\nSteps: 3, Seed: 7");
    }
}
