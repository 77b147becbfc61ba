//! The metrics against other programs: scipy, prdc, torchmetrics, scikit-image and pytorch-msssim
//! (`references/golden/evaluation.py`).

use langevin_core::{Image, Result};
use langevin_eval::{Case, Chunk, Described, Gallery, METRICS, Measured, Rows, Sample};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../references/golden/evaluation.json")).unwrap()
}

fn sample(entry: &Value, name: &str) -> Sample {
    let numbers = entry[name].as_array().unwrap().iter();
    let values = numbers.map(|value| value.as_i64().unwrap() as f32 / 64.0).collect();
    let rows = Rows::new(entry["width"].as_u64().unwrap() as usize, values).unwrap();
    Sample { name: name.to_owned(), rows, ..Sample::default() }
}

fn measure(spec: &str, judged: &Sample, reference: &Sample) -> Result<Measured> {
    METRICS.build(spec)?.measure(&Case { judged, reference, gallery: None, trainer: None, seed: 1 })
}

fn value(spec: &str, name: &str, judged: &Sample, reference: &Sample) -> (f64, f64) {
    let found = measure(spec, judged, reference).unwrap().values;
    let value = found.iter().find(|value| value.name == name).unwrap();
    (value.value, value.error.unwrap_or(0.0))
}

#[test]
fn sets_of_features_are_as_far_apart_as_published_programs_say() {
    for entry in golden()["sets"].as_array().unwrap() {
        let (judged, reference) = (sample(entry, "judged"), sample(entry, "reference"));
        for (spec, name) in [
            ("frechet", "frechet"),
            ("kid", "kid"),
            ("precision_recall", "precision"),
            ("precision_recall", "recall"),
            ("density_coverage", "density"),
            ("density_coverage", "coverage"),
        ] {
            let expected = entry[name].as_f64().unwrap();
            let (found, error) = value(spec, name, &judged, &reference);
            assert!(
                (found - expected).abs() < 1e-8 * (1.0 + expected.abs()),
                "{name}: {found}, not {expected}"
            );
            assert!(error > 0.0 && error < 0.5 * (1.0 + expected.abs()), "{name}: ± {error}");
        }
    }
}

#[test]
fn a_set_is_at_no_distance_from_itself() {
    let golden = golden();
    let one = sample(&golden["sets"][0], "judged");
    assert!(value("frechet", "frechet", &one, &one).0.abs() < 1e-9);
    assert_eq!(value("precision_recall", "recall", &one, &one).0, 1.0);
    assert_eq!(value("density_coverage", "coverage", &one, &one).0, 1.0);
}

#[test]
fn kid_of_subsets_is_near_kid_of_all_pairs_and_repeats() {
    let golden = golden();
    let (judged, reference) = (sample(&golden["sets"][1], "judged"), sample(&golden["sets"][1], "reference"));
    let (all, _) = value("kid", "kid", &judged, &reference);
    let spec = "kid:subsets=200,size=25";
    let (by_subsets, spread) = value(spec, "kid", &judged, &reference);
    assert!((all - by_subsets).abs() < 4.0 * spread / 200.0_f64.sqrt() + 0.02, "{all} {by_subsets} {spread}");
    assert_eq!(value(spec, "kid", &judged, &reference), (by_subsets, spread));
    assert_eq!(measure("kid:subsets=5,size=60", &judged, &reference).unwrap_err().exit_code(), 2);
}

/// The formula of `references/golden/evaluation.py`.
fn image(width: usize, height: usize, channels: usize, salt: usize) -> Image {
    let value = |at: usize| {
        let (c, x, y) = (at % channels, at / channels % width, at / channels / width);
        let grain = (x * 7919 + y * 10473 + c * 1299 + salt * 31) % 61;
        ((x * x / 7 + y * 3 + c * 40 + grain * salt / 4) % 256) as u8
    };
    Image::from_u8(width, height, channels, (0..width * height * channels).map(value).collect())
}

#[test]
fn pairs_of_images_are_as_alike_as_published_programs_say() {
    for entry in golden()["pairs"].as_array().unwrap() {
        let shape: Vec<usize> =
            entry["shape"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect();
        let one =
            |salt| Sample { images: vec![image(shape[0], shape[1], shape[2], salt)], ..Sample::default() };
        let (a, b) = (one(4), one(9));
        // pytorch-msssim has its window in f32.
        for (name, tolerance) in [("psnr", 1e-9), ("ssim", 1e-9), ("ms_ssim", 2e-6)] {
            match entry[name].as_f64() {
                Some(expected) => {
                    let found = value(name, name, &a, &b).0;
                    assert!(
                        (found - expected).abs() < tolerance,
                        "{name} at {shape:?}: {found}, not {expected}"
                    );
                }
                None => assert_eq!(measure(name, &a, &b).unwrap_err().exit_code(), 2),
            }
        }
        assert_eq!(value("psnr", "psnr", &a, &a).0, f64::INFINITY);
        assert!((value("ssim", "ssim", &a, &a).0 - 1.0).abs() < 1e-12);
    }
}

struct Wall(Vec<Image>);

impl Gallery for Wall {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn chunk(&self, from: usize, to: usize, _features: bool) -> Result<Chunk> {
        Ok(Chunk { images: self.0[from..to].to_vec(), rows: None })
    }
}

#[test]
fn copies_are_found_and_strangers_are_not() {
    let training: Vec<Image> = (0..700).map(|salt| image(12, 12, 1, salt)).collect();
    let wall = Wall(training);
    let mut judged = Sample::new("judged");
    judged.append(
        vec![wall.0[600].clone(), image(12, 12, 1, 5000)],
        &[None, None],
        Described::default(),
        true,
    );
    let case = Case { judged: &judged, reference: &judged, gallery: Some(&wall), trainer: None, seed: 0 };
    let metric = METRICS.build("memorisation:features=false").unwrap();
    let found = metric.measure(&case).unwrap();
    assert_eq!(found.values[0].value, 0.5);
    let (first, second) = (&found.nearest[0], &found.nearest[1]);
    assert_eq!((first.judged, first.training, first.distance, first.copied), (0, 600, 0.0, true));
    assert!(!second.copied && second.distance > 2.0, "{second:?}");
}

#[test]
fn too_few_images_are_refused() {
    let few = Sample { rows: Rows::new(2, vec![0.0; 4]).unwrap(), ..Sample::default() };
    for spec in ["frechet", "kid", "precision_recall", "density_coverage", "class_kl", "class_agreement"] {
        assert_eq!(measure(spec, &few, &few).unwrap_err().exit_code(), 2, "{spec}");
    }
    for spec in ["psnr", "ssim", "ms_ssim", "accuracy_score", "memorisation", "frechet:groups=1"] {
        assert_eq!(measure(spec, &few, &few).unwrap_err().exit_code(), 2, "{spec}");
    }
}
