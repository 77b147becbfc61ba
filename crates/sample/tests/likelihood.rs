//! Likelihoods of distributions that are known in closed form.

use std::f64::consts::{E, LN_2, TAU};

use burn::tensor::Device;
use langevin_core::closed_form::{ClosedForm, Gaussian, Mixture};
use langevin_core::{Level, Purpose, Stream};
use langevin_process::{Diffusion, DiffusionSpec};
use langevin_sample::{FlowSettings, Likelihoods, Placed, Trace};

const PROCESSES: [(&str, &str); 6] = [
    ("linear:steps=0", "vp"),
    ("sub_vp_linear", "sub_vp"),
    ("geometric", "ve"),
    ("edm", "edm"),
    ("flow", "flow"),
    ("cosine", "vp"),
];

fn diffusion(schedule: &str, process: &str) -> Diffusion {
    let (schedule, process) = (schedule.to_owned(), process.to_owned());
    Diffusion::new(&DiffusionSpec { schedule, process, ..Default::default() }).unwrap()
}

fn images(known: &dyn ClosedForm, values: usize, count: u64) -> Vec<Placed> {
    let of = |number| {
        let values = known.draw(values, &mut Stream::new(3, Purpose::Start, number, 0));
        Placed { values, label: None, number }
    };
    (0..count).map(of).collect()
}

#[test]
fn the_flow_of_a_gaussian_has_its_density_in_every_process() {
    let (known, shape, values) = (Gaussian::varied(12), [3, 2, 2], 12);
    let device = Device::flex();
    let images = images(&known, values, 4);
    for (schedule, process) in PROCESSES {
        let diffusion = diffusion(schedule, process);
        // With independent values a probe of signs gives the trace itself.
        for trace in [Trace::Exact, Trace::Rademacher] {
            // Far out, where the mean of the data is nothing beside the noise, so that every single image fits.
            let far = FlowSettings { highest: 3e3, ..FlowSettings::new(&diffusion) };
            let settings = FlowSettings { trace, lowest: 1e-3, ..far };
            let of = Likelihoods { diffusion: &diffusion, shape, seed: 0, settings, device: &device };
            for (image, found) in images.iter().zip(of.log_densities(&known, &images).unwrap()) {
                let exact = known.log_density(Level::CLEAN, &image.values);
                let off = (found.nats - exact) / (values as f64 * LN_2);
                assert!(off.abs() < 1e-3, "{schedule}, {trace:?}: off by {off} bits a value");
                assert!(found.calls < 400, "{} calls", found.calls);
            }
        }
    }
}

/// Over a data set the default range gives the entropy of the Gaussian.
#[test]
fn bits_of_a_gaussian_data_set_are_its_entropy() {
    let (known, values, device) = (Gaussian::varied(48), 48, Device::flex());
    let images = images(&known, values, 64);
    for (schedule, process) in [("linear:steps=0", "vp"), ("sub_vp_linear", "sub_vp"), ("edm", "edm")] {
        let diffusion = diffusion(schedule, process);
        let settings = FlowSettings::new(&diffusion);
        let of = Likelihoods { diffusion: &diffusion, shape: [3, 4, 4], seed: 0, settings, device: &device };
        let found: f64 = of.log_densities(&known, &images).unwrap().iter().map(|d| d.nats).sum();
        let exact: f64 = images.iter().map(|p| known.log_density(Level::CLEAN, &p.values)).sum();
        let off = (found - exact) / (64.0 * values as f64 * LN_2);
        assert!(off.abs() < 1e-3, "{schedule}: off by {off} bits a value");
    }
}

#[test]
fn the_flow_of_a_mixture_has_its_density() {
    let device = Device::flex();
    for (known, schedule, process) in [
        (Mixture::three(), "linear:steps=0", "vp"),
        (Mixture::ring8(), "edm", "edm"),
        (Mixture::grid25(), "sub_vp_linear", "sub_vp"),
    ] {
        let diffusion = diffusion(schedule, process);
        let images = images(&known, 2, 12);
        // Far out, as above.
        let far = FlowSettings { highest: 3e3, ..FlowSettings::new(&diffusion) };
        let settings = FlowSettings { trace: Trace::Exact, lowest: 5e-4, ..far };
        let of = Likelihoods { diffusion: &diffusion, shape: [2, 1, 1], seed: 0, settings, device: &device };
        for (image, found) in images.iter().zip(of.log_densities(&known, &images).unwrap()) {
            let exact = known.log_density(Level::CLEAN, &image.values);
            let off = (found.nats - exact) / (2.0 * LN_2);
            assert!(off.abs() < 1e-3, "{schedule}: off by {off} bits a value");
        }
    }
}

#[test]
fn probes_give_the_exact_trace_on_average() {
    let (known, device) = (Mixture::three(), Device::flex());
    let diffusion = diffusion("linear:steps=0", "vp");
    let image = &images(&known, 2, 1)[0];
    let count = 400;
    let many: Vec<Placed> = (0..count).map(|number| Placed { number, ..image.clone() }).collect();
    for trace in [Trace::Rademacher, Trace::Gaussian] {
        let settings = FlowSettings { trace, tolerance: 1e-4, ..FlowSettings::new(&diffusion) };
        let of = Likelihoods { diffusion: &diffusion, shape: [2, 1, 1], seed: 1, settings, device: &device };
        let found: Vec<f64> = of.log_densities(&known, &many).unwrap().iter().map(|d| d.nats).collect();
        let mean = found.iter().sum::<f64>() / count as f64;
        let variance = found.iter().map(|f| (f - mean).powi(2)).sum::<f64>() / (count - 1) as f64;
        let error = (variance / count as f64).sqrt();
        let off = mean - known.log_density(Level::CLEAN, &image.values);
        assert!(off.abs() < 4.0 * error + 1e-3, "{trace:?}: off by {off}, standard error {error}");
        assert!(error > 1e-4, "the probes are all alike");
    }
}

#[test]
fn a_density_does_not_depend_on_the_batch() {
    let (known, device) = (Mixture::ring8(), Device::flex());
    let diffusion = diffusion("geometric", "ve");
    let images = images(&known, 2, 5);
    let of = |batch_size| {
        let settings = FlowSettings { batch_size, ..FlowSettings::new(&diffusion) };
        Likelihoods { diffusion: &diffusion, shape: [2, 1, 1], seed: 0, settings, device: &device }
    };
    let together = of(16).log_densities(&known, &images).unwrap();
    assert_eq!(of(2).log_densities(&known, &images).unwrap(), together);
    assert_eq!(of(1).log_densities(&known, &images[3..4]).unwrap()[0], together[3]);
}

/// With the true denoiser and ever finer steps the bound is the cross-entropy of the clean end (VDM, appendix): the mean over its noise
/// of `-ln p(y)` less the entropy of that noise.
#[test]
fn the_bound_of_a_gaussian_is_its_cross_entropy() {
    let (known, device) = (Gaussian::varied(12), Device::flex());
    let image = &images(&known, 12, 1)[0];
    let at = |schedule: &str, process: &str, draws: usize| {
        let diffusion = diffusion(schedule, process);
        let settings = FlowSettings { batch_size: 256, ..FlowSettings::new(&diffusion) };
        let of = Likelihoods { diffusion: &diffusion, shape: [3, 2, 2], seed: 5, settings, device: &device };
        let ratio = settings.lowest.max(0.0019);
        let wanted: f64 = (0..12)
            .map(|i| {
                let (mean, total) = (known.mean[i], known.variance[i] + ratio * ratio);
                let off = (image.values[i] - mean).powi(2) + ratio * ratio;
                0.5 * (TAU * total).ln() + 0.5 * off / total - 0.5 * (TAU * E * ratio * ratio).ln()
            })
            .sum();
        let found = of.bound(&known, image, draws).unwrap();
        assert!(found.prior >= 0.0);
        (found.prior + found.diffusion, wanted)
    };
    for (schedule, process) in [("linear:steps=0", "vp"), ("geometric", "ve"), ("flow", "flow")] {
        let (found, wanted) = at(schedule, process, 8192);
        assert!((found / wanted - 1.0).abs() < 0.02, "{schedule}: {found} nats, and {wanted}");
    }
}

/// The divergences of a table's steps, whose mean over the noise is known for a Gaussian.
#[test]
fn the_bound_of_a_table_is_the_sum_of_its_steps() {
    let (known, device) = (Gaussian::varied(12), Device::flex());
    let image = &images(&known, 12, 1)[0];
    let diffusion = diffusion("linear:steps=100,start=0.001,end=0.2", "vp");
    let settings = FlowSettings { batch_size: 256, ..FlowSettings::new(&diffusion) };
    let of = Likelihoods { diffusion: &diffusion, shape: [3, 2, 2], seed: 5, settings, device: &device };
    let found = of.bound(&known, image, 99 * 1024).unwrap();
    let cost = |step: usize| -> f64 {
        let (cleaner, at) = (diffusion.level((step - 1) as f64 / 99.0), diffusion.level(step as f64 / 99.0));
        let error = |i: usize| {
            let (off, variance) = (image.values[i] - known.mean[i], known.variance[i]);
            let gain = at.alpha * variance / (at.alpha.powi(2) * variance + at.sigma.powi(2));
            ((1.0 - gain * at.alpha) * off).powi(2) + (gain * at.sigma).powi(2)
        };
        0.5 * (cleaner.snr() - at.snr()) * (0..12).map(error).sum::<f64>()
    };
    let wanted: f64 = (1..100).map(cost).sum();
    assert!((found.diffusion / wanted - 1.0).abs() < 0.02, "{} nats, and {wanted}", found.diffusion);
    // The last entry keeps a little of the image.
    let end = diffusion.highest();
    let kept: f64 = image.values.iter().map(|x| 0.5 * (end.alpha * x / end.sigma).powi(2)).sum();
    assert!((found.prior - kept).abs() < 1e-9);
}

#[test]
fn an_impossible_range_is_refused() {
    let (known, device) = (Mixture::ring8(), Device::flex());
    let diffusion = diffusion("edm", "edm");
    let refused = |change: fn(&mut FlowSettings)| {
        let mut settings = FlowSettings::new(&diffusion);
        change(&mut settings);
        let of = Likelihoods { diffusion: &diffusion, shape: [2, 1, 1], seed: 0, settings, device: &device };
        of.log_densities(&known, &images(&known, 2, 1)).unwrap_err().exit_code()
    };
    assert_eq!(refused(|s| s.lowest = 0.0), 2);
    assert_eq!(refused(|s| s.lowest = 1e5), 2);
    assert_eq!(refused(|s| s.tolerance = 0.0), 2);
}
