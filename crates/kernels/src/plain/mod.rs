//! The reference bodies, in plain backend operations: what every faster body must agree with, and on an autodiff
//! backend, what every hand-written backward pass must agree with.
//!
//! Each lies in a file of the name that its fast body has in `flex/`.

mod adamw;
mod attention;
mod conv;
mod gated_residual;
mod gelu;
mod group_norm;
mod joined;
mod linear;
mod modulated_norm;
mod pixels;
mod shapes;
mod sigmoid;

pub use adamw::adamw_ema;
pub use attention::{softmax_attention, softmax_attention_backward};
pub use conv::{image_conv, image_conv_backward};
pub use gated_residual::{gated_residual, gated_residual_backward};
pub use gelu::{gated_gelu, gated_gelu_backward, gelu_act, gelu_act_backward};
pub use group_norm::{group_norm_act, group_norm_act_backward, joined_norm_act, joined_norm_act_backward};
pub use joined::{joined_conv, joined_conv_backward};
pub use linear::{row_linear, row_linear_backward};
pub use modulated_norm::{modulated_norm, modulated_norm_backward};
pub use pixels::{join_channels, mean_pool, split_channels, upsample_nearest};
pub use sigmoid::{swish, swish_backward};
