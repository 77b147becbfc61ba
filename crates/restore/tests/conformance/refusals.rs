//! What does not fit is refused with a reason.

use burn::tensor::{Device, Tensor};
use langevin_restore::{METHODS, NOISES, NoImages, Problem, Shape, noises, operators};

use super::{SHAPE, build, images};

fn refused(spec: &str, shape: Shape) -> (String, i32) {
    let error = operators::build(spec, shape, &images).expect_err(spec);
    (error.to_string(), error.exit_code())
}

#[test]
fn shapes_that_do_not_go_with_an_operator_are_refused() {
    for (spec, shape, code, word) in [
        ("average:scale=5", SHAPE, 2, "do not divide"),
        ("bicubic:scale=3", SHAPE, 2, "do not divide"),
        ("lanczos:scale=8", SHAPE, 2, "do not divide"),
        ("average:scale=1", SHAPE, 2, "[2, 64]"),
        ("average:scale=2.5", SHAPE, 2, "whole number"),
        ("gaussian_blur:sigma=4", SHAPE, 2, "larger than the image"),
        ("gaussian_blur:sigma=4,boundary=reflect", SHAPE, 2, "larger than the image"),
        ("gaussian_blur:size=4", SHAPE, 2, "must be odd"),
        ("gaussian_blur:boundary=zero", SHAPE, 2, "circular or reflect"),
        ("motion_blur:length=30", SHAPE, 2, "larger than the image"),
        ("disk_blur:radius=9,boundary=reflect", SHAPE, 2, "larger than the image"),
        ("file_blur:file=large", SHAPE, 2, "larger than the image"),
        ("file_blur:file=black", SHAPE, 3, "black all over"),
        ("file_blur:file=missing", SHAPE, 3, "no such file"),
        ("file_blur", SHAPE, 2, "needs a kernel"),
        ("mask:file=kernel", SHAPE, 3, "4 x 5"),
        ("mask:file=white", SHAPE, 2, "hides everything"),
        ("mask:file=white,invert=true", SHAPE, 2, "hides nothing"),
        ("mask:box=0", SHAPE, 2, "hides nothing"),
        ("mask:random=2", SHAPE, 2, "[0, 1]"),
        ("gray", [1, 8, 8], 2, "1 channel"),
        ("channels:missing=b", [2, 8, 8], 2, "2 channels"),
        ("channels:missing=x", SHAPE, 2, "does not name"),
        ("channels:missing=rgb", SHAPE, 2, "hides everything"),
        ("jpeg:quality=0", SHAPE, 2, "[1, 100]"),
        ("jpeg", [2, 8, 8], 2, "1 or 3 channels"),
        ("clip:low=200,high=100", SHAPE, 2, "less than"),
        ("blurr", SHAPE, 2, "did you mean"),
        ("gray+gray", SHAPE, 2, "1 channel"),
        ("average:scale=4+average:scale=4", SHAPE, 2, "do not divide"),
    ] {
        let (message, found) = refused(spec, shape);
        assert!(message.contains(word) && found == code, "{spec}: {found}, {message}");
    }
    assert_eq!(operators::build("mask:file=mask", SHAPE, &NoImages).unwrap_err().exit_code(), 3);
}

#[test]
fn noise_that_cannot_be_is_refused() {
    for spec in
        ["-1", "256", "nan", "inf", "gaussian:sigma=-3", "poisson:peak=0", "salt_pepper:amount=1.5", "fog"]
    {
        assert_eq!(noises::build(spec).expect_err(spec).exit_code(), 2, "{spec}");
    }
    for name in NOISES.names() {
        assert!(noises::build(name).is_ok());
    }
}

#[test]
fn problems_that_do_not_fit_are_refused() {
    let y = |shape: [usize; 4]| Tensor::<4>::zeros(shape, &Device::flex());
    assert_eq!(Problem::new(build("average"), y([1, 3, 8, 12]), 0.0).unwrap_err().exit_code(), 2);
    assert_eq!(Problem::new(build("average"), y([1, 3, 2, 3]), -0.1).unwrap_err().exit_code(), 2);
    assert_eq!(Problem::new(build("average"), y([1, 3, 2, 3]), f64::NAN).unwrap_err().exit_code(), 2);
    let clip = Problem::new(build("clip"), y([1, 3, 8, 12]), 0.1).unwrap();
    assert!(clip.linear().is_err() && clip.spectrum().is_err());
    let reflected =
        Problem::new(build("disk_blur:radius=1,boundary=reflect"), y([1, 3, 8, 12]), 0.1).unwrap();
    assert!(reflected.linear().is_ok() && reflected.spectrum().is_err());
    assert_eq!(METHODS.build("exakt").unwrap_err().exit_code(), 2);
}
