//! What each method makes of Gaussian data, as its paper has it: with a denoiser that is affine every step is `x' = F x + g + G z`, so
//! mean and covariance of the result follow from matrices alone. Written in the papers' variance-preserving notation, `ab` for
//! the cumulative product of alphas, or in that of variance-exploding noise `s = sqrt((1 - ab) / ab)` where the paper uses that.

use langevin_testkit::Correlated;

use crate::dense::{COUNT, Dense, Matrix, Vector};

/// The data, the operator and what was measured.
#[derive(Debug, Clone)]
pub struct Setting {
    pub mean: Vector,
    pub covariance: Matrix,
    pub operator: Dense,
    pub y: Vector,
    pub sigma: f64,
}

/// Mean and covariance of what a method has come to.
#[derive(Debug, Clone)]
pub struct State {
    pub mean: Vector,
    pub covariance: Matrix,
}

impl State {
    /// Noise of variance `variance`.
    pub fn noise(variance: f64) -> Self {
        Self { mean: Vector::zeros(COUNT), covariance: Matrix::identity(COUNT, COUNT) * variance }
    }

    /// `F x + g + G z`.
    pub fn step(&self, f: &Matrix, g: &Vector, spread: &Matrix) -> Self {
        let covariance = f * &self.covariance * f.transpose() + spread * spread.transpose();
        Self { mean: f * &self.mean + g, covariance }
    }
}

/// An affine map.
pub type Affine = (Matrix, Vector);

pub fn unit() -> Matrix {
    Matrix::identity(COUNT, COUNT)
}

impl Setting {
    pub fn new(data: &Correlated, operator: Dense, y: &[f64], sigma: f64) -> Self {
        Self {
            mean: Vector::from_column_slice(&data.mean),
            covariance: Matrix::from_row_slice(COUNT, COUNT, &data.covariance()),
            operator,
            y: Vector::from_column_slice(y),
            sigma,
        }
    }

    /// The true posterior.
    pub fn posterior(&self) -> State {
        let a = &self.operator.matrix;
        let noise = Matrix::identity(self.y.len(), self.y.len()) * self.sigma.powi(2);
        // Rows of a mask that measure nothing have neither signal nor noise here.
        let total = a * &self.covariance * a.transpose() + noise;
        let inverse = total.pseudo_inverse(1e-12).expect("a small matrix");
        let gain = &self.covariance * a.transpose() * inverse;
        State {
            mean: &self.mean + &gain * (&self.y - a * &self.mean),
            covariance: &self.covariance - &gain * a * &self.covariance,
        }
    }

    /// `E[x0 | x]` at `ab`.
    pub fn denoiser(&self, ab: f64) -> Affine {
        let total = &self.covariance * ab + unit() * (1.0 - ab);
        let gain = &self.covariance * ab.sqrt() * total.try_inverse().expect("noise");
        let rest = &self.mean - &gain * &self.mean * ab.sqrt();
        (gain, rest)
    }

    /// `x0 + A+ (y - A x0)` after `x0 = K x + k`.
    fn consistent(&self, (k, rest): &Affine) -> Affine {
        let inverse = self.operator.inverse();
        let null = unit() - &inverse * &self.operator.matrix;
        (&null * k, &null * rest + inverse * &self.y)
    }

    /// `argmin |y - A x|^2 + rho |x - x0|^2` after `x0 = K x + k`.
    fn prox(&self, (k, rest): &Affine, rho: f64) -> Affine {
        let a = &self.operator.matrix;
        let inverse = (a.transpose() * a + unit() * rho).try_inverse().expect("rho");
        (&inverse * k * rho, &inverse * (rest * rho + a.transpose() * &self.y))
    }

    /// One step of DDPM (Ho et al. eq. 6 and 7).
    fn ancestral(&self, ab: f64, next: f64) -> (Affine, f64) {
        let beta = 1.0 - ab / next;
        let of_x = (1.0 - beta).sqrt() * (1.0 - next) / (1.0 - ab);
        let of_x0 = next.sqrt() * beta / (1.0 - ab);
        let (k, rest) = self.denoiser(ab);
        ((unit() * of_x + k * of_x0, rest * of_x0), (beta * (1.0 - next) / (1.0 - ab)).sqrt())
    }

    /// A DDPM step, and the measured part replaced.
    fn replaced(&self, x: &State, ab: f64, next: f64) -> State {
        let ((f, g), spread) = self.ancestral(ab, next);
        let x = x.step(&f, &g, &(unit() * spread));
        let inverse = self.operator.inverse();
        let range = &inverse * &self.operator.matrix;
        let known = inverse * &self.y * next.sqrt();
        x.step(&(unit() - &range), &known, &(range * (1.0 - next).sqrt()))
    }

    pub fn replacement(&self, abs: &[f64]) -> State {
        let start = State::noise(1.0 - abs[0]);
        abs.windows(2).fold(start, |x, pair| self.replaced(&x, pair[0], pair[1]))
    }

    /// DDIM, with the measured part replaced after every step under the noise that the walk began with: `x` and that noise together.
    pub fn blended(&self, abs: &[f64]) -> State {
        let pair = |a: &Matrix, b: &Matrix, c: &Matrix, d: &Matrix| {
            let mut all = Matrix::zeros(2 * COUNT, 2 * COUNT);
            for (block, at) in [(a, (0, 0)), (b, (0, COUNT)), (c, (COUNT, 0)), (d, (COUNT, COUNT))] {
                all.view_mut(at, (COUNT, COUNT)).copy_from(block);
            }
            all
        };
        let (zero, one) = (unit() * 0.0, unit());
        let with_zeros = |of_x: &Vector| {
            Vector::from_iterator(2 * COUNT, of_x.iter().copied().chain(std::iter::repeat_n(0.0, COUNT)))
        };
        let begun = pair(&zero, &(unit() * (1.0 - abs[0]).sqrt()), &zero, &one);
        let mut x = State { mean: Vector::zeros(2 * COUNT), covariance: &begun * begun.transpose() };
        let still = Matrix::zeros(2 * COUNT, 2 * COUNT);
        let inverse = self.operator.inverse();
        let range = &inverse * &self.operator.matrix;
        for step in abs.windows(2) {
            let (ab, next) = (step[0], step[1]);
            let (k, rest) = self.denoiser(ab);
            let (e, e0) = noise(&(k.clone(), rest.clone()), ab);
            let f = k * next.sqrt() + e * (1.0 - next).sqrt();
            let g = rest * next.sqrt() + e0 * (1.0 - next).sqrt();
            x = x.step(&pair(&f, &zero, &zero, &one), &with_zeros(&g), &still);
            let back = pair(&(unit() - &range), &(&range * (1.0 - next).sqrt()), &zero, &one);
            x = x.step(&back, &with_zeros(&(&inverse * &self.y * next.sqrt())), &still);
        }
        State {
            mean: x.mean.rows(0, COUNT).into_owned(),
            covariance: x.covariance.view((0, 0), (COUNT, COUNT)).into_owned(),
        }
    }

    /// RePaint with jumps of two steps, walked twice.
    pub fn repaint(&self, abs: &[f64], moves: &[(usize, usize)]) -> State {
        let mut x = State::noise(1.0 - abs[0]);
        for (from, to) in moves {
            x = if to > from {
                self.replaced(&x, abs[*from], abs[*to])
            } else {
                forward(&x, abs[*from], abs[*to])
            };
        }
        x
    }

    pub fn ddnm(&self, abs: &[f64], moves: &[(usize, usize)], eta: f64) -> State {
        let mut x = State::noise(1.0 - abs[0]);
        for (from, to) in moves {
            if to < from {
                x = forward(&x, abs[*from], abs[*to]);
                continue;
            }
            let (ab, next) = (abs[*from], abs[*to]);
            let answer = self.denoiser(ab);
            let (e, e0) = noise(&answer, ab);
            let (k, rest) = self.consistent(&answer);
            let kept = ((1.0 - next) * (1.0 - eta * eta)).sqrt();
            let f = k * next.sqrt() + e * kept;
            let g = rest * next.sqrt() + e0 * kept;
            x = x.step(&f, &g, &(unit() * ((1.0 - next).sqrt() * eta)));
        }
        x
    }

    pub fn ddnm_plus(&self, abs: &[f64], eta: f64) -> State {
        let mut x = State::noise(1.0 - abs[0]);
        let (a, inverse) = (&self.operator.matrix, self.operator.inverse());
        for pair in abs.windows(2) {
            let (ab, next) = (pair[0], pair[1]);
            let (alpha, sigma) = (next.sqrt(), (1.0 - next).sqrt());
            let old = (1.0 - eta * eta).sqrt();
            let heard = |s: f64| s > 0.0;
            let loud = |s: f64| heard(s) && sigma < alpha * self.sigma / s;
            let lambda = self
                .operator
                .spectral(|s| if loud(s) { s * sigma * old / (alpha * self.sigma) } else { 1.0 });
            let fresh = self.operator.spectral(|s| match s {
                _ if !heard(s) || loud(s) => sigma * eta,
                _ => (sigma * sigma - (alpha * self.sigma / s).powi(2)).sqrt(),
            });
            let kept = self.operator.spectral(|s| if heard(s) { 0.0 } else { sigma * old });
            let (k, rest) = self.denoiser(ab);
            let (e, e0) = noise(&(k.clone(), rest.clone()), ab);
            let pull = lambda * &inverse;
            let f = (&k - &pull * a * &k) * alpha + &kept * e;
            let g = (&rest - &pull * (a * &rest - &self.y)) * alpha + kept * e0;
            x = x.step(&f, &g, &fresh);
        }
        x
    }

    /// In the paper's variance-exploding notation.
    pub fn ddrm(&self, abs: &[f64], eta: f64, eta_b: f64) -> State {
        let ratio = |ab: f64| ((1.0 - ab) / ab).sqrt();
        let known = self.operator.inverse() * &self.y;
        let first = ratio(abs[0]);
        let heard = |s: f64, at: f64| s > 0.0 && at >= self.sigma / s;
        let begin = self.operator.spectral(|s| f64::from(u8::from(heard(s, first))));
        let spread = self.operator.spectral(|s| {
            if heard(s, first) { (first * first - (self.sigma / s).powi(2)).sqrt() } else { first }
        });
        let mut x = State { mean: begin * &known, covariance: &spread * spread.transpose() };
        for pair in abs.windows(2) {
            let (now, next) = (ratio(pair[0]), ratio(pair[1]));
            // The denoiser of x / sqrt(ab).
            let (k, rest) = self.denoiser(pair[0]);
            let k = k * pair[0].sqrt();
            let (e, e0) = ((unit() - &k) / now, -&rest / now);
            let old = (1.0 - eta * eta).sqrt() * next;
            let quiet = |s: f64| s > 0.0 && !heard(s, next);
            let of_x0 = self.operator.spectral(|s| match s {
                _ if heard(s, next) => 1.0 - eta_b,
                _ if quiet(s) => 1.0 - old / (self.sigma / s),
                _ => 1.0,
            });
            let of_y = self.operator.spectral(|s| match s {
                _ if heard(s, next) => eta_b,
                _ if quiet(s) => old / (self.sigma / s),
                _ => 0.0,
            });
            let of_e = self.operator.spectral(|s| if s > 0.0 { 0.0 } else { old });
            let fresh = self.operator.spectral(|s| match s {
                _ if heard(s, next) => (next * next - (eta_b * self.sigma / s).powi(2)).max(0.0).sqrt(),
                _ => eta * next,
            });
            let f = &of_x0 * k + &of_e * e;
            let g = of_x0 * rest + of_y * &known + of_e * e0;
            x = x.step(&f, &g, &fresh);
        }
        x
    }

    pub fn diffpir(&self, abs: &[f64], lambda: f64, zeta: f64) -> State {
        let mut x = State::noise(1.0 - abs[0]);
        for pair in abs.windows(2) {
            let (ab, next) = (pair[0], pair[1]);
            let answer = self.denoiser(ab);
            let drawn = if self.sigma > 0.0 {
                self.prox(&answer, lambda * self.sigma.powi(2) * ab / (1.0 - ab))
            } else {
                self.consistent(&answer)
            };
            let (e, e0) = noise(&drawn, ab);
            let kept = ((1.0 - zeta) * (1.0 - next)).sqrt();
            let f = drawn.0 * next.sqrt() + e * kept;
            let g = drawn.1 * next.sqrt() + e0 * kept;
            x = x.step(&f, &g, &(unit() * (zeta * (1.0 - next)).sqrt()));
        }
        x
    }

    /// The guided step of PiGDM; `score` for the gradient of the likelihood as it stands.
    pub fn pigdm(&self, abs: &[f64], eta: f64, score: bool, data: f64) -> State {
        let mut x = State::noise(1.0 - abs[0]);
        let a = &self.operator.matrix;
        for pair in abs.windows(2) {
            let (ab, next) = (pair[0], pair[1]);
            let (k, rest) = self.denoiser(ab);
            let s2 = (1.0 - ab) / ab;
            let r2 = data * data * s2 / (data * data + s2);
            let size = self.y.len();
            let total = a * a.transpose() * r2 + Matrix::identity(size, size) * self.sigma.powi(2);
            let inverse = total.pseudo_inverse(1e-12).expect("a small matrix");
            // The derivative of the answer is symmetric here: J^T = K.
            let pull = &k * a.transpose() * inverse;
            let (score_f, score_g) = (-&pull * a * &k, &pull * (&self.y - a * &rest));
            let c1 = eta * ((1.0 - ab / next) * (1.0 - next) / (1.0 - ab)).sqrt();
            let c2 = (1.0 - next - c1 * c1).max(0.0).sqrt();
            let (f, g) = if score {
                // Tweedie with the score of the posterior.
                let by = (1.0 - ab) / ab.sqrt();
                let moved = (&k + &score_f * by, &rest + &score_g * by);
                let (e, e0) = noise(&moved, ab);
                (moved.0 * next.sqrt() + e * c2, moved.1 * next.sqrt() + e0 * c2)
            } else {
                let (e, e0) = noise(&(k.clone(), rest.clone()), ab);
                let by = (ab * next).sqrt() * r2;
                (k * next.sqrt() + e * c2 + score_f * by, rest * next.sqrt() + e0 * c2 + score_g * by)
            };
            x = x.step(&f, &g, &(unit() * c1));
        }
        x
    }

    /// The sampler DDIM without noise on the corrected answers.
    pub fn consistency(&self, abs: &[f64], lambda: f64) -> State {
        self.diffpir(abs, lambda, 0.0)
    }

    /// The flow of DAPS and its draw; `levels` gives the noise over signal of the flow from that of a level.
    pub fn daps(&self, abs: &[f64], levels: impl Fn(f64) -> Vec<f64>, inner: &Inner) -> State {
        let mut x = State::noise(1.0 - abs[0]);
        let a = &self.operator.matrix;
        for (index, pair) in abs.windows(2).enumerate() {
            let (ab, next) = (pair[0], pair[1]);
            let ratio = ((1.0 - ab) / ab).sqrt();
            let (mut f, mut g) = (unit() / ab.sqrt(), Vector::zeros(COUNT));
            for pair in levels(ratio).windows(2) {
                let own = 1.0 / (1.0 + pair[0] * pair[0]);
                let (k, rest) = self.denoiser(own);
                let k = k * own.sqrt();
                let by = pair[1] / pair[0];
                let of = unit() * by + k * (1.0 - by);
                (f, g) = (&of * f, &of * g + rest * (1.0 - by));
            }
            let (hold, pull) = (1.0 / (ratio * ratio), 1.0 / (inner.tau * inner.tau));
            let precision = a.transpose() * a * pull + unit() * hold;
            let data = a.transpose() * &self.y * pull;
            let (of, add, covariance) = match inner.langevin {
                None => {
                    let covariance = precision.try_inverse().expect("positive");
                    (&covariance * hold, &covariance * data, covariance)
                }
                Some(steps) => {
                    let part = index as f64 / (abs.len() - 1) as f64;
                    let size = inner.rate * (1.0 + part * (inner.least - 1.0)) / (pull + hold);
                    let once = unit() - precision * size;
                    let (mut of, mut add) = (unit(), Vector::zeros(COUNT));
                    let mut covariance = Matrix::zeros(COUNT, COUNT);
                    for _ in 0..steps {
                        of = &once * of + unit() * (size * hold);
                        add = &once * add + &data * size;
                        covariance = &once * covariance * once.transpose() + unit() * (2.0 * size);
                    }
                    (of, add, covariance)
                }
            };
            let spread = covariance * next + unit() * (1.0 - next);
            let f = &of * f * next.sqrt();
            let g = (&of * g + add) * next.sqrt();
            x = State { mean: &f * &x.mean + g, covariance: &f * &x.covariance * f.transpose() + spread };
        }
        x
    }

    /// SDEdit from the image `u`.
    pub fn sdedit(&self, abs: &[f64], u: &Vector) -> State {
        let start = State { mean: u * abs[0].sqrt(), ..State::noise(1.0 - abs[0]) };
        abs.windows(2).fold(start, |x, pair| {
            let ((f, g), spread) = self.ancestral(pair[0], pair[1]);
            x.step(&f, &g, &(unit() * spread))
        })
    }
}

/// How DAPS draws a guess to the measurement: `None` for at once.
#[derive(Debug, Clone, Copy)]
pub struct Inner {
    pub tau: f64,
    pub langevin: Option<usize>,
    pub rate: f64,
    pub least: f64,
}

/// `(x - sqrt(ab) x0) / sqrt(1 - ab)` with `x0 = K x + k`.
fn noise((k, rest): &Affine, ab: f64) -> Affine {
    ((unit() - k * ab.sqrt()) / (1.0 - ab).sqrt(), -rest * (ab / (1.0 - ab)).sqrt())
}

/// The forward process.
fn forward(x: &State, ab: f64, noisier: f64) -> State {
    let kept = noisier / ab;
    x.step(&(unit() * kept.sqrt()), &Vector::zeros(COUNT), &(unit() * (1.0 - kept).sqrt()))
}
