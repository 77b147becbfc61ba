//! `langevin schema`: what the jobs are asked with, as JSON Schemas.

use clap::Args;
use langevin::Result;
use langevin::jobs::{JOBS, Job};

use crate::outputs;

/// The arguments of `schema`.
#[derive(Args)]
#[command(after_help = "Examples:
  langevin schema
  langevin schema sample > sample.schema.json")]
pub struct Schema {
    /// The job [default: list the jobs].
    job: Option<String>,
}

impl Schema {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        match &self.job {
            Some(name) => outputs::result(&format!("{:#}", (Job::find(name)?.schema)())),
            None => {
                JOBS.iter().try_for_each(|job| outputs::result(&format!("{:<18} {}", job.name, job.summary)))
            }
        }
    }
}
