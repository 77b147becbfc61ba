//! A module's parameters by name: the module path joined by dots, which for a U-Net is the name diffusers gives the
//! tensor. One walk for models, optimisers and checkpoints.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};

use crate::NamedTensors;

/// Where in a module a walk is. The variants of an enum are no part of a name, so that modules of several sorts can stand in
/// one place.
#[derive(Debug, Clone, Default)]
pub struct Path(Vec<String>);

impl Path {
    /// Goes into the field, list entry or variant `name` of a container, as Burn calls both.
    pub fn enter(&mut self, name: &str, container: &str) {
        if !Self::is_variant(container) {
            self.0.push(name.to_owned());
        }
    }

    /// Comes back from where [`Self::enter`] went.
    pub fn exit(&mut self, container: &str) {
        if !Self::is_variant(container) {
            self.0.pop();
        }
    }

    /// The name of the parameter here.
    pub fn name(&self) -> String {
        self.0.join(".")
    }

    fn is_variant(container: &str) -> bool {
        container.starts_with("Enum:")
    }
}

/// Every parameter's name and shape, in the module's order; reads no weight.
pub fn shapes<M: Module>(module: &M) -> Vec<(String, Vec<usize>)> {
    struct Shapes(Path, Vec<(String, Vec<usize>)>);
    impl ModuleVisitor for Shapes {
        fn enter_module(&mut self, name: &str, container: &str) {
            self.0.enter(name, container);
        }

        fn exit_module(&mut self, _name: &str, container: &str) {
            self.0.exit(container);
        }

        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.1.push((self.0.name(), param.lazy_shape().to_vec()));
        }
    }
    let mut shapes = Shapes(Path::default(), Vec::new());
    module.visit(&mut shapes);
    shapes.1
}

/// Every parameter with its shape, flat and without autodiff.
pub fn flat<M: Module>(module: &M) -> BTreeMap<String, (Vec<usize>, Tensor<1>)> {
    struct Flat(Path, BTreeMap<String, (Vec<usize>, Tensor<1>)>);
    impl ModuleVisitor for Flat {
        fn enter_module(&mut self, name: &str, container: &str) {
            self.0.enter(name, container);
        }

        fn exit_module(&mut self, _name: &str, container: &str) {
            self.0.exit(container);
        }

        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let value = param.val().without_autodiff();
            self.1.insert(self.0.name(), (value.dims().to_vec(), flatten(value)));
        }
    }
    let mut flat = Flat(Path::default(), BTreeMap::new());
    module.visit(&mut flat);
    flat.1
}

/// Every parameter on the host.
pub fn export<M: Module>(module: &M) -> NamedTensors {
    flat(module).into_iter().map(|(path, (shape, value))| (path, (shape, values(&value).into()))).collect()
}

/// The gradient of each parameter that has one, flat, taken out of `gradients`.
pub fn gradients<M: Module>(module: &M, gradients: &mut Gradients) -> BTreeMap<String, Tensor<1>> {
    struct Taken<'a>(Path, &'a mut Gradients, BTreeMap<String, Tensor<1>>);
    impl ModuleVisitor for Taken<'_> {
        fn enter_module(&mut self, name: &str, container: &str) {
            self.0.enter(name, container);
        }

        fn exit_module(&mut self, _name: &str, container: &str) {
            self.0.exit(container);
        }

        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = param.val().grad_remove(self.1) {
                self.2.insert(self.0.name(), flatten(gradient));
            }
        }
    }
    let mut taken = Taken(Path::default(), gradients, BTreeMap::new());
    module.visit(&mut taken);
    taken.2
}

/// The module with every parameter replaced by what `change` makes of its name and flat value, which it owns. Each becomes
/// a new leaf that wants a gradient where the old one did.
pub fn replace<M: Module>(module: M, change: impl FnMut(&str, Tensor<1>) -> Tensor<1>) -> M {
    struct Replacer<F>(Path, F);
    impl<F: FnMut(&str, Tensor<1>) -> Tensor<1>> ModuleMapper for Replacer<F> {
        fn enter_module(&mut self, name: &str, container: &str) {
            self.0.enter(name, container);
        }

        fn exit_module(&mut self, _name: &str, container: &str) {
            self.0.exit(container);
        }

        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|value| {
                let (shape, wanted) = (value.dims(), value.is_require_grad());
                let strategy = value.gradient_checkpointing_strategy();
                let value = (self.1)(&self.0.name(), flatten(value.without_autodiff())).reshape(shape);
                match strategy {
                    Some(strategy) => Tensor::from_inner(value)
                        .with_gradient_checkpointing_strategy(strategy)
                        .set_require_grad(wanted),
                    None => value,
                }
            })
        }
    }
    module.map(&mut Replacer(Path::default(), change))
}

/// The numbers of a flat tensor.
pub fn values(tensor: &Tensor<1>) -> Vec<f32> {
    tensor.try_to_vec_as::<f32>().expect("a float tensor holds floats")
}

fn flatten<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    let length = tensor.shape().num_elements();
    tensor.reshape([length])
}
