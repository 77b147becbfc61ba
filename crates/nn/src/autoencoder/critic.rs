//! The critic that an autoencoder is trained against: it looks at small parts of an image and says how true each seems (Isola et
//! al. 2017, pix2pix, 1611.07004; Esser et al. 2021).

use burn::module::Module;
use burn::tensor::Tensor;
use langevin_kernels as kernels;

use crate::draw::Draw;
use crate::layers::{Conv2d, GroupNorm};

/// Epsilon of the norms.
const EPS: f64 = 1e-5;

/// A critic of parts of images.
#[derive(Module, Debug)]
pub struct Critic {
    conv_in: Conv2d,
    convs: Vec<Conv2d>,
    norms: Vec<GroupNorm>,
    conv_out: Conv2d,
}

/// What a critic sees in images.
#[derive(Debug, Clone)]
pub struct Seen {
    /// What each of its layers makes of them, `[n, h, w, c]`.
    pub features: Vec<Tensor<4>>,
    /// How true each part seems, `[n, h, w, 1]`; more is truer.
    pub truth: Tensor<4>,
}

impl Critic {
    /// A critic of images of `inputs` channels, whose layers have `channels` channels and twice as many each time the image
    /// is halved, `halvings` times.
    pub fn new(draw: &Draw<'_>, inputs: usize, channels: usize, halvings: usize) -> Self {
        let down = |i: usize| {
            let conv = kernels::Conv2d::padded(2, 1);
            Conv2d::new(&draw.at("convs").at(i), channels << i, channels << (i + 1), 3, conv)
        };
        let norm = |i: usize| {
            GroupNorm::new(&draw.at("norms").at(i), channels << (i + 1), (channels / 4).max(1), EPS, true)
        };
        Self {
            conv_in: Conv2d::same(&draw.at("conv_in"), inputs, channels, 3),
            convs: (0..halvings).map(down).collect(),
            norms: (0..halvings).map(norm).collect(),
            conv_out: Conv2d::same(&draw.at("conv_out"), channels << halvings, 1, 3),
        }
    }

    /// What it sees in images `[n, channels, h, w]`.
    pub fn forward(&self, images: Tensor<4>) -> Seen {
        let mut x = kernels::silu(self.conv_in.forward(kernels::channels_last(images)));
        let mut features = vec![x.clone()];
        for (conv, norm) in self.convs.iter().zip(&self.norms) {
            x = norm.forward(conv.forward(x));
            features.push(x.clone());
        }
        Seen { features, truth: self.conv_out.forward(x) }
    }
}
