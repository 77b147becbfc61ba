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

/// Computes an operation once more in the backward pass, where the strategy keeps no answers of cheap operations.
macro_rules! again {
    ($name:ident { $($parent:ident),+ ; $($option:ident: $type:ty),* } = $operation:ident) => {
        #[derive(Debug)]
        struct $name<B> {
            $($parent: NodeId,)+
            $($option: $type,)*
            backend: PhantomData<fn() -> B>,
        }

        impl<B: Backend + DiffusionOps> RetroForward for $name<B> {
            fn forward(&self, states: &mut BackwardStates, out: NodeId) {
                $(let $parent = states.get_state::<FloatTensor<B>>(&self.$parent);)+
                states.save(out, B::$operation($($parent,)+ $(self.$option,)*));
            }
        }
    };
}

mod tokens;

again!(NormAgain { x, scale, shift; options: GroupNorm } = group_norm_act);
again!(SwishAgain { x; } = swish);
again!(DoubleAgain { x; factor: f64 } = upsample_nearest);
again!(HalveAgain { x; factor: f64 } = mean_pool);
again!(JoinAgain { a, b; } = join_channels);
again!(JoinedNormAgain { a, b, scale, shift; options: GroupNorm } = joined_norm_act);

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

    fn group_norm_act(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        options: GroupNorm,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct GroupNormAct;
        impl<B: Backend + DiffusionOps> Backward<B, 3> for GroupNormAct {
            type State = (NodeId, NodeId, NodeId, GroupNorm);

            fn backward(
                self,
                ops: Ops<Self::State, 3>,
                grads: &mut Gradients,
                checkpointer: &mut Checkpointer,
            ) {
                let (x, scale, shift, options) = ops.state;
                let [on_x, on_scale, on_shift] = ops.parents;
                let grad = grads.consume::<B>(&ops.node);
                let x = checkpointer.retrieve_node_output(x);
                let scale = checkpointer.retrieve_node_output(scale);
                let shift = checkpointer.retrieve_node_output(shift);
                let (by_x, by_scale, by_shift) = B::group_norm_act_backward(x, scale, shift, grad, options);
                register!(grads, on_x => by_x, on_scale => by_scale, on_shift => by_shift);
            }
        }
        let again = NormAgain::<B> {
            x: x.node().id(),
            scale: scale.node().id(),
            shift: shift.node().id(),
            options,
            backend: PhantomData,
        };
        let prepared = GroupNormAct.prepare::<C>([x.node(), scale.node(), shift.node()]).memory_bound();
        match prepared.retro_forward(again).parents([&x, &scale, &shift]).stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = (prep.checkpoint(&x), prep.checkpoint(&scale), prep.checkpoint(&shift), options);
                let y = B::group_norm_act(
                    x.into_primitive(),
                    scale.into_primitive(),
                    shift.into_primitive(),
                    options,
                );
                prep.finish(state, y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::group_norm_act(
                x.into_primitive(),
                scale.into_primitive(),
                shift.into_primitive(),
                options,
            )),
        }
    }

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

    fn joined_norm_act(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        options: GroupNorm,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct JoinedNormAct;
        impl<B: Backend + DiffusionOps> Backward<B, 4> for JoinedNormAct {
            type State = ([NodeId; 4], GroupNorm);

            fn backward(
                self,
                ops: Ops<Self::State, 4>,
                grads: &mut Gradients,
                checkpointer: &mut Checkpointer,
            ) {
                let (states, options) = ops.state;
                let [on_a, on_b, on_scale, on_shift] = ops.parents;
                let grad = grads.consume::<B>(&ops.node);
                let [a, b, scale, shift] = states.map(|state| checkpointer.retrieve_node_output(state));
                let (by_a, by_b, by_scale, by_shift) =
                    B::joined_norm_act_backward(a, b, scale, shift, grad, options);
                register!(grads, on_a => by_a, on_b => by_b, on_scale => by_scale, on_shift => by_shift);
            }
        }
        let again = JoinedNormAgain::<B> {
            a: a.node().id(),
            b: b.node().id(),
            scale: scale.node().id(),
            shift: shift.node().id(),
            options,
            backend: PhantomData,
        };
        let run = |a: FloatTensor<Self>,
                   b: FloatTensor<Self>,
                   scale: FloatTensor<Self>,
                   shift: FloatTensor<Self>| {
            let (a, b) = (a.into_primitive(), b.into_primitive());
            B::joined_norm_act(a, b, scale.into_primitive(), shift.into_primitive(), options)
        };
        let prepared =
            JoinedNormAct.prepare::<C>([a.node(), b.node(), scale.node(), shift.node()]).memory_bound();
        match prepared.retro_forward(again).parents([&a, &b, &scale, &shift]).stateful() {
            OpsKind::Tracked(mut prep) => {
                let states = [&a, &b, &scale, &shift].map(|tensor| prep.checkpoint(tensor));
                prep.finish((states, options), run(a, b, scale, shift))
            }
            OpsKind::UnTracked(prep) => prep.finish(run(a, b, scale, shift)),
        }
    }

    fn softmax_attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        options: Attention,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct SoftmaxAttention;
        impl<B: Backend + DiffusionOps> Backward<B, 3> for SoftmaxAttention {
            type State = (NodeId, NodeId, NodeId, Attention);

            fn backward(
                self,
                ops: Ops<Self::State, 3>,
                grads: &mut Gradients,
                checkpointer: &mut Checkpointer,
            ) {
                let (q, k, v, options) = ops.state;
                let [on_q, on_k, on_v] = ops.parents;
                let grad = grads.consume::<B>(&ops.node);
                let q = checkpointer.retrieve_node_output(q);
                let k = checkpointer.retrieve_node_output(k);
                let v = checkpointer.retrieve_node_output(v);
                let (by_q, by_k, by_v) = B::softmax_attention_backward(q, k, v, grad, options);
                register!(grads, on_q => by_q, on_k => by_k, on_v => by_v);
            }
        }
        match SoftmaxAttention.prepare::<C>([q.node(), k.node(), v.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = (prep.checkpoint(&q), prep.checkpoint(&k), prep.checkpoint(&v), options);
                let y =
                    B::softmax_attention(q.into_primitive(), k.into_primitive(), v.into_primitive(), options);
                prep.finish(state, y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::softmax_attention(
                q.into_primitive(),
                k.into_primitive(),
                v.into_primitive(),
                options,
            )),
        }
    }

    fn modulated_norm(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        eps: f64,
    ) -> FloatTensor<Self> {
        tokens::modulated_norm::<B, C>(x, scale, shift, eps)
    }

    fn gated_residual(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        gate: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        tokens::gated_residual::<B, C>(x, y, gate)
    }

    fn gelu_act(x: FloatTensor<Self>, kind: Gelu) -> FloatTensor<Self> {
        tokens::gelu_act::<B, C>(x, kind)
    }

    fn gated_gelu(x: FloatTensor<Self>, kind: Gelu) -> FloatTensor<Self> {
        tokens::gated_gelu::<B, C>(x, kind)
    }

    fn swish(x: FloatTensor<Self>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Swish;
        impl<B: Backend + DiffusionOps> Backward<B, 1> for Swish {
            type State = NodeId;

            fn backward(
                self,
                ops: Ops<Self::State, 1>,
                grads: &mut Gradients,
                checkpointer: &mut Checkpointer,
            ) {
                let [on_x] = ops.parents;
                let grad = grads.consume::<B>(&ops.node);
                let x = checkpointer.retrieve_node_output(ops.state);
                register!(grads, on_x => B::swish_backward(x, grad));
            }
        }
        let again = SwishAgain::<B> { x: x.node().id(), backend: PhantomData };
        let prepared = Swish.prepare::<C>([x.node()]).memory_bound().retro_forward(again);
        match prepared.parents([&x]).stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = prep.checkpoint(&x);
                prep.finish(state, B::swish(x.into_primitive()))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::swish(x.into_primitive())),
        }
    }

    fn upsample_nearest(x: FloatTensor<Self>, factor: f64) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct UpsampleNearest;
        impl<B: Backend + DiffusionOps> Backward<B, 1> for UpsampleNearest {
            type State = f64;

            fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
                let [on_x] = ops.parents;
                let grad = grads.consume::<B>(&ops.node);
                register!(grads, on_x => B::mean_pool(grad, ops.state));
            }
        }
        let again = DoubleAgain::<B> { x: x.node().id(), factor, backend: PhantomData };
        let prepared = UpsampleNearest.prepare::<C>([x.node()]).memory_bound().retro_forward(again);
        match prepared.parents([&x]).stateful() {
            OpsKind::Tracked(prep) => prep.finish(factor, B::upsample_nearest(x.into_primitive(), factor)),
            OpsKind::UnTracked(prep) => prep.finish(B::upsample_nearest(x.into_primitive(), factor)),
        }
    }

    fn mean_pool(x: FloatTensor<Self>, factor: f64) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct MeanPool;
        impl<B: Backend + DiffusionOps> Backward<B, 1> for MeanPool {
            type State = (f64, [usize; 4]);

            fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
                let (factor, [n, h, w, c]) = ops.state;
                let [on_x] = ops.parents;
                let mut grad = B::upsample_nearest(grads.consume::<B>(&ops.node), factor);
                // An odd last row or column took no part.
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
                register!(grads, on_x => grad);
            }
        }
        let shape = x.shape().dims();
        let again = HalveAgain::<B> { x: x.node().id(), factor, backend: PhantomData };
        let prepared = MeanPool.prepare::<C>([x.node()]).memory_bound().retro_forward(again);
        match prepared.parents([&x]).stateful() {
            OpsKind::Tracked(prep) => prep.finish((factor, shape), B::mean_pool(x.into_primitive(), factor)),
            OpsKind::UnTracked(prep) => prep.finish(B::mean_pool(x.into_primitive(), factor)),
        }
    }

    fn join_channels(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct JoinChannels;
        impl<B: Backend + DiffusionOps> Backward<B, 2> for JoinChannels {
            type State = usize;

            fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
                let [on_a, on_b] = ops.parents;
                let (by_a, by_b) = B::split_channels(grads.consume::<B>(&ops.node), ops.state);
                register!(grads, on_a => by_a, on_b => by_b);
            }
        }
        let first = a.shape()[3];
        let again = JoinAgain::<B> { a: a.node().id(), b: b.node().id(), backend: PhantomData };
        let prepared = JoinChannels.prepare::<C>([a.node(), b.node()]).memory_bound().retro_forward(again);
        match prepared.parents([&a, &b]).stateful() {
            OpsKind::Tracked(prep) => {
                prep.finish(first, B::join_channels(a.into_primitive(), b.into_primitive()))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::join_channels(a.into_primitive(), b.into_primitive())),
        }
    }
}
