//! The binary `langevin`: arguments in, the facade's work, results on stdout, everything else on stderr.

mod adapt;
mod commands;
mod guide;
mod outputs;
mod shell;

use clap::{Parser, Subcommand};
use langevin::kernels::allocator;

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

/// Train, sample and look into diffusion models for imaging.
#[derive(Parser)]
#[command(name = "langevin", version, arg_required_else_help = true, max_term_width = 110)]
#[command(after_help = "Examples:
  langevin train builtin:shapes --out runs/first     watch a model learn and draw, from nothing
  langevin sample builtin:shapes --grid shapes.png   draw with the model that comes along
  langevin noise photo.jpg                           see what a diffusion does to an image")]
struct Arguments {
    /// Say less on stderr: only warnings and errors.
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Say more on stderr.
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Threads to compute with [default: all cores].
    #[arg(long, global = true, value_name = "N", value_parser = shell::from_1_to::<1024>())]
    threads: Option<usize>,
    /// What to compute on.
    #[arg(long, global = true, value_name = "DEVICE", default_value = "cpu")]
    device: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train a model on images; run again to go on where it stopped.
    Train(commands::train::Train),
    /// Teach a model to draw in few steps; run again to go on where it stopped.
    Distill(commands::distill::Distill),
    /// Make an average of a run's weights of any width, after training.
    Ema(commands::ema::Ema),
    /// Draw images with a model.
    Sample(commands::sample::Sample),
    /// Find the noise from which a model draws given images.
    Invert(commands::invert::Invert),
    /// Take the noise out of images of any size.
    Denoise(commands::denoise::Denoise),
    /// Restore degraded images with a model.
    Restore(commands::restore::Restore),
    /// Draw parts of images anew.
    Inpaint(commands::inpaint::Inpaint),
    /// Draw small images large.
    Upscale(commands::upscale::Upscale),
    /// Draw blurred images sharp.
    Deblur(commands::deblur::Deblur),
    /// Let a model draw variations of images, or make sketches real.
    Edit(commands::edit::Edit),
    /// Judge the images of a model, or a set of images, by a data set.
    Eval(commands::eval::Eval),
    /// Say how likely a data set is under a model, in bits per dimension.
    Likelihood(commands::likelihood::Likelihood),
    /// Draw what noise does to an image, and how the schedules differ.
    Noise(commands::noise::Noise),
    /// Say what a model, run, image or data set is.
    Inspect(commands::inspect::Inspect),
    /// Compare samplers on a model, and write the best ones into its file.
    BenchSamplers(commands::bench_samplers::BenchSamplers),
    /// Compare methods of restoration on a model and a data set.
    BenchRestore(commands::bench_restore::BenchRestore),
    /// List everything that has a name.
    List(commands::list::List),
    /// Measure speed and memory of a model or preset.
    Bench(commands::bench::Bench),
    /// Turn a model into another form: a single file, or a folder of diffusers.
    Convert(commands::convert::Convert),
    /// Say what can be computed on.
    #[command(after_help = "Example:\n  langevin devices")]
    Devices,
    /// Say what this program runs on.
    Env(commands::env::Env),
    /// Print completions for a shell.
    Completions(commands::completions::Completions),
}

fn main() {
    allocator::keep_freed_memory();
    let arguments = Arguments::parse();
    let shell = shell::Shell::new(arguments.quiet, arguments.verbose, arguments.threads, arguments.device);
    let result = match arguments.command {
        Command::Train(command) => command.run(&shell),
        Command::Distill(command) => command.run(&shell),
        Command::Ema(command) => command.run(&shell),
        Command::Sample(command) => command.run(&shell),
        Command::Invert(command) => command.run(&shell),
        Command::Denoise(command) => command.run(&shell),
        Command::Restore(command) => command.run(&shell),
        Command::Inpaint(command) => command.run(&shell),
        Command::Upscale(command) => command.run(&shell),
        Command::Deblur(command) => command.run(&shell),
        Command::Edit(command) => command.run(&shell),
        Command::Eval(command) => command.run(&shell),
        Command::Likelihood(command) => command.run(&shell),
        Command::Noise(command) => command.run(&shell),
        Command::Inspect(command) => command.run(&shell),
        Command::BenchSamplers(command) => command.run(&shell),
        Command::BenchRestore(command) => command.run(&shell),
        Command::List(command) => command.run(),
        Command::Bench(command) => command.run(&shell),
        Command::Convert(command) => command.run(&shell),
        Command::Devices => commands::env::devices(),
        Command::Env(command) => command.run(),
        Command::Completions(command) => command.run(),
    };
    if let Err(error) = result {
        eprintln!("{}: {error}", shell.paint("error", "1;31"));
        std::process::exit(error.exit_code());
    }
}
