//! The flags of commands that write images: kind and quality of the files, and what is done with batches.

use clap::Args;

use crate::headings::OUTPUT;

/// How images are written, and over what.
#[derive(Args)]
pub struct ImageFlags {
    /// Kind of the images in a folder, png, jpg, webp or tiff; a file's own ending says it otherwise [default: png].
    #[arg(long, value_name = "KIND", help_heading = OUTPUT)]
    pub format: Option<String>,
    /// Quality of JPEG images [default: 95].
    #[arg(long, value_name = "Q", value_parser = clap::value_parser!(u8).range(1..=100), help_heading = OUTPUT)]
    pub quality: Option<u8>,
    /// Leave the recipe out of the images.
    #[arg(long, help_heading = OUTPUT)]
    pub no_metadata: bool,
    /// Overwrite what is there.
    #[arg(long, help_heading = OUTPUT)]
    pub force: bool,
}

/// What is done with batches of images.
#[derive(Args)]
pub struct BatchFlags {
    /// Write the images before and after side by side too: NAME-compare.png.
    #[arg(long, help_heading = OUTPUT)]
    pub compare: bool,
    /// Leave out images whose results are there already, and whole: go on with a batch that was stopped.
    #[arg(long, help_heading = OUTPUT, conflicts_with = "force")]
    pub skip_existing: bool,
}
