//! The flags of commands that train, and the images that they count.

use std::path::PathBuf;

use clap::Args;

use crate::headings::{ADVANCED, COMMON};
use crate::shell;

/// How long to train, with which settings, and what to do with the run's folder.
#[derive(Args)]
pub struct TrainingFlags {
    /// The run's folder; an existing run resumes [default: runs/NAME, after the data or the model].
    #[arg(short, long, alias = "output", value_name = "RUN")]
    pub out: Option<PathBuf>,
    /// Images seen in total (of a distillation: per student), such as 50000, 64Ki or 2Mi.
    #[arg(long, value_parser = count)]
    pub images: Option<u64>,
    /// Stop after this many minutes of training (of a distillation: per student).
    #[arg(long)]
    pub minutes: Option<f64>,
    /// Images per update.
    #[arg(long)]
    pub batch_size: Option<usize>,
    /// Seed [default: 0].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = shell::fixed_seed())]
    pub seed: Option<u64>,
    /// Any other setting, as `section.key=value`, for instance `train.decay="cosine"`; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Resume the run in --out; an error where there is none. `train` then needs no DATA and no other flag.
    #[arg(long)]
    pub resume: bool,
    /// Print the time and memory the run (of a distillation: its first student) would take, and exit.
    #[arg(long)]
    pub dry_run: bool,
    /// Print the settings as TOML, and exit.
    #[arg(long)]
    pub print_config: bool,
    /// Learning rate.
    #[arg(long, alias = "lr", value_name = "RATE", help_heading = ADVANCED)]
    pub learning_rate: Option<f64>,
    /// Slower convolutions with slightly less rounding error.
    #[arg(long, help_heading = ADVANCED)]
    pub exact: bool,
    /// Treat an unreadable image as an error.
    #[arg(long, help_heading = ADVANCED)]
    pub strict: bool,
    /// Store the weights of model.safetensors in 16 bits, half the size.
    #[arg(long, help_heading = ADVANCED)]
    pub half: bool,
    /// Print the result as JSON.
    #[arg(long, help_heading = COMMON)]
    pub json: bool,
}

fn count(text: &str) -> std::result::Result<u64, String> {
    let (digits, factor) = if let Some(digits) = text.strip_suffix("Ki") {
        (digits, 1 << 10)
    } else if let Some(digits) = text.strip_suffix("Mi") {
        (digits, 1 << 20)
    } else if let Some(digits) = text.strip_suffix('k') {
        (digits, 1_000)
    } else if let Some(digits) = text.strip_suffix('M') {
        (digits, 1_000_000)
    } else {
        (text, 1)
    };
    let whole =
        digits.parse::<u64>().map_err(|_| "not a number of images; for instance 50000, 64Ki or 2Mi")?;
    whole
        .checked_mul(factor)
        .filter(|n| *n > 0)
        .ok_or_else(|| "must be at least 1 and not astronomical".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_take_the_usual_suffixes() {
        assert_eq!(count("50000"), Ok(50_000));
        assert_eq!(count("64Ki"), Ok(65_536));
        assert_eq!(count("2Mi"), Ok(2 << 20));
        assert_eq!(count("3k"), Ok(3_000));
        assert!(count("0").is_err() && count("many").is_err() && count("99999999999999999Mi").is_err());
    }
}
