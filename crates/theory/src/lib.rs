//! The small problems that the theory of diffusion models is taught with, solved on the host in f64: Langevin dynamics, the three
//! losses of score matching, the Fokker-Planck equation, differential equations along a path, and a Gaussian autoencoder whose
//! evidence lower bound is known.
//!
//! Each has a closed form or an identity that it can be checked against, which the tests do.
//!
//! ```
//! use langevin_core::Level;
//! use langevin_theory::{Linear, ScoreMatching, mixture_1d};
//!
//! // The losses of explicit and denoising score matching differ by a constant, whatever the score model.
//! let data = mixture_1d(&[(0.3, -2.0, 0.2), (0.7, 2.0, 1.0)]);
//! let losses = ScoreMatching::new(&data, Level { alpha: 0.97, sigma: 0.5 });
//! let gap = |model: Linear| losses.denoising(&model) - losses.explicit(&model);
//! assert!((gap(Linear { slope: -1.0, offset: 0.0 }) - gap(Linear { slope: 0.5, offset: 2.0 })).abs() < 1e-6);
//! ```

mod affine_vae;
mod dynamics;
mod equations;
mod fokker_planck;
mod histogram;
mod kernel_density;
mod score_matching;

use langevin_core::closed_form::{Component, Mixture};

pub use affine_vae::AffineVae;
pub use dynamics::Langevin;
pub use equations::{euler, euler_maruyama, predictor_corrector, rk4};
pub use fokker_planck::{Evolution, FokkerPlanck};
pub use histogram::Histogram;
pub use kernel_density::{kernel_density, silverman};
pub use score_matching::{Linear, ScoreMatching, ScoreModel};

/// The mixture of normal distributions with these weights, means and standard deviations.
pub fn mixture_1d(components: &[(f64, f64, f64)]) -> Mixture {
    let component = |&(weight, mean, sigma): &(f64, f64, f64)| Component {
        weight,
        mean: vec![mean],
        variance: sigma * sigma,
    };
    Mixture { components: components.iter().map(component).collect() }
}
