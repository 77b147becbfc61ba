//! Which sampler and spacing serve a model best at a number of calls, as `langevin bench-samplers` measured it and wrote it
//! into the model's file.

use langevin_core::{Error, Result};
use langevin_process::{Diffusion, SPACINGS, folded};
use langevin_sample::SAMPLERS;

use crate::defaults::{Grid, OWN, SampleSettings, Tuned};

/// How to sample, once what was asked for, what was measured and the model's defaults are put together.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// Steps.
    pub steps: usize,
    /// The sampler.
    pub sampler: String,
    /// The spacing, never `own`: the levels that it stands for.
    pub spacing: String,
    /// The budget whose measurement decided, if one did.
    pub measured_at: Option<usize>,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// Steps.
    pub steps: Option<usize>,
    /// Calls of the network instead of steps.
    pub calls: Option<usize>,
    /// The sampler.
    pub sampler: Option<&'a str>,
    /// The spacing.
    pub spacing: Option<&'a str>,
}

/// The names that the registries list for a sampler and a spacing as people type them: in any case, and with the spacing at the
/// end of the sampler's name, as in "DPM++ 2M Karras".
///
/// ```
/// use langevin_model::resolve::canonical;
///
/// let (sampler, spacing) = canonical(Some("DPM++ 2M Karras"), None)?;
/// assert_eq!((sampler.as_deref(), spacing.as_deref()), (Some("dpmpp_2m"), Some("karras")));
/// assert_eq!(canonical(Some("Euler a"), None)?.0.as_deref(), Some("euler_a"));
/// # Ok::<(), langevin_core::Error>(())
/// ```
///
/// # Errors
/// Usage: an unknown sampler or spacing, or a spacing in the sampler's name and another one next to it.
pub fn canonical(sampler: Option<&str>, spacing: Option<&str>) -> Result<(Option<String>, Option<String>)> {
    let spacing = spacing.map(spacing_name).transpose()?;
    let Some(wanted) = sampler else { return Ok((None, spacing)) };
    let unknown = match SAMPLERS.canonical(wanted) {
        Ok(name) => return Ok((Some(name), spacing)),
        Err(error) => error,
    };
    let Some((name, within)) = with_spacing(wanted) else { return Err(unknown) };
    match spacing {
        Some(spacing) if spacing != within => Err(Error::usage(format!(
            "--sampler \"{wanted}\" names the spacing {within}, and --spacing is {spacing}"
        ))
        .hint(format!("give --sampler {name} with the spacing that is meant"))),
        _ => Ok((Some(name.to_owned()), Some(within.to_owned()))),
    }
}

/// The sampler and the spacing of a name that ends in that of a spacing.
fn with_spacing(name: &str) -> Option<(&'static str, &'static str)> {
    let name = folded(name);
    SPACINGS.entries.iter().find_map(|spacing| {
        let sampler = name.strip_suffix(&folded(spacing.name))?.strip_suffix('_')?;
        Some((SAMPLERS.find(sampler).ok()?.name, spacing.name))
    })
}

fn spacing_name(wanted: &str) -> Result<String> {
    if folded(wanted) == OWN {
        return Ok(OWN.to_owned());
    }
    SPACINGS.canonical(wanted).map_err(|error| match SAMPLERS.find(wanted) {
        Ok(sampler) => error.hint(format!("that is a sampler: --sampler {}", sampler.name)),
        Err(_) => error,
    })
}

/// Puts together what was asked for with what was measured and `defaults`.
///
/// A number of steps or calls without a sampler and a spacing takes those that were best at the largest measured budget
/// within it (else at the smallest). For steps only methods with one call a step come into question.
///
/// # Errors
/// As [`canonical`]; usage, when no steps of the sampler fit into the calls, or the spacing is `own` and no levels were measured.
pub fn resolve(defaults: &SampleSettings, diffusion: &Diffusion, asked: Asked<'_>) -> Result<Resolved> {
    let (sampler, spacing) = canonical(asked.sampler, asked.spacing)?;
    let asked = Asked { sampler: sampler.as_deref(), spacing: spacing.as_deref(), ..asked };
    let budget = asked.calls.or(asked.steps);
    let fits = |tuned: &&Tuned| asked.calls.is_some() || tuned.steps == tuned.calls;
    let best = budget.filter(|_| asked.sampler.is_none() && asked.spacing.is_none()).and_then(|budget| {
        let all = || defaults.tuned.iter().filter(fits);
        let within = all().filter(|tuned| tuned.calls <= budget).max_by_key(|tuned| tuned.calls);
        within.or_else(|| all().min_by_key(|tuned| tuned.calls))
    });
    let sampler = best.map_or(asked.sampler.unwrap_or(&defaults.sampler), |tuned| &tuned.sampler);
    let spacing = best.map_or(asked.spacing.unwrap_or(&defaults.spacing), |tuned| &tuned.spacing);
    let steps = match asked.calls {
        Some(calls) => steps_within(defaults, sampler, spacing, diffusion, calls)?,
        None => asked.steps.unwrap_or(defaults.steps),
    };
    Ok(Resolved {
        steps,
        sampler: sampler.to_owned(),
        spacing: placed(defaults, sampler, spacing, steps)?,
        measured_at: best.map(|tuned| tuned.calls),
    })
}

/// The most steps of `sampler` over `spacing` that ask the network no more than `calls` times.
///
/// # Errors
/// Usage: unknown names, or not even one step fits.
pub fn steps_within(
    settings: &SampleSettings,
    sampler: &str,
    spacing: &str,
    diffusion: &Diffusion,
    calls: usize,
) -> Result<usize> {
    let method = SAMPLERS.build(sampler)?;
    // Names are checked once; a path may be impossible for some numbers of steps.
    SPACINGS.build(&placed(settings, sampler, spacing, calls)?)?;
    let fits = |steps: &usize| {
        let placed = placed(settings, sampler, spacing, *steps).and_then(|placed| SPACINGS.build(&placed));
        placed
            .and_then(|placed| placed.path(diffusion, *steps))
            .is_ok_and(|path| (1..=calls).contains(&method.calls(&path)))
    };
    (1..=calls).rev().find(fits).ok_or_else(|| {
        Error::usage(format!("{sampler} over {spacing} takes no step within {calls} network evaluations"))
            .hint("allow more of them")
    })
}

/// `spacing`, or for `own` the levels in `settings` that `steps` steps of `sampler` use: those measured for its order, for the
/// next larger number of steps (else the largest).
///
/// # Errors
/// Usage: an unknown sampler, or a model on which no levels were measured.
pub fn placed(settings: &SampleSettings, sampler: &str, spacing: &str, steps: usize) -> Result<String> {
    if spacing != OWN {
        return Ok(spacing.to_owned());
    }
    let order = if SAMPLERS.build(sampler)?.order() == Some(1) { 1 } else { 2 };
    let distance = |grid: &&Grid| {
        let count = grid.levels.len();
        (grid.order != order, count < steps, count.abs_diff(steps))
    };
    settings.grids.iter().min_by_key(distance).map(Grid::spacing).ok_or_else(|| {
        Error::usage("no levels of its own were measured on this model, so there is no spacing own")
            .hint("measure them with `langevin bench-samplers MODEL --optimise-grid`")
    })
}

#[cfg(test)]
mod tests {
    use langevin_process::DiffusionSpec;

    use super::*;
    use crate::defaults::Tuned;

    #[test]
    fn own_is_the_grid_of_the_samplers_order_and_the_next_larger_number_of_steps() {
        let grid = |order, levels: &[f64]| Grid { order, levels: levels.to_vec() };
        let grids = vec![grid(1, &[80.0, 1.5]), grid(1, &[80.0, 2.0, 0.5, 0.1]), grid(2, &[80.0, 3.0])];
        let settings = SampleSettings { grids, ..SampleSettings::default() };
        let own = |sampler: &str, steps| placed(&settings, sampler, OWN, steps).unwrap();
        assert_eq!(own("ddim", 1), "levels:at=80/1.5");
        assert_eq!(own("euler", 3), "levels:at=80/2/0.5/0.1");
        assert_eq!(own("ddim", 9), "levels:at=80/2/0.5/0.1");
        assert_eq!(own("dpmpp_2m", 4), "levels:at=80/3");
        assert!(SPACINGS.build(&own("unipc", 2)).is_ok());
        assert_eq!(placed(&settings, "ddim", "karras", 3).unwrap(), "karras");
        let none = placed(&SampleSettings::default(), "ddim", OWN, 3).unwrap_err();
        assert!(none.to_string().contains("--optimise-grid"), "{none}");
    }

    #[test]
    fn names_of_other_programs_are_those_of_the_registries() {
        let of = |sampler: &str| {
            let (sampler, spacing) = canonical(Some(sampler), None).unwrap();
            (sampler.unwrap(), spacing.unwrap_or_default())
        };
        let is = |sampler: &str, spacing: &str| (sampler.to_owned(), spacing.to_owned());
        assert_eq!(of("dpmpp_2m_karras"), is("dpmpp_2m", "karras"));
        assert_eq!(of("DPM++ 2M SDE Exponential"), is("dpmpp_2m_sde", "exponential"));
        assert_eq!(of("DPM++ SDE Karras"), is("dpmpp_sde", "karras"));
        assert_eq!(of("DPM2 a Karras"), is("dpm2_a", "karras"));
        assert_eq!(of("LMS"), is("lms", ""));
        assert_eq!(of("PLMS"), is("pndm", ""));
        assert_eq!(of("DDIM:eta=1"), is("ddim:eta=1", ""));
        let refused = |sampler, spacing| canonical(sampler, spacing).unwrap_err().to_string();
        assert!(refused(Some("Heun Karras"), Some("trailing")).contains("names the spacing karras"));
        assert!(refused(Some("dpm++"), None).contains("there are: dpmpp_2s, dpmpp_2s_a, dpmpp_2m,"));
        assert!(refused(None, Some("Euler a")).contains("--sampler euler_a"));
        assert_eq!(canonical(Some("heun karras"), Some("Karras")).unwrap().1.as_deref(), Some("karras"));
    }

    #[test]
    fn what_was_measured_decides_only_where_nothing_was_asked_for() {
        let tuned = |calls, steps, sampler: &str| Tuned {
            calls,
            steps,
            sampler: sampler.to_owned(),
            spacing: "log_snr".to_owned(),
        };
        let measured = vec![tuned(5, 5, "euler"), tuned(10, 5, "heun"), tuned(10, 10, "ddim")];
        let defaults = SampleSettings { tuned: measured, ..SampleSettings::default() };
        let diffusion = Diffusion::new(&DiffusionSpec::default()).unwrap();
        let of = |asked| {
            let found = resolve(&defaults, &diffusion, asked).unwrap();
            (found.steps, found.sampler, found.spacing, found.measured_at)
        };
        let is = |steps: usize, sampler: &str, spacing: &str, at| {
            (steps, sampler.to_owned(), spacing.to_owned(), at)
        };
        assert_eq!(of(Asked::default()), is(20, "dpmpp_2m", "karras", None));
        let steps = |steps| Asked { steps: Some(steps), ..Asked::default() };
        assert_eq!(of(steps(12)), is(12, "ddim", "log_snr", Some(10)));
        assert_eq!(of(steps(7)), is(7, "euler", "log_snr", Some(5)));
        assert_eq!(of(steps(3)), is(3, "euler", "log_snr", Some(5)));
        assert_eq!(of(Asked { sampler: Some("heun"), ..steps(12) }), is(12, "heun", "karras", None));
        let calls = |calls| Asked { calls: Some(calls), ..Asked::default() };
        assert_eq!(of(calls(6)).3, Some(5));
        // Heun asks twice a step, but once in the last.
        assert_eq!(of(Asked { sampler: Some("heun"), ..calls(10) }).0, 5);
        assert_eq!(of(Asked { sampler: Some("heun"), ..calls(1) }).0, 1);
    }
}
