//! `langevin list`: everything that has a name.

use clap::Args;
use langevin::Result;
use langevin::catalog::{Item, KINDS, Kind};

use crate::headings::COMMON;
use crate::outputs;

/// The arguments of `list`.
#[derive(Args)]
#[command(after_help = "Examples:
  langevin list
  langevin list samplers
  langevin list presets --json")]
pub struct List {
    /// What to list: models, presets, samplers, spacings, schedules... [default: the kinds].
    kind: Option<String>,
    /// Print JSON: an object with the list of each kind.
    #[arg(long, help_heading = COMMON)]
    json: bool,
    /// Print the whole catalog as a Markdown document.
    #[arg(long)]
    markdown: bool,
}

impl List {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        if self.markdown {
            return outputs::result(langevin::catalog::markdown().trim_end());
        }
        if self.json {
            let kinds: Vec<&Kind> = match &self.kind {
                Some(name) => vec![Kind::find(name)?],
                None => KINDS.iter().collect(),
            };
            let named = |kind: &&Kind| {
                let items = serde_json::to_value((kind.items)()).expect("items are plain values");
                (kind.name.to_owned(), items)
            };
            let all: serde_json::Map<String, serde_json::Value> = kinds.iter().map(named).collect();
            return outputs::result(&serde_json::Value::Object(all).to_string());
        }
        let Some(name) = &self.kind else {
            for kind in KINDS {
                outputs::result(&format!("{:<18} {}", kind.name, kind.summary))?;
            }
            return Ok(());
        };
        let items = (Kind::find(name)?.items)();
        let width = items.iter().map(|item| item.name.len()).max().unwrap_or(0) + 2;
        items.iter().try_for_each(|item| show(item, width))
    }
}

fn show(item: &Item, width: usize) -> Result<()> {
    let source = if item.source.is_empty() { String::new() } else { format!(" [{}]", item.source) };
    outputs::result(&format!("{:<width$}{}{source}", item.name, item.summary))?;
    for (key, default, doc) in &item.options {
        outputs::result(&format!("{:<width$}  {key}={default}: {doc}", ""))?;
    }
    Ok(())
}
