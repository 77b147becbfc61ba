//! Independent normal noise of one deviation.

use langevin_core::Stream;
use langevin_core::registry::{Entry, OptionDoc};

use super::Noise;
use crate::units::sigma_from_pixels;

pub(super) const ENTRY: Entry<dyn Noise> = Entry {
    name: "gaussian",
    aliases: &["normal"],
    summary: "independent normal noise",
    source: "",
    options: &[OptionDoc { key: "sigma", default: "25", doc: "standard deviation in units of 0 to 255" }],
    build: |options| Ok(Box::new(Gaussian { sigma: sigma_from_pixels(options.get("sigma")?)? })),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Gaussian {
    sigma: f64,
}

impl Noise for Gaussian {
    fn add(&self, y: &mut [f64], stream: &mut Stream) {
        let mut noise = vec![0.0_f32; y.len()];
        stream.fill_normal(&mut noise);
        y.iter_mut().zip(noise).for_each(|(y, noise)| *y += self.sigma * f64::from(noise));
    }

    fn sigma(&self, _y: &[f64]) -> f64 {
        self.sigma
    }
}
