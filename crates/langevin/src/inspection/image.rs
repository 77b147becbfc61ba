//! An image: what it is, and what made it, in a sentence.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use langevin_core::Image;
use langevin_data::DataInfo;
use serde::Serialize;
use serde_json::Value;

use langevin_inference::sampling::Recipe;

/// Most bytes of an image file whose recipe is looked for.
const MOST: u64 = 512 << 20;

/// An image.
#[derive(Debug, Clone, Serialize)]
pub struct ImageReport {
    pub(super) kind: &'static str,
    /// What made it, or that nothing says so.
    pub sentence: String,
    /// Its size and what it carries.
    pub shape: String,
    /// The recipe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipe: Option<Recipe>,
    /// The command that generates it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redraw: Option<String>,
    /// Its facts as a data set of one image, where it has no recipe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<DataInfo>,
}

impl ImageReport {
    /// The image at `path` with its recipe; none where it has none and cannot be decoded either. `info` looks at it as data.
    pub(super) fn of(path: &Path, info: impl FnOnce() -> Option<DataInfo>) -> Option<Self> {
        let recipe =
            langevin_files::read_bounded(path, MOST).ok().and_then(|bytes| Recipe::read(&bytes).ok());
        let shape = langevin_data::read_image(path).ok().map(|image| shape(&image)).unwrap_or_default();
        let Some(recipe) = recipe else {
            let sentence = "carries no recipe of this program".to_owned();
            let info = Some(info()?);
            return Some(Self { kind: "image", sentence, shape, recipe: None, redraw: None, info });
        };
        let sentence = sentence(&recipe, date_of(path).as_deref());
        let is_sample = recipe.header.command == "sample" && !recipe.options.contains_key("count");
        let along = matches!(made(&recipe), "std" | "degraded" | "comparison");
        let again = is_sample
            || (recipe.options.contains_key("request") && recipe.header.command != "noise" && !along);
        let redraw = again.then(|| format!("langevin sample --from {}", path.display()));
        Some(Self { kind: "image with a recipe", sentence, shape, recipe: Some(recipe), redraw, info: None })
    }

    /// Rows of a table.
    pub(super) fn rows(&self) -> Vec<(String, String)> {
        let mut rows = vec![("image".to_owned(), self.shape.clone())];
        if let Some(Recipe { header, options }) = &self.recipe {
            let hash = if header.model_hash.is_empty() {
                String::new()
            } else {
                format!(" ({})", header.model_hash)
            };
            if !header.model.is_empty() {
                rows.push(("model".to_owned(), format!("{}{hash}", header.model)));
            }
            let number = header.image.map_or(String::new(), |image| format!(", image {image}"));
            rows.push(("seed".to_owned(), format!("{}{number}", header.seed)));
            let told = options
                .iter()
                .filter(|(key, _)| !matches!(key.as_str(), "request" | "input_hash" | "mask_hash"));
            rows.extend(told.map(|(key, value)| (key.replace('_', " "), plain(value))));
            rows.push(("version".to_owned(), format!("langevin {}", header.version)));
        }
        let aside = self.info.iter().map(|info| &info.left_aside).filter(|aside| !aside.is_empty());
        rows.extend(aside.map(|aside| ("left aside".to_owned(), aside.to_string())));
        rows.extend(self.redraw.clone().map(|redraw| ("again".to_owned(), redraw)));
        rows
    }
}

fn made(recipe: &Recipe) -> &str {
    recipe.options.get("made").and_then(Value::as_str).unwrap_or_default()
}

/// What an image is and carries: `40x32, colour, 8 bits, ICC profile, EXIF, 300 dpi`.
fn shape(image: &Image) -> String {
    let colours = match image.colours() {
        1 => "gray".to_owned(),
        3 => "colour".to_owned(),
        other => format!("{other} channels"),
    };
    let alpha = if image.has_alpha() { " and alpha" } else { "" };
    let mut shape =
        format!("{}x{}, {colours}{alpha}, {} bits", image.width, image.height, image.samples.bits());
    let metadata = &image.metadata;
    shape += if metadata.icc.is_some() { ", ICC profile" } else { "" };
    shape += if metadata.exif.is_some() { ", EXIF" } else { "" };
    if let Some((across, _)) = metadata.density {
        shape += &format!(", {across:.0} dpi");
    }
    shape
}

/// What a recipe says, with the date of the file.
fn sentence(recipe: &Recipe, date: Option<&str>) -> String {
    let Recipe { header, options } = recipe;
    let said = |key: &str| options.get(key).map(plain);
    let with = |key: &str, before: &str| said(key).map_or(String::new(), |value| format!("{before}{value}"));
    let from = with("input", " from ");
    let by = if header.model.is_empty() { String::new() } else { format!(" by {}", header.model) };
    let verb = match header.command.as_str() {
        "sample" => {
            let shown = match (said("prompt"), said("class")) {
                (Some(prompt), _) => format!(" for \"{prompt}\""),
                (None, Some(class)) => format!(", class {class}"),
                (None, None) => String::new(),
            };
            let number = header.image.map_or(String::new(), |image| format!("image {image} of "));
            format!(
                "sampled{by}{shown}{}{}{}, {number}seed {}",
                with("steps", ", ") + if options.contains_key("steps") { " steps" } else { "" },
                with("sampler", " of "),
                with("spacing", " over "),
                header.seed
            )
        }
        "denoise" => {
            let sigma = options.get("sigma").and_then(Value::as_f64);
            format!(
                "denoised{from}{by}{}",
                sigma.map_or(String::new(), |sigma| format!(" at sigma {sigma:.1}"))
            )
        }
        "edit" => {
            let prompt = said("prompt").map_or(String::new(), |prompt| format!(" to \"{prompt}\""));
            format!("edited{from}{prompt}{by}{}, seed {}", with("strength", ", strength "), header.seed)
        }
        "inpaint" => format!("inpainted{from}{}{by}, seed {}", with("mask", " where white in "), header.seed),
        "upscale" => {
            let scale = said("scale").map_or(String::new(), |scale| format!(" {scale} times"));
            format!("upscaled{scale}{from}{by}, seed {}", header.seed)
        }
        "deblur" => format!("deblurred{from}{by}{}, seed {}", with("kernel", ", kernel "), header.seed),
        "restore" => format!("restored{from}{by}{}, seed {}", with("operator", ", operator "), header.seed),
        "noise" => format!(
            "the forward process{}{}{}",
            with("input", " of "),
            with("schedule", ", schedule "),
            with("process", ", process ")
        ),
        other => format!("made by `langevin {other}`{from}{by}"),
    };
    let samples = with("samples", "");
    let what = match (made(recipe), samples.as_str()) {
        ("std", _) => format!("the standard deviation of {samples} samples: "),
        ("mean", count) if !count.is_empty() => format!("the mean of {samples} samples: "),
        ("comparison", _) => "before and after: ".to_owned(),
        ("degraded", _) => "the degraded input of: ".to_owned(),
        ("grid", _) => format!("a grid of {} images: ", with("count", "")),
        ("trajectory", _) => "the reverse process of images: ".to_owned(),
        _ => String::new(),
    };
    format!("{what}{verb}{}", date.map_or(String::new(), |date| format!(", {date}")))
}

/// A value without quotation marks.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// The day on which the file was written, in universal time.
fn date_of(path: &Path) -> Option<String> {
    let written = path.metadata().ok()?.modified().ok()?;
    Some(date(written))
}

/// The day of `time` in the Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms").
fn date(time: SystemTime) -> String {
    let days = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400);
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{of_month:02}", era * 400 + year + carry)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn said(fields: Value) -> String {
        let header =
            json!({"command": "", "version": "1", "model": "m", "model_hash": "ab", "seed": 7, "image": 2});
        let mut all = header.as_object().unwrap().clone();
        all.extend(fields.as_object().unwrap().clone());
        let image = Image::from_u8(1, 1, 1, vec![7]);
        let text = [("langevin", Value::Object(all).to_string())];
        let bytes = langevin_figures::png::encode(&image, &text).unwrap();
        sentence(&Recipe::read(&bytes).unwrap(), Some("2026-12-01"))
    }

    #[test]
    fn recipes_read_as_sentences() {
        assert_eq!(
            said(json!({"command": "denoise", "input": "a.jpg", "sigma": 24.91, "made": "mean"})),
            "denoised from a.jpg by m at sigma 24.9, 2026-12-01"
        );
        assert_eq!(
            said(json!({"command": "denoise", "input": "a.jpg", "sigma": 5.0, "made": "std", "samples": 8})),
            "the standard deviation of 8 samples: denoised from a.jpg by m at sigma 5.0, 2026-12-01"
        );
        assert_eq!(
            said(
                json!({"command": "sample", "steps": 20, "sampler": "ddim", "spacing": "karras", "class": "star"})
            ),
            "sampled by m, class star, 20 steps of ddim over karras, image 2 of seed 7, 2026-12-01"
        );
        assert_eq!(
            said(json!({"command": "edit", "input": "a.png", "strength": 0.6, "prompt": "a cat"})),
            "edited from a.png to \"a cat\" by m, strength 0.6, seed 7, 2026-12-01"
        );
        assert_eq!(
            said(json!({"command": "inpaint", "input": "a.png", "mask": "m.png", "made": "comparison"})),
            "before and after: inpainted from a.png where white in m.png by m, seed 7, 2026-12-01"
        );
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        let at = |days: u64| date(UNIX_EPOCH + Duration::from_secs(days * 86_400 + 5));
        assert_eq!(
            [at(0), at(59), at(11_016), at(20_788)],
            ["1970-01-01", "1970-03-01", "2000-02-29", "2026-12-01"]
        );
    }
}
