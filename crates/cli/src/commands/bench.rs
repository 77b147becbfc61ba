//! `langevin bench`.
use crate::shell::Shell; use langevin::Result;
/// x
#[derive(clap::Args)] pub struct Bench {}
impl Bench { pub fn run(self, _: &Shell) -> Result<()> { Ok(()) } }
