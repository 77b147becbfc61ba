//! The sum of the gradients of a batch's passes, in their order.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use langevin_core::parameters::{self, Path, values};
use langevin_kernels::{leave_gradient_sum, take_gradient_sum};
use rayon::prelude::*;

use crate::optimizer::GradientMap;

/// The sum of the gradients of several passes: added in the order of the passes, each as soon as its turn has come, so
/// that memory does not hold those of all passes at once.
#[derive(Debug, Default)]
pub struct OrderedSum(Mutex<Summed>);

#[derive(Debug, Default)]
struct Summed {
    total: GradientMap,
    /// Passes in the total.
    count: usize,
    /// Gradients of passes that came before their turn.
    early: BTreeMap<usize, GradientMap>,
}

impl OrderedSum {
    /// Adds the gradients of pass number `index`, or keeps them until those before it have come.
    pub fn add(&self, index: usize, gradients: GradientMap) {
        let mut summed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        summed.early.insert(index, gradients);
        loop {
            let count = summed.count;
            let Some(next) = summed.early.remove(&count) else { break };
            summed.count += 1;
            add(&mut summed.total, next);
        }
    }

    /// The sum, and its Euclidean norm.
    pub fn finish(self) -> (GradientMap, f64) {
        let total = self.0.into_inner().unwrap_or_else(PoisonError::into_inner).total;
        let norm = norm(&total);
        (total, norm)
    }
}

/// Adds to each sum of `total` the gradient of the same parameter.
fn add(total: &mut GradientMap, gradients: GradientMap) {
    for (path, more) in gradients {
        let sum = match total.remove(&path) {
            Some(sum) => sum + more,
            None => more,
        };
        total.insert(path, sum);
    }
}

/// The gradients of `loss` by the parameters of `module`, added to `sums`, those of earlier passes. Where a gradient is made
/// the sum is added to it at once, so that most of the network's are never in memory twice.
pub fn backward<M: Module>(loss: &Tensor<1>, module: &M, sums: GradientMap) -> GradientMap {
    if sums.is_empty() {
        return parameters::gradients(module, &mut loss.backward());
    }
    let mut walk = Sums { path: Path::default(), sums, taking: false };
    module.visit(&mut walk);
    let gradients = parameters::gradients(module, &mut loss.backward());
    walk.taking = true;
    module.visit(&mut walk);
    add(&mut walk.sums, gradients);
    walk.sums
}

/// Leaves the sums with the parameters, or takes back what is left of them.
struct Sums {
    path: Path,
    sums: GradientMap,
    taking: bool,
}

impl ModuleVisitor for Sums {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let (path, value) = (self.path.name(), param.val());
        if self.taking {
            if let Some(sum) = take_gradient_sum(value) {
                let length = sum.shape().num_elements();
                self.sums.insert(path, sum.reshape([length]));
            }
        } else if let Some(sum) = self.sums.remove(&path) {
            let shape = value.dims();
            leave_gradient_sum(value, sum.reshape(shape));
        }
    }
}

/// The Euclidean norm over all gradients.
pub fn norm(gradients: &GradientMap) -> f64 {
    let all: Vec<_> = gradients.values().collect();
    let squares: Vec<f64> = all.into_par_iter().map(squared_norm).collect();
    squares.into_iter().sum::<f64>().sqrt()
}

/// Rows are summed on the device and the rows' sums on the host in f64, so that the order of addition is fixed.
fn squared_norm(gradient: &Tensor<1>) -> f64 {
    const ROW: usize = 1024;
    let [length] = gradient.dims();
    let whole = length / ROW * ROW;
    let squares = gradient.clone().square();
    let mut sum = 0.0;
    if whole > 0 {
        let rows =
            squares.clone().narrow(0, 0, whole).reshape([whole / ROW, ROW]).sum_dim(1).reshape([whole / ROW]);
        sum += values(&rows).iter().map(|v| f64::from(*v)).sum::<f64>();
    }
    if whole < length {
        sum += values(&squares.narrow(0, whole, length - whole)).iter().map(|v| f64::from(*v)).sum::<f64>();
    }
    sum
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use langevin_kernels::{Conv2d, conv2d};

    use super::*;
    use crate::optimizer::leaves;

    #[derive(Module, Debug)]
    struct Toy {
        weight: Param<Tensor<4>>,
        bias: Param<Tensor<1>>,
        unused: Param<Tensor<2>>,
    }

    impl Toy {
        fn loss(&self, pass: f32) -> Tensor<1> {
            let x = self.weight.val().without_autodiff().mul_scalar(pass).sin().permute([0, 2, 3, 1]);
            let x = Tensor::<4>::from_data(x.into_data(), &self.weight.val().device());
            conv2d(x, self.weight.val(), self.bias.val().unsqueeze(), Conv2d::same(3)).square().sum()
        }
    }

    #[test]
    fn sums_made_in_the_backward_pass_are_those_made_after_it() {
        for device in [Device::flex().autodiff(), Device::flex().autodiff().gradient_checkpointing()] {
            let random = |shape: [usize; 4]| {
                let count: usize = shape.iter().product();
                let values: Vec<f32> = (0..count).map(|i| (1.0 + i as f32 * 0.7).sin()).collect();
                Tensor::<1>::from_data(values.as_slice(), &device).reshape(shape)
            };
            let toy = Toy {
                weight: Param::from_tensor(random([2, 2, 3, 3])),
                bias: Param::from_tensor(random([2, 1, 1, 1]).reshape([2])),
                unused: Param::from_tensor(random([2, 2, 1, 1]).reshape([2, 2])),
            };
            let (apart, mut together) = (OrderedSum::default(), GradientMap::new());
            for (index, pass) in [0.3, 1.1, 2.9].into_iter().enumerate() {
                let model = leaves(&toy);
                apart.add(index, backward(&model.loss(pass), &model, GradientMap::new()));
                let model = leaves(&toy);
                together = backward(&model.loss(pass), &model, together);
            }
            let (apart, expected_norm) = apart.finish();
            let found: BTreeMap<_, _> = together.iter().map(|(path, sum)| (path, values(sum))).collect();
            let expected: BTreeMap<_, _> = apart.iter().map(|(path, sum)| (path, values(sum))).collect();
            assert_eq!(found, expected);
            assert_eq!((found.len(), norm(&together)), (2, expected_norm));
            assert!(expected_norm > 0.0);
        }
    }

    #[test]
    fn gradients_are_added_in_the_order_of_their_passes() {
        // In f32, (1e8 - 1e8) + 1 = 1 and (1e8 + 1) - 1e8 = 0: the order shows.
        let device = Device::flex();
        let pass = |value: f32| GradientMap::from([("w".to_owned(), Tensor::from_data([value], &device))]);
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
            let sum = OrderedSum::default();
            for index in order {
                sum.add(index, pass([1e8, -1e8, 1.0][index]));
            }
            let (total, norm) = sum.finish();
            assert_eq!((values(&total["w"]), norm), (vec![1.0], 1.0));
        }
    }
}
