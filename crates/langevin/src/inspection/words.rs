//! What something is, for a person: a sentence, and a table.

use langevin_data::{DataInfo, LintReport};
use langevin_model::shipped::SHIPPED;
use langevin_model::{Task, TaskKind};

use super::{AutoencoderReport, DataReport, Inspection, ModelReport, RunReport, TensorReport};

/// Names that stand in one row.
const NAMED: usize = 12;

/// A row of a table: what it is, and its value.
type Row = (String, String);

impl Inspection {
    /// A sentence about what was called `name`, and rows of a table; several where it is several things.
    pub fn lines(&self, name: &str) -> Vec<String> {
        match self {
            Self::Run(run) => page(run.sentence(), run.rows()),
            Self::Model(model) => page(model.sentence(), model.rows()),
            Self::Shipped { model, data } => {
                let mut lines = page(model.sentence(), model.rows());
                if let Some(data) = data {
                    lines.push(String::new());
                    lines.extend(page(
                        format!("{} (the data set of this name)", data.sentence()),
                        data.rows(),
                    ));
                }
                lines
            }
            Self::Autoencoder(autoencoder) => page(autoencoder.sentence(), autoencoder.rows()),
            Self::Tensors(tensors) => page(tensors.sentence(name), tensors.rows(name)),
            Self::Image(image) => page(format!("{name}: {}", image.sentence), image.rows()),
            Self::Data(data) => page(data.sentence(), data.rows()),
        }
    }
}

/// A sentence, and its table below.
fn page(sentence: String, rows: Vec<Row>) -> Vec<String> {
    let width = rows.iter().map(|(key, _)| key.chars().count()).max().unwrap_or(0);
    let rows = rows.into_iter().filter(|(_, value)| !value.is_empty());
    let rows = rows.map(|(key, value)| format!("  {key:<width$}  {value}").trim_end().to_owned());
    [sentence].into_iter().chain(rows).collect()
}

fn row(key: &str, value: impl Into<String>) -> Row {
    (key.to_owned(), value.into())
}

impl RunReport {
    fn sentence(&self) -> String {
        let time = self.seconds.map_or(String::new(), |seconds| format!(" in {}", duration(seconds)));
        let saved = match (&self.model, &self.autoencoder) {
            (None, None) => ", which has saved no model yet",
            _ => "",
        };
        format!(
            "{}: a run of {} images seen{time}, with {}{saved}",
            self.folder.display(),
            self.images,
            counted(self.checkpoints, "checkpoint")
        )
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = vec![row("steps", self.steps.map_or(String::new(), |steps| steps.to_string()))];
        rows.extend(self.losses.iter().flat_map(|losses| losses.rows()).map(|(key, value)| row(key, value)));
        rows.extend(self.passed_over.iter().map(|why| row("left aside", why.clone())));
        if let Some(model) = &self.model {
            rows.push(row("model", model.sentence()));
            rows.extend(model.rows());
        }
        if let Some(autoencoder) = &self.autoencoder {
            rows.push(row("autoencoder", autoencoder.sentence()));
            rows.extend(autoencoder.rows());
        }
        rows
    }
}

impl ModelReport {
    fn sentence(&self) -> String {
        let kind = match self.channels {
            1 => "gray images".to_owned(),
            3 => "colour images".to_owned(),
            2 if self.size.width == 1 && self.size.height == 1 => "points of the plane".to_owned(),
            other => format!("images of {other} channels"),
        };
        let classes = match self.classes.len() {
            0 => String::new(),
            count => format!(" of {}", counted(count, "class")),
        };
        let does = match &self.task {
            None => "generates",
            Some(Task { kind: TaskKind::Upscale, .. }) => "upscales",
            Some(Task { kind: TaskKind::Inpaint, .. }) => "inpaints",
        };
        let size = if self.size.width == 1 { String::new() } else { format!("{} ", self.size) };
        let parameters = match self.parameters {
            0 => "known in closed form".to_owned(),
            count => format!("{} parameters", thousands(count)),
        };
        format!("{}: a model that {does} {size}{kind}{classes}, {parameters}", self.name)
    }

    fn rows(&self) -> Vec<Row> {
        let shipped = self.name.strip_prefix("builtin:");
        let summary = SHIPPED.iter().find(|model| Some(model.name) == shipped).map(|model| model.summary);
        let mut rows = vec![row("about", summary.unwrap_or_default())];
        if self.trained.images > 0 {
            let preset = match self.trained.preset.as_str() {
                "" => String::new(),
                preset => format!(", preset {preset}"),
            };
            let trained = &self.trained;
            rows.push(row(
                "trained",
                format!(
                    "on {}{preset}: {} images seen, seed {}",
                    trained.data,
                    thousands(trained.images as usize),
                    trained.seed
                ),
            ));
        }
        if let Some(network) = &self.network {
            let channels: Vec<String> = network.channels.iter().map(ToString::to_string).collect();
            let layers = counted(network.layers_per_block, "layer");
            rows.push(row("network", format!("channels {}, {layers} a block", channels.join(" "))));
        }
        let diffusion = &self.diffusion;
        rows.push(row(
            "diffusion",
            format!(
                "schedule {}, process {}, predicts {}",
                diffusion.schedule, diffusion.process, diffusion.parameterisation
            ),
        ));
        let sample = &self.sample;
        let guidance = if sample.cfg_scale == 1.0 {
            String::new()
        } else {
            format!(", guidance scale {}", sample.cfg_scale)
        };
        rows.push(row(
            "samples with",
            format!("{} steps of {} over {}{guidance}", sample.steps, sample.sampler, sample.spacing),
        ));
        if !sample.tuned.is_empty() {
            rows.push(row(
                "measured",
                format!("the best sampler for {}", counted(sample.tuned.len(), "budget")),
            ));
        }
        rows.push(row("classes", named(self.classes.iter().map(String::as_str))));
        rows.extend(
            self.task.iter().filter_map(|task| task.operator.clone()).map(|operator| row("undoes", operator)),
        );
        rows.extend(self.notes.iter().map(|note| row("note", note.clone())));
        rows.push(row("hash", self.hash.clone()));
        rows
    }
}

impl AutoencoderReport {
    fn sentence(&self) -> String {
        format!("{}: an autoencoder whose latents are {} times smaller than images", self.name, self.factor)
    }

    fn rows(&self) -> Vec<Row> {
        let info = &self.info;
        let trained = format!(
            "on {}, preset {}, at {}: {} images seen, seed {}",
            info.data,
            info.preset,
            info.size,
            thousands(info.images as usize),
            info.seed
        );
        vec![row("trained", trained), row("hash", self.hash.clone())]
    }
}

impl TensorReport {
    fn sentence(&self, name: &str) -> String {
        let size = format!(
            "{} in {}",
            counted(self.tensors, "tensor"),
            named(self.dtypes.keys().map(String::as_str))
        );
        let numbers = thousands(self.parameters);
        match (&self.ranks, self.vectors) {
            (Some(ranks), _) => {
                let ranks: Vec<String> = ranks.iter().map(ToString::to_string).collect();
                format!(
                    "{name}: a LoRA of rank {} for Stable Diffusion, {numbers} parameters ({size})",
                    ranks.join(" and ")
                )
            }
            (None, Some(vectors)) => {
                format!(
                    "{name}: a textual inversion of {}, {numbers} numbers ({size})",
                    counted(vectors, "vector")
                )
            }
            _ => format!("{name}: {size}, {numbers} numbers, that are no model of this program"),
        }
    }

    fn rows(&self, name: &str) -> Vec<Row> {
        let used =
            self.ranks.as_ref().map(|_| format!("langevin sample MODEL --prompt TEXT --lora {name}:0.8"));
        let said = self.metadata.iter().map(|(key, value)| row(key, shortened(value)));
        used.into_iter().map(|used| row("use", used)).chain(said).collect()
    }
}

impl DataReport {
    fn sentence(&self) -> String {
        let DataInfo { name, len, classes, size, captions, .. } = &self.info;
        let count = len.map_or("images without end".to_owned(), |count| counted(count as usize, "image"));
        let of = match classes.len() {
            0 => String::new(),
            count => format!(" in {}", counted(count, "class")),
        };
        let captions = if *captions { ", with captions" } else { "" };
        let alike = self.lint.as_ref().is_none_or(|lint| lint.sizes.len() <= 1);
        let size = if alike { size.to_string() } else { "sizes differ".to_owned() };
        format!("{name}: {count}{of}, {size}{captions}")
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = vec![row("stored as", self.info.kind)];
        let Some(lint) = &self.lint else {
            rows.push(row("classes", named(self.info.classes.iter().map(String::as_str))));
            return rows;
        };
        let LintReport {
            sizes,
            channels,
            bits,
            classes,
            unlabelled,
            captioned,
            unreadable,
            duplicates,
            advice,
            ..
        } = lint;
        let each = |items: Vec<(String, u64)>| {
            named(
                items
                    .iter()
                    .map(|(name, count)| format!("{name} ({count})"))
                    .collect::<Vec<_>>()
                    .iter()
                    .map(String::as_str),
            )
        };
        let colour = |channels: usize| match channels {
            1 => "gray".to_owned(),
            2 => "gray and alpha".to_owned(),
            3 => "colour".to_owned(),
            4 => "colour and alpha".to_owned(),
            other => format!("{other} channels"),
        };
        rows.push(row("classes", each(classes.clone())));
        rows.push(row(
            "sizes",
            each(sizes.iter().map(|((w, h), count)| (format!("{w}x{h}"), *count)).collect()),
        ));
        rows.push(row("channels", each(channels.iter().map(|(n, count)| (colour(*n), *count)).collect())));
        rows.push(row("bits", each(bits.iter().map(|(n, count)| (n.to_string(), *count)).collect())));
        let some = |count: u64| if count == 0 { String::new() } else { count.to_string() };
        rows.push(row("no class", some(*unlabelled)));
        rows.push(row("captioned", some(*captioned)));
        rows.extend(unreadable.iter().take(NAMED).map(|why| row("unreadable", why.clone())));
        rows.extend(
            duplicates
                .iter()
                .take(NAMED)
                .map(|group| row("duplicates", named(group.iter().map(String::as_str)))),
        );
        let aside = &self.info.left_aside;
        rows.push(row("left aside", if aside.is_empty() { String::new() } else { aside.to_string() }));
        rows.extend(advice.iter().map(|advice| row("advice", advice.clone())));
        rows
    }
}

/// The first of `names`, and how many there are where that is not all.
fn named<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let count = names.len();
    let shown: Vec<&str> = names.take(NAMED).collect();
    let more = if count > NAMED { format!(", ... ({count})") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// `1 class`, `10 classes`.
fn counted(count: usize, what: &str) -> String {
    let plural = if what.ends_with('s') { "es" } else { "s" };
    format!("{} {what}{}", thousands(count), if count == 1 { "" } else { plural })
}

/// A number with commas between thousands.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round() as u64;
    match seconds {
        0..=99 => format!("{seconds} s"),
        100..=5_999 => format!("{} min", seconds / 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// The beginning of a text in one line.
fn shortened(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(100) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lists_read_well() {
        assert_eq!([thousands(7), thousands(1_234_567)], ["7", "1,234,567"]);
        assert_eq!(
            [counted(1, "class"), counted(2, "class"), counted(3, "layer")],
            ["1 class", "2 classes", "3 layers"]
        );
        let many: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        assert!(named(many.iter().map(String::as_str)).ends_with("10, 11, ... (20)"));
        let lines = page("x: is".to_owned(), vec![row("a", "1"), row("long", "2"), row("none", "")]);
        assert_eq!(lines, ["x: is", "  a     1", "  long  2"]);
    }
}
