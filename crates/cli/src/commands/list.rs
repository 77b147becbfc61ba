//! `langevin list`: everything that has a name.

use clap::Args;
use langevin::Result;
use langevin::catalog::{Item, KINDS, Kind};

use crate::outputs;

/// The arguments of `list`.
#[derive(Args)]
#[command(after_help = "Examples:
  langevin list
  langevin list samplers
  langevin list presets --json")]
pub struct List {
    /// What to list: models, presets, samplers, spacings, schedules... Nothing lists the kinds.
    kind: Option<String>,
    /// Print JSON.
    #[arg(long)]
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
        let Some(name) = &self.kind else {
            for kind in KINDS {
                outputs::result(&format!("{:<18} {}", kind.name, kind.summary))?;
            }
            return Ok(());
        };
        let items = (Kind::find(name)?.items)();
        if self.json {
            let text = serde_json::to_string_pretty(&items).expect("items are plain values");
            return outputs::result(&text);
        }
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
