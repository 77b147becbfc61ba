//! `langevin completions`: completions for a shell.

use clap::{Args, Command};
use clap_complete::Shell;
use langevin::Result;

/// The arguments of `completions`.
#[derive(Args)]
#[command(after_help = "Example:
  langevin completions bash > langevin.bash")]
pub struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    /// Prints the completions for the whole command line `all`.
    pub fn run(self, mut all: Command) -> Result<()> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut all, "langevin", &mut text);
        crate::outputs::result(String::from_utf8_lossy(&text).trim_end())
    }
}
