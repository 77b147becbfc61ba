//! `langevin inspect`.
use crate::shell::Shell; use langevin::Result;
/// x
#[derive(clap::Args)] pub struct Inspect {}
impl Inspect { pub fn run(self, _: &Shell) -> Result<()> { Ok(()) } }
