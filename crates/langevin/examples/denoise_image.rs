//! Takes the noise out of an image in memory.
//!
//! Run `cargo run --release -p langevin --example denoise_image`. Expect the distance from the clean image, as PSNR, to improve by
//! several decibels within a second.

use langevin::core::Planes;
use langevin::data::{OpenOptions, open};
use langevin::denoising::{Request, denoise, estimate, plan};
use langevin::eval::psnr;
use langevin::restore::units::sigma_from_pixels;
use langevin::{Device, Model, Result, Stop};

fn main() -> Result<()> {
    let device = Device::flex();
    // Any image does: of any size, gray or colour, 8 or 16 bits, with or without alpha.
    let clean = open("builtin:shapes:size=96", &OpenOptions::default())?.item(3)?.image;
    let noisy = Planes::of(&clean).with_noise(sigma_from_pixels(25.0)?, 0, 0);
    println!(
        "noisy:    {:.2} dB, noise estimated as {:.1} of 255",
        decibels(&noisy, &clean)?,
        estimate(&noisy)?
    );

    let model = Model::open("builtin:photo", &device)?;
    let shape = [noisy.channels, noisy.height, noisy.width];
    // Windows of the image as 256 MiB allow.
    let plan = plan(&model, shape, 256 << 20)?;
    let request = Request {
        sigma: 25.0,
        draws: 0,
        ensemble: false,
        sampler: "ddpm".to_owned(),
        steps: 20,
        seed: 0,
        image: 0,
    };
    let denoised = denoise(&model, &plan, &noisy, &request, &device, &Stop::new(), |_| {}, |_, _| Ok(()))?;
    println!("denoised: {:.2} dB", decibels(&denoised.mean, &clean)?);
    Ok(())
}

fn decibels(values: &Planes, clean: &langevin::Image) -> Result<f64> {
    psnr(&values.to_image(), clean)
}
