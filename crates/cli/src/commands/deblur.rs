//! `langevin deblur`: sharpen blurred images.

use clap::Args;
use langevin::Result;
use langevin::restoration::RestoreKind;

use super::restoring::{MeasureFlags, RestoreFlags};
use crate::shell::Shell;

/// The arguments of `deblur`.
#[derive(Args)]
#[command(
    after_help = "Boundary conditions are reflecting for photographs and periodic with --simulate; the kernel's option boundary=circular or boundary=reflect overrides this.

Examples:
  langevin deblur blurred.jpg   # kernel estimated
  langevin deblur blurred.jpg --kernel gaussian:sigma=2 --noise 2
  langevin deblur runs/mnist digit.png --kernel motion:length=7 --simulate
  langevin deblur runs/mnist blurred.png --kernel kernel.png"
)]
pub struct Deblur {
    /// The kernel: gaussian, motion or disk with options as in `langevin list operators`, or an image of it; without options they
    /// are estimated from the image, and with auto the kind too.
    #[arg(long, value_name = "NAME:key=value|IMAGE", default_value = "auto")]
    #[arg(value_parser = crate::shell::spec())]
    kernel: String,
    #[command(flatten)]
    measure: MeasureFlags,
    #[command(flatten)]
    flags: RestoreFlags,
}

impl Deblur {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let showing = self.flags.showing();
        let kind = RestoreKind::Deblur { kernel: self.kernel };
        showing.restore(&self.measure.on(self.flags.request(kind)?), shell)
    }
}
