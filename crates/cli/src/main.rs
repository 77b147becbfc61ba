//! The binary `langevin`: arguments in, the facade's work, results on stdout, everything else on stderr.

mod adapt;
mod commands;
mod display;
mod empty;
mod guide;
mod outputs;
mod shell;
mod training_flags;
mod training_line;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use langevin::kernels::allocator;

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

/// Where the help of a command lists the options that every command has.
const GLOBAL: &str = "Global options";

/// Train, sample, restore with, and evaluate diffusion models for images.
#[derive(Parser)]
#[command(name = "langevin", version, arg_required_else_help = true, max_term_width = 110)]
#[command(after_help = "Examples:
  langevin train builtin:shapes --out runs/first     train from scratch and watch the samples
  langevin sample builtin:shapes --grid shapes.png   generate images with a shipped model
  langevin noise photo.jpg                           see the forward process on an image")]
struct Arguments {
    /// Print only warnings and errors on stderr.
    #[arg(short, long, global = true, help_heading = GLOBAL)]
    quiet: bool,
    /// Print more on stderr.
    #[arg(short, long, global = true, help_heading = GLOBAL)]
    verbose: bool,
    /// Compute threads [default: all cores].
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "N", value_parser = shell::from_1_to::<1024>())]
    threads: Option<usize>,
    /// Compute device.
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "DEVICE", default_value = "cpu")]
    device: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train a model on images; the same command resumes a run.
    Train(commands::train::Train),
    /// Distil a model to few sampling steps; the same command resumes a run.
    Distill(commands::distill::Distill),
    /// Build a post-hoc EMA of any length from a run's stored snapshots.
    Ema(commands::ema::Ema),
    /// Generate images with a model.
    Sample(commands::sample::Sample),
    /// Invert images: find the start noise that a model generates them from.
    Invert(commands::invert::Invert),
    /// Denoise images of any size.
    Denoise(commands::denoise::Denoise),
    /// Restore degraded images with a model.
    Restore(commands::restore::Restore),
    /// Inpaint masked regions.
    Inpaint(commands::inpaint::Inpaint),
    /// Upscale images.
    Upscale(commands::upscale::Upscale),
    /// Deblur images.
    Deblur(commands::deblur::Deblur),
    /// Edit images: variations, or images from sketches (SDEdit).
    Edit(commands::edit::Edit),
    /// Score samples, or a set of images, against a data set (FID, KID, precision/recall, memorisation...).
    Eval(commands::eval::Eval),
    /// Compute the likelihood of a data set under a model, in bits per dimension.
    Likelihood(commands::likelihood::Likelihood),
    /// Show the forward process of an image, and how the schedules differ.
    Noise(commands::noise::Noise),
    /// Describe a model, run, image or data set.
    Inspect(commands::inspect::Inspect),
    /// Benchmark samplers on a model, and store the best ones in its file.
    BenchSamplers(commands::bench_samplers::BenchSamplers),
    /// Benchmark restoration methods on a model and a data set.
    BenchRestore(commands::bench_restore::BenchRestore),
    /// List samplers, schedules, models, presets and everything else that has a name.
    List(commands::list::List),
    /// Print the JSON Schema of a job's request.
    Schema(commands::schema::Schema),
    /// Benchmark the speed and memory of a model or preset.
    Bench(commands::bench::Bench),
    /// Convert a model to a single file or to a diffusers folder.
    Convert(commands::convert::Convert),
    /// List the devices to compute on.
    #[command(after_help = "Example:\n  langevin devices")]
    Devices,
    /// Describe the machine, the version and the shipped models.
    Env(commands::env::Env),
    /// Print shell completions.
    Completions(commands::completions::Completions),
}

fn main() {
    allocator::keep_freed_memory();
    let matches = Arguments::command().get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let shell = shell::Shell::new(arguments.quiet, arguments.verbose, arguments.threads, arguments.device);
    let checked = empty::refuse(&Arguments::command(), &matches).and_then(|()| shell.check_device());
    let result = checked.and_then(|()| run(arguments.command, &shell));
    if let Err(error) = result {
        shell::to_stderr(&format!("{}: {error}", shell.paint("error", "1;31")));
        std::process::exit(error.exit_code());
    }
}

fn run(command: Command, shell: &shell::Shell) -> langevin::Result<()> {
    match command {
        Command::Train(command) => command.run(shell),
        Command::Distill(command) => command.run(shell),
        Command::Ema(command) => command.run(shell),
        Command::Sample(command) => command.run(shell),
        Command::Invert(command) => command.run(shell),
        Command::Denoise(command) => command.run(shell),
        Command::Restore(command) => command.run(shell),
        Command::Inpaint(command) => command.run(shell),
        Command::Upscale(command) => command.run(shell),
        Command::Deblur(command) => command.run(shell),
        Command::Edit(command) => command.run(shell),
        Command::Eval(command) => command.run(shell),
        Command::Likelihood(command) => command.run(shell),
        Command::Noise(command) => command.run(shell),
        Command::Inspect(command) => command.run(shell),
        Command::BenchSamplers(command) => command.run(shell),
        Command::BenchRestore(command) => command.run(shell),
        Command::List(command) => command.run(),
        Command::Schema(command) => command.run(),
        Command::Bench(command) => command.run(shell),
        Command::Convert(command) => command.run(shell),
        Command::Devices => commands::env::devices(),
        Command::Env(command) => command.run(),
        Command::Completions(command) => command.run(Arguments::command()),
    }
}
