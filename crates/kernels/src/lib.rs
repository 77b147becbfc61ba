//! The operations that cost time in a diffusion network, each behind one seam where a backend may put a faster body.
//!
//! Networks call the functions on tensors exported here ([`conv2d`], [`group_norm`], [`attention`]...).
//! Each goes through [`DiffusionOps`], a Burn backend extension: its default bodies ([`plain`]) are written in plain
//! backend operations and are the reference; `flex/` overrides them on the CPU; `autodiff` records each as one node
//! whose backward pass is written by hand, so it may use the fast bodies too.
//!
//! Two promises hold on the CPU and are tested in `tests/suite/invariance.rs`:
//! * forward: image `k` of a batch gets the same bytes alone or in any batch, on any number of threads;
//! * backward: at a fixed batch the gradients are the same bytes at every run and on any number of threads.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use langevin_kernels::{Arithmetic, Conv2d, conv2d};
//!
//! let device = Device::flex();
//! // Channels come last: `[images, height, width, channels]`.
//! let x = Tensor::<4>::ones([1, 4, 4, 1], &device);
//! let weight = Tensor::<4>::ones([1, 1, 3, 3], &device);
//! let convolve = || conv2d(x.clone(), weight.clone(), Tensor::zeros([1, 1], &device), Conv2d::same(3));
//! let most: f32 = Arithmetic::Exact.within(|| convolve().max().into_scalar());
//! assert_eq!(most, 9.0);
//! ```

mod algorithm;
pub mod allocator;
mod arithmetic;
mod autodiff;
mod carried;
mod flex;
mod ops;
mod options;
pub mod plain;
mod tensor;

pub use algorithm::{Algorithm, Pass};
pub use arithmetic::Arithmetic;
pub use flex::{Isa, peak_gflops};
pub use ops::DiffusionOps;
pub use options::{AdamW, Attention, Conv2d, Gelu, GroupNorm};
pub use tensor::{
    adamw_ema_step, attention, channels_first, channels_last, conv2d, conv2d_joined, downsample2x,
    gated_gelu, gated_residual, gelu, group_norm, group_norm_joined, join_channels, layer_norm,
    leave_gradient_sum, linear, silu, take_gradient_sum, upsample_nearest2x,
};
