//! One update of the weights: the gradients of passes that run side by side, and the optimiser's step.

use burn::tensor::Tensor;
use langevin_core::parameters::export;
use langevin_core::{Losses, NamedTensors, Network, Preconditioned, Result, Workers};
use langevin_kernels::AdamW as StepSettings;

use crate::optimizer::{self, AdamW, GradientMap};
use crate::sums::{self, OrderedSum};

/// Parameters from which the passes of a batch run one after the other: the operations of such a network keep all threads
/// busy, and its activations and gradients are large.
const LARGE: usize = 16 << 20;

const HELD: &str = "the model is away only during the optimiser's step";

/// A model that learns: its network, the optimiser's state and the threads they share.
#[derive(Debug)]
pub struct Learner<N> {
    /// Always there, but while the optimiser has it.
    model: Option<Preconditioned<N>>,
    optimizer: AdamW,
    lanes: Workers,
    /// Whether the passes of a batch take turns.
    one_by_one: bool,
}

/// What the passes of one batch give.
#[derive(Debug)]
pub struct Gradients {
    /// The sum of the losses.
    pub loss: f64,
    /// The Euclidean norm over all gradients.
    pub norm: f64,
    by_path: GradientMap,
}

impl<N: Network> Learner<N> {
    /// A learner of `model`, which lies on a device with autodiff; up to `passes` passes of a small network run at once. How
    /// many do changes no bit of the result.
    ///
    /// # Errors
    /// Failed, when the system gives no threads.
    pub fn new(model: Preconditioned<N>, passes: usize) -> Result<Self> {
        let optimizer = AdamW::new(&model.network);
        let one_by_one = optimizer.parameter_count() >= LARGE;
        let lanes = Workers::new(if one_by_one { 1 } else { passes })?;
        Ok(Self { model: Some(model), optimizer, lanes, one_by_one })
    }

    /// Puts back what [`Learner::weights`], [`Learner::moments`] and [`Learner::average`] gave.
    ///
    /// # Errors
    /// Bad input, when a tensor is missing or has another shape.
    pub fn restore(
        &mut self,
        weights: &NamedTensors,
        moments: &NamedTensors,
        average: &NamedTensors,
    ) -> Result<()> {
        let network = optimizer::with_parameters(self.model().network.clone(), weights)?;
        self.optimizer.restore(moments, average)?;
        self.model.as_mut().expect(HELD).network = network;
        Ok(())
    }

    /// The model at its newest weights.
    pub fn model(&self) -> &Preconditioned<N> {
        self.model.as_ref().expect(HELD)
    }

    /// The model with averaged weights, without autodiff.
    pub fn averaged(&self) -> Preconditioned<N> {
        let network = self.optimizer.with_average(self.model().network.valid());
        Preconditioned::new(network, self.model().diffusion.clone())
    }

    /// The newest weights.
    pub fn weights(&self) -> NamedTensors {
        export(&self.model().network)
    }

    /// The moving average of the weights.
    pub fn average(&self) -> NamedTensors {
        self.optimizer.average()
    }

    /// The optimiser's moments.
    pub fn moments(&self) -> NamedTensors {
        self.optimizer.moments()
    }

    /// The gradients of the sum of the passes' losses. The sum's order is that of the passes, whatever the threads.
    ///
    /// # Errors
    /// As `loss`.
    pub fn gradients<P: Send>(
        &self,
        passes: Vec<P>,
        loss: impl Fn(P, &Preconditioned<N>) -> Result<Losses> + Sync,
    ) -> Result<Gradients> {
        let shared = self.model();
        // Leaves of its own keep the graphs of passes that run at the same time apart.
        let forward = |pass| -> Result<(Tensor<1>, f64, N)> {
            let model = Preconditioned::new(optimizer::leaves(&shared.network), shared.diffusion.clone());
            let losses = loss(pass, &model)?;
            let value = f64::from(losses.mean.clone().into_scalar::<f32>());
            Ok((losses.mean, value, model.network))
        };
        if self.one_by_one {
            let sequence = |passes: Vec<P>| -> Result<Gradients> {
                let (mut total, mut by_path) = (0.0, GradientMap::new());
                for pass in passes {
                    let (loss, value, network) = forward(pass)?;
                    total += value;
                    by_path = sums::backward(&loss, &network, by_path);
                }
                Ok(Gradients { loss: total, norm: sums::norm(&by_path), by_path })
            };
            return self.lanes.run(vec![passes], sequence).into_iter().next().expect("one sequence");
        }
        let sum = OrderedSum::default();
        let losses = self.lanes.run(passes.into_iter().enumerate().collect(), |(index, pass)| {
            let (loss, value, network) = forward(pass)?;
            sum.add(index, sums::backward(&loss, &network, GradientMap::new()));
            Ok(value)
        });
        let total = losses.into_iter().sum::<Result<f64>>()?;
        let (by_path, norm) = sum.finish();
        Ok(Gradients { loss: total, norm, by_path })
    }

    /// Changes the weights and their average.
    pub fn step(&mut self, gradients: Gradients, settings: &StepSettings) {
        // Lent whole, so that its parameters are nobody else's and change in place.
        let Preconditioned { network, diffusion } = self.model.take().expect(HELD);
        let network = self.optimizer.step(network, gradients.by_path, settings);
        self.model = Some(Preconditioned::new(network, diffusion));
    }
}
