//! Guidance in a limited interval of noise levels (Kynkaanniemi et al. 2024, arXiv 2404.07724, eq. 4): where
//! `low < sigma / alpha <= high` the image is guided, elsewhere the model answers itself, for the price of one call.

use burn::tensor::Tensor;
use langevin_process::registry::{Entry, OptionDoc};
use langevin_process::{Error, Level, Result};

use super::guided::{Compared, Guidance};

pub(super) const ENTRY: Entry<dyn Guidance> = Entry {
    name: "interval",
    aliases: &[],
    summary: "guidance at medium noise alone: less exaggeration, fewer calls",
    source: "Kynkaanniemi et al. 2024, 2404.07724, eq. 4",
    options: &[
        OptionDoc { key: "low", default: "0.2", doc: "sigma/alpha above which images are guided, from 0" },
        OptionDoc { key: "high", default: "5", doc: "the last sigma/alpha at which they are, above low" },
        OptionDoc { key: "of", default: "cfg", doc: "the guidance within, with its default options" },
    ],
    build: |options| {
        let (low, high) = (options.number("low", 0.0, 1e6)?, options.number("high", 0.0, 1e6)?);
        if low >= high {
            return Err(Error::usage(format!("interval: low={low} must be less than high={high}")));
        }
        Ok(Box::new(Interval { low, high, rule: super::GUIDANCES.build(options.text("of"))? }))
    },
    ..Entry::BLANK
};

/// A guidance limited to an interval.
pub struct Interval {
    /// `sigma / alpha` above which images are guided.
    pub low: f64,
    /// The last `sigma / alpha` at which they are.
    pub high: f64,
    /// The guidance within.
    pub rule: Box<dyn Guidance>,
}

impl Guidance for Interval {
    fn guide(&self, compared: Compared<'_>) -> Result<Tensor<4>> {
        let (conditional, at) = (compared.conditional.clone(), compared.at);
        let guided = self.rule.guide(compared)?;
        if at.0.iter().all(|level| self.applies(*level)) {
            return Ok(guided);
        }
        let one = |(image, level): (usize, &Level)| {
            let from = if self.applies(*level) { &guided } else { &conditional };
            from.clone().narrow(0, image, 1)
        };
        Ok(Tensor::cat(at.0.iter().enumerate().map(one).collect(), 0))
    }

    fn applies(&self, at: Level) -> bool {
        // Without division, so that a level without signal is above every interval.
        at.sigma > self.low * at.alpha && at.sigma <= self.high * at.alpha && self.rule.applies(at)
    }

    fn needs_guide(&self) -> bool {
        self.rule.needs_guide()
    }

    fn begin(&self) {
        self.rule.begin();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::guided::tests::{Classed, check_near, points};
    use super::*;
    use crate::cond::Cond;
    use crate::denoiser::{Denoiser, Levels};
    use crate::guidance::{GUIDANCES, Guided};

    struct Counted(Classed, AtomicUsize);

    impl Denoiser for Counted {
        fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.denoise(x, at, cond)
        }
    }

    #[test]
    fn images_are_guided_within_and_asked_for_once_without() {
        let model = Counted(Classed::two(), AtomicUsize::new(0));
        let rule = || GUIDANCES.build("interval:low=0.5,high=2").unwrap();
        let guided = Guided::new(&model, rule(), 3.0, None).unwrap();
        let x = points(&[[0.3, 0.2]]);
        for (alpha, sigma, calls) in [
            (1.0, 0.5, 1),
            (1.0, 0.5001, 2),
            (1.0, 2.0, 2),
            (0.5, 1.0, 2),
            (0.5, 1.001, 1),
            (0.0, 1.0, 1),
            (1.0, 0.0, 1),
        ] {
            let at = Levels::all(Level { alpha, sigma }, 1);
            model.1.store(0, Ordering::Relaxed);
            let made = guided.denoise(x.clone(), &at, &Cond::classes([Some(1)])).unwrap();
            assert_eq!(model.1.load(Ordering::Relaxed), calls, "{alpha} {sigma}");
            let scale = if calls == 2 { 3.0 } else { 1.0 };
            let wanted = model.0.extrapolated(1, scale).denoise(x.clone(), &at, &Cond::none()).unwrap();
            check_near(&made, &wanted, 2e-6);
        }
    }

    #[test]
    fn each_image_has_its_own_level() {
        let model = Classed::two();
        let guided = |rule: &str| Guided::new(&model, GUIDANCES.build(rule).unwrap(), 3.0, None).unwrap();
        let at = Levels([0.1, 1.0, 9.0].map(|sigma| Level { alpha: 1.0, sigma }).to_vec());
        let (x, cond) = (points(&[[0.3, 0.2]; 3]), Cond::classes([Some(0); 3]));
        let made = guided("interval").denoise(x.clone(), &at, &cond).unwrap();
        let (conditional, all) = (model.denoise(x.clone(), &at, &cond), guided("cfg").denoise(x, &at, &cond));
        let (conditional, all) = (conditional.unwrap(), all.unwrap());
        let part = |of: &Tensor<4>, image| of.clone().narrow(0, image, 1);
        check_near(
            &made,
            &Tensor::cat(vec![part(&conditional, 0), part(&all, 1), part(&conditional, 2)], 0),
            0.0,
        );
    }

    #[test]
    fn an_interval_holds_another_guidance() {
        assert!(GUIDANCES.build("interval:of=autoguidance").unwrap().needs_guide());
        for (spec, says) in
            [("interval:low=2,high=2", "less than"), ("interval:of=apgg", "did you mean \"apg\"")]
        {
            assert!(GUIDANCES.build(spec).err().unwrap().to_string().contains(says), "{spec}");
        }
    }
}
