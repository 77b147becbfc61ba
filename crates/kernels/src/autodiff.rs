//! Each operation as one node of the autodiff graph, with its backward pass written by hand: the state kept is the
//! inputs alone, and the gradients come from the wrapped backend's own bodies, fast ones included. Operations that pass over
//! memory once can be computed again rather than kept, where the device's gradient checkpointing says so.

use std::marker::PhantomData;

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::retro_forward::RetroForward;
use burn::backend::autodiff::checkpoint::state::BackwardStates;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend, TensorMetadata};

use crate::carried;
use crate::flex::weight_cache::briefly;
use crate::ops::DiffusionOps;
use crate::options::{Attention, Conv2d, Gelu, GroupNorm};

/// Hands a gradient to a parent that wants one.
macro_rules! register {
    ($grads:ident, $($parent:ident => $grad:expr),*) => {
        $(if let Some(node) = $parent {
            $grads.register::<B>(node.id, $grad);
        })*
    };
}

/// An operation of [`DiffusionOps`] as a node: `name(parents; options)`, where
/// * `compute` says that its result is always kept, and `memory` that it may be computed again from the parents;
/// * `keeps(parents; name: Type = value, ...)` names the parents that the backward pass reads, and what else it must know;
/// * `grad => expression` is the backward pass: from the result's gradient, the kept parents and the options to a tuple of
///   the parents' gradients, in their order.
macro_rules! node {
    (
        $bound:ident $name:ident($($parent:ident),+; $($option:ident: $type:ty),*)
        keeps($($kept:ident),*; $($known:ident: $known_type:ty = $value:expr),*)
        $grad:ident => $backward:expr
    ) => {
        fn $name($($parent: FloatTensor<Self>,)+ $($option: $type),*) -> FloatTensor<Self> {
            const PARENTS: usize = [$(stringify!($parent)),+].len();
            const KEPT: usize = <[&str]>::len(&[$(stringify!($kept)),*]);

            #[derive(Debug)]
            struct Node;

            impl<B: Backend + DiffusionOps> Backward<B, PARENTS> for Node {
                type State = ([NodeId; KEPT], ($($type,)*), ($($known_type,)*));

                fn backward(
                    self,
                    ops: Ops<Self::State, PARENTS>,
                    grads: &mut Gradients,
                    checkpointer: &mut Checkpointer,
                ) {
                    let (kept, ($($option,)*), ($($known,)*)) = ops.state;
                    let $grad = grads.consume::<B>(&ops.node);
                    let [$($kept),*] =
                        kept.map(|kept| checkpointer.retrieve_node_output::<FloatTensor<B>>(kept));
                    let ($($parent,)+) = $backward;
                    for (parent, gradient) in ops.parents.into_iter().zip([$($parent),+]) {
                        register!(grads, parent => gradient);
                    }
                }
            }

            let known = ($($value,)*);
            let node = Node.prepare::<C>([$($parent.node()),+]);
            let node = node!(@$bound node, B::$name($($parent),+; $($option: $type),*));
            match node.stateful() {
                #[allow(unused_mut)] // where nothing is kept
                OpsKind::Tracked(mut node) => {
                    let state = ([$(node.checkpoint(&$kept)),*], ($($option,)*), known);
                    node.finish(state, B::$name($($parent.into_primitive(),)+ $($option),*))
                }
                OpsKind::UnTracked(node) => {
                    node.finish(B::$name($($parent.into_primitive(),)+ $($option),*))
                }
            }
        }
    };
    (@compute $node:ident, B::$name:ident($($parent:ident),+; $($option:ident: $type:ty),*)) => {
        $node.compute_bound()
    };
    (@memory $node:ident, B::$name:ident($($parent:ident),+; $($option:ident: $type:ty),*)) => {{
        #[derive(Debug)]
        struct Again<B> {
            parents: [NodeId; PARENTS],
            options: ($($type,)*),
            backend: PhantomData<fn() -> B>,
        }

        impl<B: Backend + DiffusionOps> RetroForward for Again<B> {
            fn forward(&self, states: &mut BackwardStates, out: NodeId) {
                let [$($parent),+] = self.parents.map(|parent| states.get_state::<FloatTensor<B>>(&parent));
                let ($($option,)*) = self.options;
                states.save(out, B::$name($($parent,)+ $($option),*));
            }
        }

        let parents = [$($parent.node().id()),+];
        let again = Again::<B> { parents, options: ($($option,)*), backend: PhantomData };
        $node.memory_bound().retro_forward(again).parents([$(&$parent),+])
    }};
}

impl<B: Backend + DiffusionOps, C: CheckpointStrategy> DiffusionOps for Autodiff<B, C> {
    fn leave_sum(parameter: FloatTensor<Self>, sum: FloatTensor<Self>) -> FloatTensor<Self> {
        carried::leave::<B>(parameter.node().id(), sum.into_primitive());
        parameter
    }

    fn take_sum(parameter: FloatTensor<Self>) -> FloatTensor<Self> {
        let device = parameter.device();
        let sum = carried::take::<B>(parameter.node().id());
        let none = || B::float_zeros([0].into(), &device, parameter.dtype().into());
        Self::from_inner(sum.unwrap_or_else(none))
    }

    fn image_conv(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: Conv2d,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct ImageConv;
        impl<B: Backend + DiffusionOps> Backward<B, 3> for ImageConv {
            type State = (NodeId, NodeId, usize, Conv2d);

            fn backward(
                self,
                ops: Ops<Self::State, 3>,
                grads: &mut Gradients,
                checkpointer: &mut Checkpointer,
            ) {
                let (x, weight, bias_rows, options) = ops.state;
                let [on_x, on_weight, on_bias] = ops.parents;
                let grad = grads.consume::<B>(&ops.node);
                let x = checkpointer.retrieve_node_output(x);
                let weight = checkpointer.retrieve_node_output(weight);
                let (by_x, by_weight, by_bias) =
                    briefly(|| B::image_conv_backward(x, weight, grad, bias_rows, options, on_x.is_some()));
                register!(grads, on_x => by_x, on_bias => by_bias);
                if let Some(node) = on_weight {
                    grads.register::<B>(node.id, carried::added::<B>(node.id, by_weight));
                }
            }
        }
        match ImageConv.prepare::<C>([x.node(), weight.node(), bias.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = (prep.checkpoint(&x), prep.checkpoint(&weight), bias.shape()[0], options);
                let (x, weight, bias) = (x.into_primitive(), weight.into_primitive(), bias.into_primitive());
                prep.finish(state, briefly(|| B::image_conv(x, weight, bias, options)))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::image_conv(
                x.into_primitive(),
                weight.into_primitive(),
                bias.into_primitive(),
                options,
            )),
        }
    }

    fn row_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct RowLinear;
        impl<B: Backend + DiffusionOps> Backward<B, 3> for RowLinear {
            type State = (NodeId, NodeId);

            fn backward(
                self,
                ops: Ops<Self::State, 3>,
                grads: &mut Gradients,
                checkpointer: &mut Checkpointer,
            ) {
                let (x, weight) = ops.state;
                let [on_x, on_weight, on_bias] = ops.parents;
                let grad = grads.consume::<B>(&ops.node);
                let x = checkpointer.retrieve_node_output(x);
                let weight = checkpointer.retrieve_node_output(weight);
                let (by_x, by_weight, by_bias) = B::row_linear_backward(x, weight, grad);
                register!(grads, on_x => by_x, on_bias => by_bias);
                if let Some(node) = on_weight {
                    grads.register::<B>(node.id, carried::added::<B>(node.id, by_weight));
                }
            }
        }
        match RowLinear.prepare::<C>([x.node(), weight.node(), bias.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = (prep.checkpoint(&x), prep.checkpoint(&weight));
                let y = B::row_linear(x.into_primitive(), weight.into_primitive(), bias.into_primitive());
                prep.finish(state, y)
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(B::row_linear(x.into_primitive(), weight.into_primitive(), bias.into_primitive()))
            }
        }
    }

    node!(memory group_norm_act(x, scale, shift; options: GroupNorm) keeps(x, scale, shift;)
        grad => B::group_norm_act_backward(x, scale, shift, grad, options));

    fn joined_conv(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: Conv2d,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct JoinedConv;
        impl<B: Backend + DiffusionOps> Backward<B, 4> for JoinedConv {
            type State = ([NodeId; 3], usize, Conv2d);

            fn backward(
                self,
                ops: Ops<Self::State, 4>,
                grads: &mut Gradients,
                checkpointer: &mut Checkpointer,
            ) {
                let (states, bias_rows, options) = ops.state;
                let [on_a, on_b, on_weight, on_bias] = ops.parents;
                let grad = grads.consume::<B>(&ops.node);
                let [a, b, weight] = states.map(|state| checkpointer.retrieve_node_output(state));
                let (by_a, by_b, by_weight, by_bias) =
                    briefly(|| B::joined_conv_backward(a, b, weight, grad, bias_rows, options));
                register!(grads, on_a => by_a, on_b => by_b, on_bias => by_bias);
                if let Some(node) = on_weight {
                    grads.register::<B>(node.id, carried::added::<B>(node.id, by_weight));
                }
            }
        }
        let run = |a: FloatTensor<Self>,
                   b: FloatTensor<Self>,
                   weight: FloatTensor<Self>,
                   bias: FloatTensor<Self>| {
            let (a, b) = (a.into_primitive(), b.into_primitive());
            B::joined_conv(a, b, weight.into_primitive(), bias.into_primitive(), options)
        };
        let nodes = [a.node(), b.node(), weight.node(), bias.node()];
        match JoinedConv.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let states = [prep.checkpoint(&a), prep.checkpoint(&b), prep.checkpoint(&weight)];
                let state = (states, bias.shape()[0], options);
                prep.finish(state, briefly(|| run(a, b, weight, bias)))
            }
            OpsKind::UnTracked(prep) => prep.finish(run(a, b, weight, bias)),
        }
    }

    node!(memory joined_norm_act(a, b, scale, shift; options: GroupNorm) keeps(a, b, scale, shift;)
        grad => B::joined_norm_act_backward(a, b, scale, shift, grad, options));

    node!(compute softmax_attention(q, k, v; options: Attention) keeps(q, k, v;)
        grad => B::softmax_attention_backward(q, k, v, grad, options));

    node!(memory modulated_norm(x, scale, shift; eps: f64) keeps(x, scale;)
        grad => B::modulated_norm_backward(x, scale, grad, eps));

    node!(memory gated_residual(x, y, gate;) keeps(y, gate;)
    grad => {
        let (by_y, by_gate) = B::gated_residual_backward(y, gate, grad.clone());
        (grad, by_y, by_gate)
    });

    node!(memory gelu_act(x; kind: Gelu) keeps(x;) grad => (B::gelu_act_backward(x, grad, kind),));

    node!(memory gated_gelu(x; kind: Gelu) keeps(x;) grad => (B::gated_gelu_backward(x, grad, kind),));

    node!(memory swish(x;) keeps(x;) grad => (B::swish_backward(x, grad),));

    node!(memory upsample_nearest(x; factor: f64) keeps(;) grad => (B::mean_pool(grad, factor),));

    node!(memory mean_pool(x; factor: f64) keeps(; sides: [usize; 4] = x.shape().dims())
        grad => (with_odd_ends::<B>(B::upsample_nearest(grad, factor), sides),));

    node!(memory join_channels(a, b;) keeps(; first: usize = a.shape()[3])
        grad => B::split_channels(grad, first));
}

/// The gradient of a map of `[n, h, w, c]` by that of its even part: an odd last row or column took no part.
fn with_odd_ends<B: Backend>(mut grad: FloatTensor<B>, [n, h, w, c]: [usize; 4]) -> FloatTensor<B> {
    if !h.is_multiple_of(2) {
        let row = [n, 1, w / 2 * 2, c].into();
        let zeros = B::float_zeros(row, &grad.device(), grad.dtype().into());
        grad = B::float_cat(vec![grad, zeros], 1);
    }
    if !w.is_multiple_of(2) {
        let column = [n, h, 1, c].into();
        let zeros = B::float_zeros(column, &grad.device(), grad.dtype().into());
        grad = B::float_cat(vec![grad, zeros], 2);
    }
    grad
}
