//! `langevin explain`: the figures of the tutorial, computed.

use std::path::PathBuf;

use clap::Args;
use langevin::Result;
use langevin::explain::{ExplainRequest, job};
use serde_json::json;

use crate::headings::{COMMON, OUTPUT};
use crate::outputs;
use crate::shell::{self, Shell};

/// The arguments of `explain`.
#[derive(Args)]
#[command(
    after_help = "The figures are those of Chan, \"Tutorial on Diffusion Models for Imaging and Vision\" (arXiv 2403.18103), with the parameters it prints; each says what was checked and how far it was off. The page needs no network and no JavaScript.

Examples:
  langevin explain
  langevin explain --single-file book.html
  langevin explain --figure 3.4,4.5 -o figures"
)]
pub struct Explain {
    /// Numbers of the figures [default: all].
    #[arg(long = "figure", value_name = "LIST", value_delimiter = ',')]
    figures: Vec<String>,
    /// Seed of the random numbers.
    #[arg(long, value_name = "N", default_value = "0", allow_negative_numbers = true, value_parser = shell::seed())]
    seed: u64,
    /// Folder for index.html and the figures.
    #[arg(short, long = "out", alias = "output", value_name = "DIR", default_value = "book", help_heading = OUTPUT)]
    output: PathBuf,
    /// Write one HTML file with everything.
    #[arg(long, value_name = "FILE.html", conflicts_with = "output", help_heading = OUTPUT)]
    single_file: Option<PathBuf>,
    /// Overwrite what is there.
    #[arg(long, help_heading = OUTPUT)]
    force: bool,
    /// Print JSON: the files, and the checks of each figure.
    #[arg(long, help_heading = COMMON)]
    json: bool,
}

impl Explain {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let request = ExplainRequest {
            figures: self.figures,
            seed: self.seed,
            output: self.output,
            single_file: self.single_file,
        };
        let made = shell.run(self.force, |context| job::run(&request, context))?;
        if self.json {
            let figures: Vec<_> =
                made.checks.iter().map(|(n, checks)| json!({"figure": n, "checks": checks})).collect();
            let files: Vec<String> = made.files.iter().map(|file| file.display().to_string()).collect();
            return outputs::result(&json!({"files": files, "figures": figures}).to_string());
        }
        made.files.iter().try_for_each(|file| outputs::path(file))
    }
}
