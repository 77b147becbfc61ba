//! The operations of transformers.

use super::*;

/// A tensor of the autodiff backend.
type Tracked<B, C> = FloatTensor<Autodiff<B, C>>;

again!(NormAgain { x, scale, shift; eps: f64 } = modulated_norm);
again!(AddAgain { x, y, gate; } = gated_residual);
again!(GeluAgain { x; kind: Gelu } = gelu_act);
again!(GatedAgain { x; kind: Gelu } = gated_gelu);

/// See [`DiffusionOps::modulated_norm`].
pub(super) fn modulated_norm<B: Backend + DiffusionOps, C: CheckpointStrategy>(
    x: Tracked<B, C>,
    scale: Tracked<B, C>,
    shift: Tracked<B, C>,
    eps: f64,
) -> Tracked<B, C> {
    #[derive(Debug)]
    struct ModulatedNorm;
    impl<B: Backend + DiffusionOps> Backward<B, 3> for ModulatedNorm {
        type State = (NodeId, NodeId, f64);

        fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
            let (x, scale, eps) = ops.state;
            let [on_x, on_scale, on_shift] = ops.parents;
            let grad = grads.consume::<B>(&ops.node);
            let [x, scale] = [x, scale].map(|state| checkpointer.retrieve_node_output(state));
            let (by_x, by_scale, by_shift) = B::modulated_norm_backward(x, scale, grad, eps);
            register!(grads, on_x => by_x, on_scale => by_scale, on_shift => by_shift);
        }
    }
    let again = NormAgain::<B> {
        x: x.node().id(),
        scale: scale.node().id(),
        shift: shift.node().id(),
        eps,
        backend: PhantomData,
    };
    let prepared = ModulatedNorm.prepare::<C>([x.node(), scale.node(), shift.node()]).memory_bound();
    let run = |x: Tracked<B, C>, scale: Tracked<B, C>, shift: Tracked<B, C>| {
        B::modulated_norm(x.into_primitive(), scale.into_primitive(), shift.into_primitive(), eps)
    };
    match prepared.retro_forward(again).parents([&x, &scale, &shift]).stateful() {
        OpsKind::Tracked(mut prep) => {
            let state = (prep.checkpoint(&x), prep.checkpoint(&scale), eps);
            prep.finish(state, run(x, scale, shift))
        }
        OpsKind::UnTracked(prep) => prep.finish(run(x, scale, shift)),
    }
}

/// See [`DiffusionOps::gated_residual`].
pub(super) fn gated_residual<B: Backend + DiffusionOps, C: CheckpointStrategy>(
    x: Tracked<B, C>,
    y: Tracked<B, C>,
    gate: Tracked<B, C>,
) -> Tracked<B, C> {
    #[derive(Debug)]
    struct GatedResidual;
    impl<B: Backend + DiffusionOps> Backward<B, 3> for GatedResidual {
        type State = (NodeId, NodeId);

        fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
            let (y, gate) = ops.state;
            let [on_x, on_y, on_gate] = ops.parents;
            let grad = grads.consume::<B>(&ops.node);
            let [y, gate] = [y, gate].map(|state| checkpointer.retrieve_node_output(state));
            let (by_y, by_gate) = B::gated_residual_backward(y, gate, grad.clone());
            register!(grads, on_x => grad, on_y => by_y, on_gate => by_gate);
        }
    }
    let again =
        AddAgain::<B> { x: x.node().id(), y: y.node().id(), gate: gate.node().id(), backend: PhantomData };
    let prepared = GatedResidual.prepare::<C>([x.node(), y.node(), gate.node()]).memory_bound();
    let run = |x: Tracked<B, C>, y: Tracked<B, C>, gate: Tracked<B, C>| {
        B::gated_residual(x.into_primitive(), y.into_primitive(), gate.into_primitive())
    };
    match prepared.retro_forward(again).parents([&x, &y, &gate]).stateful() {
        OpsKind::Tracked(mut prep) => {
            let state = (prep.checkpoint(&y), prep.checkpoint(&gate));
            prep.finish(state, run(x, y, gate))
        }
        OpsKind::UnTracked(prep) => prep.finish(run(x, y, gate)),
    }
}

/// `$function`, an operation on one tensor that `kind` chooses among, and whose gradient by it is `$backward`.
macro_rules! of_one {
    ($(#[$doc:meta])* $function:ident, $backward:ident, $step:ident, $again:ident) => {
        $(#[$doc])*
        pub(super) fn $function<B: Backend + DiffusionOps, C: CheckpointStrategy>(
            x: Tracked<B, C>,
            kind: Gelu,
        ) -> Tracked<B, C> {
            #[derive(Debug)]
            struct $step;
            impl<B: Backend + DiffusionOps> Backward<B, 1> for $step {
                type State = (NodeId, Gelu);

                fn backward(
                    self,
                    ops: Ops<Self::State, 1>,
                    grads: &mut Gradients,
                    checkpointer: &mut Checkpointer,
                ) {
                    let (x, kind) = ops.state;
                    let [on_x] = ops.parents;
                    let grad = grads.consume::<B>(&ops.node);
                    let x = checkpointer.retrieve_node_output(x);
                    register!(grads, on_x => B::$backward(x, grad, kind));
                }
            }
            let again = $again::<B> { x: x.node().id(), kind, backend: PhantomData };
            let prepared = $step.prepare::<C>([x.node()]).memory_bound().retro_forward(again);
            match prepared.parents([&x]).stateful() {
                OpsKind::Tracked(mut prep) => {
                    let state = (prep.checkpoint(&x), kind);
                    prep.finish(state, B::$function(x.into_primitive(), kind))
                }
                OpsKind::UnTracked(prep) => prep.finish(B::$function(x.into_primitive(), kind)),
            }
        }
    };
}

of_one!(
    /// See [`DiffusionOps::gelu_act`].
    gelu_act, gelu_act_backward, GeluAct, GeluAgain
);
of_one!(
    /// See [`DiffusionOps::gated_gelu`].
    gated_gelu, gated_gelu_backward, GatedGelu, GatedAgain
);
