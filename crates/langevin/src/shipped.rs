//! The models that come with the binary.

/// A model that comes with the binary.
#[derive(Debug, Clone, Copy)]
pub struct Shipped {
    /// `builtin:NAME` without the `builtin:`.
    pub name: &'static str,
    /// What it draws.
    pub summary: &'static str,
    pub(crate) bytes: &'static [u8],
}

/// The models that come with the binary.
pub static SHIPPED: &[Shipped] = &[
    Shipped {
        name: "shapes",
        summary: "32x32 colour pictures of ten things, by class; trained on the generated data set builtin:shapes",
        bytes: include_bytes!("../../../models/shapes.safetensors"),
    },
    Shipped {
        name: "mnist",
        summary: "28x28 handwritten digits, by class; trained on MNIST with the preset mnist",
        bytes: include_bytes!("../../../models/mnist.safetensors"),
    },
    Shipped {
        name: "cifar10",
        summary: "32x32 colour photographs without classes; a prior for restoration, trained on CIFAR-10 from the weights of builtin:photo",
        bytes: include_bytes!("../../../models/cifar10.safetensors"),
    },
    Shipped {
        name: "photo-gray",
        summary: "gray photographs of any size; a denoiser and prior for restoration, trained on BSDS500 with the preset photo-gray",
        bytes: include_bytes!("../../../models/photo-gray.safetensors"),
    },
    Shipped {
        name: "photo",
        summary: "colour photographs of any size; a denoiser and prior for restoration, trained on BSDS500 with the preset photo",
        bytes: include_bytes!("../../../models/photo.safetensors"),
    },
];

impl Shipped {
    /// The size of its file in bytes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }
}
