//! The two programs that are compared.

use std::path::PathBuf;

use super::peer::Peer;

/// Threads of each side.
pub const THREADS: usize = 2;

/// Where the two programs are.
pub struct Sides {
    /// Python, with what its scripts need.
    pub python: PathBuf,
    /// The workspace.
    pub root: PathBuf,
    /// Where both find weights and leave files.
    pub folder: PathBuf,
}

impl Sides {
    /// A fresh process of ours.
    pub fn ours(&self) -> Result<Peer, String> {
        Peer::start(&crate::workspace::target(&self.root).join("release/examples/bench_peer"), &[], THREADS)
    }

    /// A fresh process of PyTorch.
    pub fn theirs(&self) -> Result<Peer, String> {
        let script = self.root.join("references/bench/peers.py");
        Peer::start(&self.python, &[script.display().to_string()], THREADS)
    }
}
