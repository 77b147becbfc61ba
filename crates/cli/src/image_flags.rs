//! The flags of commands that write images: kind and quality of the files.

use clap::Args;

use crate::headings::OUTPUT;

/// How images are written.
#[derive(Args)]
pub struct ImageFlags {
    /// Kind of the images in a folder, png, jpg, webp or tiff; a file's own ending says it otherwise [default: png].
    #[arg(long, value_name = "KIND", help_heading = OUTPUT)]
    pub format: Option<String>,
    /// Quality of JPEG images [default: 95].
    #[arg(long, value_name = "Q", value_parser = clap::value_parser!(u8).range(1..=100), help_heading = OUTPUT)]
    pub quality: Option<u8>,
}
