//! The batch driver.

use burn::tensor::Device;
use langevin_core::{Cond, ErrorKind, Level, NoiseStreams, Run, Start, Stop};
use langevin_sample::{BatchRequest, sample_all};
use langevin_testkit::Gaussian;
use langevin_testkit::samplers::{tensor, values};

use super::{path, sampler};

#[test]
fn the_batch_driver_reports_cancels_and_refuses() {
    let model = Gaussian::same(0.0, 0.25);
    let device = Device::flex();
    let path = path("cosine", "vp", "trailing", 3);
    let heun = sampler("heun");
    let request = BatchRequest { batch_size: 2, ..BatchRequest::new(5, 0, [1, 2, 2]) };
    let mut seen = Vec::new();
    sample_all(&model, &*heun, &path, &request, &device, |at| {
        seen.push((at.offset, at.progress.step, at.fraction()));
    })
    .unwrap();
    assert_eq!(seen.len(), 9);
    assert_eq!((seen[0].0, seen[0].1), (0, 1));
    assert_eq!(seen[8], (4, 3, 1.0));
    assert!(seen.windows(2).all(|pair| pair[0].2 < pair[1].2));

    let flag = Stop::new();
    let stopped = BatchRequest { stop: Some(flag.clone()), ..request.clone() };
    let mut steps = 0;
    let error = sample_all(&model, &*heun, &path, &stopped, &device, |_| {
        steps += 1;
        if steps == 4 {
            flag.request(Stop::INTERRUPT);
        }
    })
    .unwrap_err();
    assert_eq!((error.kind(), steps), (ErrorKind::Interrupted(2), 4));

    let refused = |request: BatchRequest| {
        sample_all(&model, &*heun, &path, &request, &device, |_| ()).unwrap_err().kind()
    };
    assert_eq!(refused(BatchRequest { count: 0, ..request.clone() }), ErrorKind::Usage);
    assert_eq!(refused(BatchRequest { labels: Some(vec![None; 4]), ..request.clone() }), ErrorKind::Usage);
    let noise = Some(tensor(&[0.0; 4], [1, 1, 2, 2]));
    let start = Start { noise, ..Start::default() };
    assert_eq!(refused(BatchRequest { start, ..request.clone() }), ErrorKind::Usage);
    assert_eq!(
        sample_all(&model, &*heun, &path[..1], &request, &device, |_| ()).unwrap_err().kind(),
        ErrorKind::Usage
    );
}

#[test]
fn given_start_noise_replaces_that_of_the_seed() {
    let model = Gaussian::same(0.0, 0.25);
    let device = Device::flex();
    let path = path("edm", "edm", "karras", 5);
    let run = Run::new(Cond::none(), NoiseStreams::new(9, 0..3));
    let unit = run.start_at(Level { alpha: 0.0, sigma: 1.0 }, [1, 2, 2], &device);
    let request = BatchRequest { batch_size: 2, ..BatchRequest::new(3, 9, [1, 2, 2]) };
    let made = |request: &BatchRequest| {
        values(sample_all(&model, &*sampler("dpmpp_2m"), &path, request, &device, |_| ()).unwrap())
    };
    let given =
        BatchRequest { seed: 1, start: Start { noise: Some(unit), ..Start::default() }, ..request.clone() };
    assert_eq!(made(&request), made(&given));
}
