//! Bit-equality: of an image's forward pass in every batch and on every number of threads, and of gradients at every
//! run and on every number of threads.

use burn::tensor::{Device, Tensor, TensorData};

use crate::cases::{Case, all, noise, realistic};

fn on_threads<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn forward(case: &Case, batch: usize) -> Vec<u32> {
    bits(&case.within(|| case.fast(&case.inputs(batch), batch, &Device::flex())).1.values())
}

#[test]
fn an_image_has_the_same_bytes_in_every_batch_and_on_every_number_of_threads() {
    let mut wrong = Vec::new();
    for case in all().into_iter().chain(realistic()) {
        let alone = on_threads(1, || forward(&case, 1));
        let largest = on_threads(1, || forward(&case, 17));
        let size = alone.len();
        for batch in [1, 2, 3, 5, 8, 16, 17] {
            for threads in [1, 2, 3, 16] {
                let found = on_threads(threads, || forward(&case, batch));
                if found != largest[..batch * size] || found[..size] != alone {
                    wrong.push(format!("{case:?}: batch {batch}, {threads} threads"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "not the same bytes:\n{}", wrong.join("\n"));
}

fn backward(case: &Case, batch: usize) -> Vec<Vec<u32>> {
    case.within(|| gradients(case, batch, &Device::flex().autodiff(), |out| out))
}

/// By every input, where `after` follows the operation.
fn gradients(
    case: &Case,
    batch: usize,
    device: &Device,
    after: impl Fn(Tensor<1>) -> Tensor<1>,
) -> Vec<Vec<u32>> {
    let (inputs, out) = case.fast(&case.inputs(batch), batch, device);
    let shape = out.0.shape().to_vec();
    let probe = TensorData::new(noise(shape.iter().product(), 5), shape.clone());
    let probe = match shape.len() {
        2 => Tensor::<2>::from_data(probe, device).into_dispatch(),
        3 => Tensor::<3>::from_data(probe, device).into_dispatch(),
        _ => Tensor::<4>::from_data(probe, device).into_dispatch(),
    };
    let grads = (after(out.0) * Tensor::from_dispatch(probe)).sum().backward();
    inputs
        .iter()
        .map(|input| bits(&input.0.grad(&grads).unwrap().into_data().try_to_vec::<f32>().unwrap()))
        .collect()
}

#[test]
fn gradients_have_the_same_bytes_at_every_run_and_on_every_number_of_threads() {
    let mut wrong = Vec::new();
    let large = realistic().into_iter().map(|case| (case, 64)).filter(|(case, _)| case.shapes[0][1] <= 64);
    let small = all().into_iter().chain(realistic()).map(|case| (case, 5));
    for (case, batch) in small.chain(large) {
        let first = on_threads(1, || backward(&case, batch));
        for threads in [1, 2, 2, 3, 16] {
            if on_threads(threads, || backward(&case, batch)) != first {
                wrong.push(format!("{case:?}: batch {batch}, {threads} threads"));
            }
        }
    }
    assert!(wrong.is_empty(), "not the same bytes:\n{}", wrong.join("\n"));
}

/// Where the backward pass reads an operation's result, as that of SiLU does, and computes it again.
#[test]
fn gradients_have_the_same_bytes_where_results_are_computed_again() {
    for case in all() {
        let gradients = |device: Device| case.within(|| gradients(&case, 3, &device, langevin_kernels::silu));
        let device = Device::flex().autodiff();
        assert!(gradients(device.clone()) == gradients(device.gradient_checkpointing()), "{case:?}");
    }
}
