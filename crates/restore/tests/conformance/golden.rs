//! Operators against what Pillow, scipy, basicsr and libjpeg make of the same image.

use langevin_core::{Error, Image, Result};
use langevin_restore::operators;
use serde_json::Value;

fn golden() -> Value {
    let text = include_str!("../../../../references/golden/restore_operators.json");
    serde_json::from_str(text).expect("a golden file is JSON")
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn whole(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

#[test]
fn resampling_and_blur_are_those_of_pillow_matlab_and_scipy() {
    let golden = golden();
    let (height, width) = (whole(&golden["height"]), whole(&golden["width"]));
    let x = numbers(&golden["picture"]);
    let kernels = |name: &str| -> Result<Image> {
        let kernel = golden["kernels"].get(name).ok_or_else(|| Error::bad_input(name))?;
        let samples = numbers(&kernel["values"]).iter().map(|v| *v as u8).collect();
        Ok(Image::from_u8(whole(&kernel["shape"][1]), whole(&kernel["shape"][0]), 1, samples))
    };
    let mut failed = Vec::new();
    for case in golden["cases"].as_array().unwrap() {
        let spec = case["spec"].as_str().unwrap();
        let operator = operators::build(spec, [1, height, width], &kernels).unwrap();
        assert_eq!(operator.output(), [1, whole(&case["shape"][0]), whole(&case["shape"][1])], "{spec}");
        let found = operator.apply(&x);
        let off = found.iter().zip(numbers(&case["values"])).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        if off > case["tolerance"].as_f64().unwrap() {
            failed.push(format!("{spec}: {off:.3e}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn jpeg_is_that_of_libjpeg_but_for_roundings() {
    let golden = golden();
    let (height, width) = (whole(&golden["height"]), whole(&golden["width"]));
    let colour: Vec<f64> = numbers(&golden["colour"]).iter().map(|v| v / 127.5 - 1.0).collect();
    for case in golden["jpeg"].as_array().unwrap() {
        let channels = if case["picture"] == "gray" { 1 } else { 3 };
        let spec = format!("jpeg:quality={}", case["quality"]);
        let shape = [channels, height, width];
        let operator = operators::build(&spec, shape, &langevin_restore::NoImages).unwrap();
        let x = &colour[..channels * height * width];
        let found = operator.apply(x);
        let wanted = numbers(&case["values"]);
        let off = found.iter().zip(&wanted).map(|(a, b)| ((a + 1.0) * 127.5 - b).abs()).sum::<f64>();
        let done = x.iter().zip(&wanted).map(|(a, b)| ((a + 1.0) * 127.5 - b).abs()).sum::<f64>();
        let (off, done) = (off / wanted.len() as f64, done / wanted.len() as f64);
        println!("{spec}, {channels} channels: {off:.3} from libjpeg, which changes the image by {done:.3}");
        assert!(off < 0.1 * done + 0.3, "{spec}, {channels} channels: {off:.3} of {done:.3}");
    }
}
