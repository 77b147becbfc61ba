//! `langevin sample`.
use crate::shell::Shell; use langevin::Result;
/// x
#[derive(clap::Args)] pub struct Sample {}
impl Sample { pub fn run(self, _: &Shell) -> Result<()> { Ok(()) } }
