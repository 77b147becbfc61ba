//! What was measured, as a table.

use std::fmt::Write;
use std::path::Path;

use super::cold::Cold;
use super::median::median;

/// The times of one work on one network.
pub struct Timing {
    network: String,
    title: &'static str,
    modes: Vec<String>,
    ours: Vec<f64>,
    /// By mode, then by round.
    theirs: Vec<Vec<f64>>,
}

/// The peak memory of one process of each side.
pub struct Memory {
    /// The network.
    pub network: String,
    /// Bytes of ours.
    pub ours: u64,
    /// Bytes of PyTorch's.
    pub theirs: u64,
}

/// Everything.
pub struct Report {
    rounds: usize,
    threads: usize,
    /// Name, parameters and largest difference of the answers.
    pub networks: Vec<(String, u64, f64)>,
    /// Times.
    pub timings: Vec<Timing>,
    /// Memory.
    pub memory: Vec<Memory>,
    /// From the start of the program to sixteen images.
    pub cold: Option<Cold>,
}

impl Timing {
    pub fn new(network: &str, title: &'static str, modes: &[&str]) -> Self {
        let theirs = modes.iter().map(|_| Vec::new()).collect();
        let modes = modes.iter().map(|mode| (*mode).to_owned()).collect();
        Self { network: network.to_owned(), title, modes, ours: Vec::new(), theirs }
    }

    /// One round: our seconds, and those of each mode.
    pub fn add(&mut self, ours: f64, theirs: &[f64]) {
        self.ours.push(ours);
        self.theirs.iter_mut().zip(theirs).for_each(|(all, one)| all.push(*one));
    }

    /// Index of the mode with the smallest median.
    fn fastest(&self) -> usize {
        let medians: Vec<f64> = self.theirs.iter().map(|times| median(times)).collect();
        (0..medians.len()).min_by(|a, b| medians[*a].total_cmp(&medians[*b])).unwrap_or(0)
    }

    /// How many times as fast ours is as the fastest mode: ratio of medians, and least and most of the rounds.
    fn ratio(&self) -> (f64, f64, f64) {
        let best = &self.theirs[self.fastest()];
        let rounds = best.iter().zip(&self.ours).map(|(theirs, ours)| theirs / ours);
        let (least, most) =
            rounds.fold((f64::INFINITY, 0.0_f64), |(least, most), r| (least.min(r), most.max(r)));
        (median(best) / median(&self.ours), least, most)
    }

    /// One row of the table.
    pub fn line(&self) -> String {
        let (ratio, least, most) = self.ratio();
        let theirs: Vec<String> = self
            .modes
            .iter()
            .zip(&self.theirs)
            .map(|(mode, times)| format!("{mode} {:.1}", 1e3 * median(times)))
            .collect();
        format!(
            "| {} | {} | {:.1} | {} | **{ratio:.2}** ({least:.2} to {most:.2}) |",
            self.network,
            self.title,
            1e3 * median(&self.ours),
            theirs.join(", ")
        )
    }
}

impl Report {
    pub fn new(rounds: usize, threads: usize) -> Self {
        Self { rounds, threads, networks: vec![], timings: vec![], memory: vec![], cold: None }
    }

    /// The whole as Markdown.
    pub fn table(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "{} rounds in turn (each turn the median of three runs or more after a rest), {} threads each; milliseconds are medians; the\n\
             ratio is that of the fastest of PyTorch's modes to ours, with the least and the most of the rounds.\n",
            self.rounds, self.threads
        );
        for (name, parameters, difference) in &self.networks {
            let _ = writeln!(
                out,
                "* `{name}`: {:.2}M parameters; answers differ by at most {difference:.1e}",
                *parameters as f64 / 1e6
            );
        }
        let _ = writeln!(
            out,
            "\n| network | work | ours, ms | PyTorch, ms | times as fast |\n|---|---|---|---|---|"
        );
        for timing in &self.timings {
            let _ = writeln!(out, "{}", timing.line());
        }
        if !self.memory.is_empty() {
            let _ = writeln!(
                out,
                "\n| network | peak memory of a process that trains, MiB | PyTorch, MiB | part |\n|---|---|---|---|"
            );
        }
        for Memory { network, ours, theirs } in &self.memory {
            let mib = |bytes: &u64| *bytes as f64 / f64::from(1 << 20);
            let part = *ours as f64 / (*theirs).max(1) as f64;
            let _ = writeln!(out, "| {network} | {:.0} | {:.0} | {part:.2} |", mib(ours), mib(theirs));
        }
        if let Some(cold) = &self.cold {
            let _ = writeln!(out, "\n{}", cold.sentence());
        }
        out
    }

    /// Writes the table with the date and the machine.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, root: &Path) -> Result<(), String> {
        let file = root.join("docs/bench-peers.md");
        let text = format!(
            "# Against PyTorch\n\n`cargo xtask bench-peers --record`, {}, at commit {}, {}.\n\n{}",
            crate::stamp::date(root),
            crate::stamp::commit(root),
            crate::stamp::processor(),
            self.table()
        );
        std::fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fastest_mode_counts() {
        let mut timing = Timing::new("mnist", "step", &["eager", "compile"]);
        for (ours, eager, compile) in [(1.0, 4.0, 3.0), (1.0, 5.0, 2.0), (2.0, 6.0, 2.5)] {
            timing.add(ours, &[eager, compile]);
        }
        let (ratio, least, most) = timing.ratio();
        assert_eq!((ratio, least, most), (2.5, 1.25, 3.0));
        assert!(timing.line().contains("**2.50** (1.25 to 3.00)"), "{}", timing.line());
    }
}
