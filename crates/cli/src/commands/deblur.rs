//! `langevin deblur`: draw blurred images sharp.

use std::path::Path;

use clap::Args;
use langevin::Result;
use langevin::restore::operators;

use super::restoring::{Common, Job, Measuring, clean_shape, open};
use super::trained::Serves;
use crate::shell::Shell;

/// The arguments of `deblur`.
#[derive(Args)]
#[command(
    after_help = "Beyond the border a photograph is taken to be mirrored, and with --simulate to repeat; boundary=circular or
boundary=reflect among the kernel's options says otherwise.

Examples:
  langevin deblur runs/mnist blurred.png --kernel gaussian:sigma=2 --noise 2 -o sharp.png
  langevin deblur runs/mnist digit.png --kernel motion:length=7,angle=30 --noise 2 --simulate
  langevin deblur runs/mnist blurred.png --kernel kernel.png"
)]
pub struct Deblur {
    #[command(flatten)]
    common: Common,
    /// The kernel: gaussian, motion or disk with options as in `langevin list operators`, or an image of it.
    #[arg(long, value_name = "NAME:key=value|IMAGE", default_value = "gaussian")]
    kernel: String,
    #[command(flatten)]
    measuring: Measuring,
}

impl Deblur {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let Measuring { method, noise, simulate, reference } = &self.measuring;
        let spec = spec(&self.kernel, *simulate);
        self.common.run(
            shell,
            &Job {
                method: method.clone(),
                noise: noise.as_deref(),
                rounded: true,
                simulate: *simulate,
                reference: reference.as_deref(),
                operator: &|image, channels| {
                    let shape = clean_shape(&spec, image, channels, *simulate)?;
                    operators::build(&spec, shape, &open)
                },
                reports: true,
                serves: Serves::Nothing,
            },
        )
    }
}

/// The operator that a kernel names.
fn spec(kernel: &str, simulate: bool) -> String {
    let named = match kernel.split_once(':') {
        _ if Path::new(kernel).is_file() => format!("file_blur:file={kernel}"),
        Some((name, options)) => format!("{name}_blur:{options}"),
        None => format!("{kernel}_blur:"),
    };
    if simulate || named.contains("boundary=") { named } else { format!("{named},boundary=reflect") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_blurs() {
        assert_eq!(spec("gaussian", true), "gaussian_blur:");
        assert_eq!(spec("disk:radius=2", false), "disk_blur:radius=2,boundary=reflect");
        assert_eq!(spec("disk:boundary=circular", false), "disk_blur:boundary=circular");
    }
}
