//! What the parts of the fuzz share: how much is run within which limits, and what came of it.

use std::time::Duration;

/// What a case may take.
pub const LIMIT: Duration = Duration::from_secs(10);
/// Memory that a process may address, so that a size taken from a file or an option ends it where the memory of the machine would not.
pub const ADDRESSES: u64 = 8 << 30;

/// What is run.
pub struct Options {
    /// Cases of the readers.
    pub runs: u64,
    /// Cases of the commands.
    pub commands: u64,
    /// What all damage follows from.
    pub seed: u64,
    /// Whether what is found goes into the corpus.
    pub keep: bool,
    /// Whether the document is written.
    pub record: bool,
}

/// What came of many cases.
pub struct Report {
    /// What was run.
    pub what: &'static str,
    /// How many cases.
    pub runs: u64,
    /// How long they took.
    pub seconds: f64,
    /// Most memory that one process had, in bytes.
    pub peak: u64,
    /// Each a kind and what it happened to.
    pub faults: Vec<String>,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { what, runs, seconds, peak, faults } = self;
        writeln!(
            f,
            "{what}: {runs} runs in {seconds:.0} s, {} faults, peak {} MiB",
            faults.len(),
            peak >> 20
        )?;
        faults.iter().try_for_each(|fault| writeln!(f, "  {fault}"))
    }
}
