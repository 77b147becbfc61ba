//! `langevin completions`: completions for a shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use langevin::Result;

/// The arguments of `completions`.
#[derive(Args)]
#[command(after_help = "Example:
  langevin completions bash > ~/.local/share/bash-completion/completions/langevin")]
pub struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut crate::Arguments::command(), "langevin", &mut text);
        crate::outputs::result(String::from_utf8_lossy(&text).trim_end())
    }
}
