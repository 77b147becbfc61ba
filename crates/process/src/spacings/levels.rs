//! `levels`: a list of levels, such as a measurement found for one model.
//!
//! With as many steps as there are values the path is the list, the noisy end of the schedule in place of its first value
//! and the clean image after its last. Other numbers of steps interpolate the logarithm of `sigma / alpha`, as Sabour et
//! al. 2024 (2404.14507) do with theirs. Where the range of a model is narrower than the list's, the list is squeezed into it.

use super::{Spacing, finish};
use crate::diffusion::Diffusion;
use crate::error::{Error, Result};
use crate::level::Level;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Spacing> = Entry {
    name: "levels",
    aliases: &[],
    summary: "a list of levels, such as `bench-samplers --optimise-grid` finds for a model",
    source: "the list's author; between its values Sabour et al. 2024, arXiv:2404.14507",
    options: &[OptionDoc {
        key: "at",
        default: "80/0.002",
        doc: "sigma / alpha at the start of every step, noisiest first, with / between them",
    }],
    build: |options| Ok(Box::new(Levels { logs: parse(options.text("at"))? })),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Levels {
    /// `ln(sigma / alpha)`, falling.
    logs: Vec<f64>,
}

fn parse(text: &str) -> Result<Vec<f64>> {
    let mut logs: Vec<f64> = Vec::new();
    for word in text.split('/').map(str::trim) {
        let value = word.parse::<f64>().ok().filter(|value| (1e-9..=1e9).contains(value));
        let value = value.ok_or_else(|| {
            Error::usage(format!("levels: \"{word}\" is not a sigma / alpha from 1e-9 to 1e9"))
                .hint("write them with / between, as in levels:at=80/5/0.5")
        })?;
        let log = libm::log(value);
        if logs.last().is_some_and(|last| log >= *last) {
            return Err(Error::usage(format!("levels: {word} is not below the level before it"))
                .hint("name the noisiest first"));
        }
        logs.push(log);
    }
    Ok(logs)
}

impl Spacing for Levels {
    fn path(&self, diffusion: &Diffusion, steps: usize) -> Result<Vec<Level>> {
        let (highest, last) = (diffusion.highest(), self.logs.len() - 1);
        if steps > 1 && last == 0 {
            return Err(Error::usage(format!("levels: {steps} steps need at least two levels")));
        }
        let [top, bottom] = [self.logs[0], self.logs[last]];
        let range = [top.min(libm::log(highest.ratio())), bottom.max(libm::log(diffusion.lowest().ratio()))];
        if last > 0 && range[1] >= range[0] {
            return Err(Error::usage("levels: none of them lies in the schedule's range of noise"));
        }
        let squeeze = if last > 0 { (range[0] - range[1]) / (top - bottom) } else { 1.0 };
        let level = |i: usize| {
            let place = (i * last) as f64 / (steps - 1) as f64;
            let index = (place as usize).min(last - 1);
            let part = place - index as f64;
            let log = self.logs[index] * (1.0 - part) + self.logs[index + 1] * part;
            diffusion.level_at(-2.0 * (range[1] + squeeze * (log - bottom)))
        };
        let noisy = (0..steps).map(|i| if i == 0 { highest } else { level(i) });
        finish(noisy.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::SPACINGS;
    use super::*;
    use crate::diffusion::DiffusionSpec;

    fn path(spacing: &str, schedule: &str, steps: usize) -> Result<Vec<Level>> {
        let spec = DiffusionSpec { schedule: schedule.into(), ..Default::default() };
        SPACINGS.build(spacing)?.path(&Diffusion::new(&spec).unwrap(), steps)
    }

    #[test]
    fn as_many_steps_as_values_are_the_list() {
        let path = path("levels:at=100/7/0.5/0.03", "cosine", 4).unwrap();
        let spec = DiffusionSpec::default();
        assert_eq!(path[0], Diffusion::new(&spec).unwrap().highest());
        for (level, ratio) in path[1..].iter().zip([7.0, 0.5, 0.03]) {
            assert!((level.ratio() / ratio - 1.0).abs() < 1e-12, "{level:?} and {ratio}");
        }
        assert_eq!(path[4], Level::CLEAN);
    }

    #[test]
    fn other_numbers_of_steps_take_geometric_means() {
        let path = path("levels:at=100/4/1", "cosine", 5).unwrap();
        for (level, ratio) in path[1..].iter().zip([20.0, 4.0, 2.0, 1.0]) {
            assert!((level.ratio() / ratio - 1.0).abs() < 1e-12, "{level:?} and {ratio}");
        }
    }

    #[test]
    fn a_list_wider_than_the_schedule_is_squeezed_and_bad_lists_are_refused() {
        let squeezed = path("levels:at=10000/1/0.0001", "linear", 3).unwrap();
        let spec = DiffusionSpec { schedule: "linear".into(), ..Default::default() };
        let lowest = Diffusion::new(&spec).unwrap().lowest();
        assert!((squeezed[2].ratio() / lowest.ratio() - 1.0).abs() < 1e-9);
        let refused = |at: &str| path(&format!("levels:at={at}"), "cosine", 2).unwrap_err().to_string();
        assert!(refused("80/x").contains("\"x\""));
        assert!(refused("1/2").contains("2 is not below"));
        assert!(refused("80/-1").contains("-1"));
        assert!(refused("3").contains("at least two"));
        assert!(path("levels:at=3", "cosine", 1).is_ok());
    }
}
