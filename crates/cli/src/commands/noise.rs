//! `langevin noise`.
use crate::shell::Shell; use langevin::Result;
/// x
#[derive(clap::Args)] pub struct Noise {}
impl Noise { pub fn run(self, _: &Shell) -> Result<()> { Ok(()) } }
