//! The binary `langevin`: arguments in, the facade's work, results on stdout, everything else on stderr.

mod adapt;
mod commands;
mod display;
mod empty;
mod guide;
mod headings;
mod image_flags;
mod outputs;
mod refusal;
mod shell;
mod stages;
mod training_flags;
mod training_line;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use langevin::kernels::allocator;

use crate::headings::COMMON;

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

/// Train, sample, restore with, and evaluate diffusion models for images.
#[derive(Parser)]
#[command(name = "langevin", version, arg_required_else_help = true, max_term_width = 100)]
#[command(disable_help_flag = true, disable_version_flag = true)]
#[command(after_help = "Examples:
  langevin sample builtin:shapes --grid shapes.png     # generate images
  langevin train builtin:shapes --out runs/shapes      # train from scratch
  langevin noise photo.jpg                             # see the forward process

`langevin COMMAND --help` has the options and examples of a command.")]
struct Arguments {
    /// Print only warnings and errors on stderr.
    #[arg(short, long, global = true, help_heading = COMMON)]
    quiet: bool,
    /// Print more on stderr.
    #[arg(short, long, global = true, help_heading = COMMON)]
    verbose: bool,
    /// Compute threads [default: all cores].
    #[arg(long, global = true, help_heading = COMMON, value_name = "N", value_parser = shell::from_1_to::<1024>())]
    threads: Option<usize>,
    /// Compute device.
    #[arg(long, global = true, help_heading = COMMON, value_name = "DEVICE", default_value = "cpu")]
    device: String,
    /// Print help.
    #[arg(short, long, global = true, help_heading = COMMON, action = ArgAction::Help)]
    help: Option<bool>,
    /// Print the version.
    #[arg(short = 'V', long, help_heading = COMMON, action = ArgAction::Version)]
    version: Option<bool>,
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
    /// Compute the figures of the tutorial, each with its checks, as a page to read.
    Explain(commands::explain::Explain),
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
    /// Print the version.
    #[command(after_help = "Example:\n  langevin version")]
    Version,
}

/// Commands that say what there is: they compute nothing, and have nothing to add or to leave out.
const PLAIN: [&str; 6] = ["list", "schema", "devices", "env", "completions", "version"];

/// The whole command line. The common options of [`PLAIN`] commands are read, and not shown.
fn arguments() -> clap::Command {
    let all = Arguments::command();
    let common: Vec<Arg> = all.get_arguments().filter(|flag| flag.is_global_set()).cloned().collect();
    let hidden = common.into_iter().filter(|flag| flag.get_id() != "help").map(|flag| flag.hide(true));
    let hidden: Vec<Arg> = hidden.collect();
    PLAIN.into_iter().fold(all, |all, name| all.mut_subcommand(name, |command| command.args(&hidden)))
}

/// The arguments of this process, or what is wrong with them. Help and the version are printed here.
fn parsed() -> langevin::Result<(Arguments, ArgMatches)> {
    let matches = arguments().try_get_matches();
    let parsed = matches.and_then(|matches| Ok((Arguments::from_arg_matches(&matches)?, matches)));
    parsed.map_err(|error| {
        if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            error.exit();
        }
        let mut all = arguments();
        all.build();
        let words: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
        refusal::explain(&error, &all, &words)
    })
}

fn main() {
    allocator::keep_freed_memory();
    let parsed =
        parsed().unwrap_or_else(|error| fail(&shell::Shell::new(false, false, None, String::new()), &error));
    let (arguments, matches) = parsed;
    let shell = shell::Shell::new(arguments.quiet, arguments.verbose, arguments.threads, arguments.device);
    let checked = empty::refuse(&Arguments::command(), &matches).and_then(|()| shell.check_device());
    if let Err(error) = checked.and_then(|()| run(arguments.command, &shell)) {
        fail(&shell, &error);
    }
}

/// Ends the program with `error`.
fn fail(shell: &shell::Shell, error: &langevin::Error) -> ! {
    shell::to_stderr(&format!("{}: {error}", shell.paint("error", "1;31")));
    std::process::exit(error.exit_code())
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
        Command::Explain(command) => command.run(shell),
        Command::Inspect(command) => command.run(shell),
        Command::BenchSamplers(command) => command.run(shell),
        Command::BenchRestore(command) => command.run(shell),
        Command::List(command) => command.run(),
        Command::Schema(command) => command.run(),
        Command::Bench(command) => command.run(shell),
        Command::Convert(command) => command.run(shell),
        Command::Devices => commands::env::devices(),
        Command::Env(command) => command.run(),
        Command::Completions(command) => command.run(arguments()),
        Command::Version => outputs::result(concat!("langevin ", env!("CARGO_PKG_VERSION"))),
    }
}
