//! `ddim:clip`: the clean image is clamped, and the noise stays what the model saw in the image (Song et al. 2021, eq.
//! 12, with the clamped x0 in its first term alone). And starts of variance 1.

use burn::tensor::{Device, Tensor};
use langevin_core::{Cond, Denoiser, Level, Levels, Magnitude, NoiseStreams, Result, Run, Start};
use langevin_sample::{BatchRequest, SAMPLERS, sample_all};

/// Answers 3 everywhere.
struct Three;

impl Denoiser for Three {
    fn denoise(&self, x: Tensor<4>, _: &Levels, _: &Cond) -> Result<Tensor<4>> {
        Ok(x.zeros_like() + 3.0)
    }
}

const PATH: [Level; 2] = [Level { alpha: 0.6, sigma: 0.8 }, Level { alpha: 0.8, sigma: 0.6 }];

#[test]
fn the_clean_image_is_clamped_and_the_noise_kept() {
    let x = Tensor::<1>::from_data([2.0_f32, -1.0].as_slice(), &Device::flex()).reshape([1, 1, 1, 2]);
    let end = |sampler: &str| {
        let mut run = Run::new(Cond::none(), NoiseStreams::new(0, 0..1));
        let sampler = SAMPLERS.build(sampler).unwrap();
        let end = sampler.sample(&Three, x.clone(), &PATH, &mut run).unwrap();
        end.try_into_vec_as::<f32>().unwrap()
    };
    for (sampler, clean) in
        [("ddim", 3.0), ("ddim:clip=1", 1.0), ("ddim:clip=2.5", 2.5), ("ddim:clip=9", 3.0)]
    {
        for (found, x) in end(sampler).into_iter().zip([2.0, -1.0]) {
            let noise = (x - 0.6 * 3.0) / 0.8;
            assert!((f64::from(found) - (0.8 * clean + 0.6 * noise)).abs() < 1e-6, "{sampler}: {found}");
        }
    }
    assert!(SAMPLERS.build("ddim:clip=-1").is_err() && SAMPLERS.build("ddim:clip=x").is_err());
}

#[test]
fn a_start_of_unit_variance_is_that_of_the_noisy_images() {
    let device = Device::flex();
    let path = [Level { alpha: 1.0, sigma: 2.0 }, Level { alpha: 1.0, sigma: 1.0 }];
    let drawn = |magnitude| {
        let request =
            BatchRequest { start: Start { noise: None, magnitude }, ..BatchRequest::new(1, 5, [1, 2, 2]) };
        let sampler = SAMPLERS.build("ddim").unwrap();
        let end = sample_all(&Three, sampler.as_ref(), &path, &request, &device, |_| ()).unwrap();
        end.try_into_vec_as::<f32>().unwrap()
    };
    // One step from 2 to 1 halves what lies beyond the clean image.
    for (plain, unit) in drawn(Magnitude::Sigma).into_iter().zip(drawn(Magnitude::Unit)) {
        let (plain, unit) = (f64::from(plain) - 1.5, f64::from(unit) - 1.5);
        assert!((unit / plain - 5_f64.sqrt() / 2.0).abs() < 1e-5, "{plain} and {unit}");
    }
}
