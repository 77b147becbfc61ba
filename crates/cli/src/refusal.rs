//! Mistakes in the arguments in the words of all other errors: the flag, what is wrong with it, and what there is instead.

use std::any::TypeId;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};
use langevin::Error;
use langevin::process::nearest;

/// Names that other programs have for what is said here in another way, each with that way.
const ELSEWHERE: &[(&[&str], &str)] = &[
    (
        &["epochs", "max-train-steps", "train-steps", "iterations", "iters"],
        "trainings are counted in images seen: --images 50000, or --minutes 20",
    ),
    (
        &["model", "ckpt", "checkpoint", "pretrained-model-name-or-path"],
        "the model is named first, without a flag: langevin COMMAND MODEL",
    ),
    (
        &["input", "image", "init-img", "init-image", "img"],
        "images are named without a flag, after the model: langevin COMMAND MODEL IMAGE",
    ),
    (&["gpu", "cuda"], "--device chooses the device; `langevin devices` lists them"),
    (&["width", "height", "W", "H", "size"], "its results are as large as its images are"),
];

/// What is wrong with the arguments `words` (without the program's name) of `all`, by clap's `error`.
pub fn explain(error: &clap::Error, all: &Command, words: &[OsString]) -> Error {
    if error.kind() == ErrorKind::InvalidUtf8 {
        return no_text(all, words);
    }
    let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let (path, command) = called(all, &words);
    let help = format!("see `{path} --help`");
    let argument = text(error, ContextKind::InvalidArg);
    let value = text(error, ContextKind::InvalidValue);
    let flag = typed(command, &words, &argument);
    match error.kind() {
        ErrorKind::UnknownArgument => unknown(all, command, &path, &argument),
        ErrorKind::InvalidSubcommand => {
            let name = text(error, ContextKind::InvalidSubcommand);
            let unknown = Error::usage(format!("no command is called \"{name}\""));
            match nearest(&name, all.get_subcommands().map(Command::get_name)) {
                Some(near) => unknown.hint(format!("did you mean \"{near}\"?")),
                None => unknown.hint("`langevin --help` lists all"),
            }
        }
        ErrorKind::InvalidValue if value.is_empty() => {
            let values = list(error, ContextKind::ValidValue);
            let error = Error::usage(format!("{flag}: needs a value"));
            error.hint(if values.is_empty() { help } else { format!("one of {}", values.join(", ")) })
        }
        ErrorKind::InvalidValue => {
            let values = list(error, ContextKind::ValidValue);
            let wrong = Error::usage(format!("{flag} {value}: is not one of {}", values.join(", ")));
            match nearest(&value, values.iter().map(String::as_str)) {
                Some(near) => wrong.hint(format!("did you mean \"{near}\"?")),
                None => wrong.hint(help),
            }
        }
        ErrorKind::ValueValidation => {
            let why = std::error::Error::source(error).map_or_else(|| "does not fit".to_owned(), plain);
            Error::usage(format!("{flag} {value}: {why}"))
        }
        ErrorKind::MissingRequiredArgument => {
            let missing: Vec<String> = list(error, ContextKind::InvalidArg);
            let missing: Vec<&str> = missing.iter().map(|name| bare(name)).collect();
            let usage = usage_of(command, &path);
            let is = if missing.len() == 1 { "is" } else { "are" };
            Error::usage(format!("{} {is} missing", missing.join(" and "))).hint(usage)
        }
        ErrorKind::ArgumentConflict => {
            let others = list(error, ContextKind::PriorArg);
            let others: Vec<String> = others.iter().map(|other| typed(command, &words, other)).collect();
            let twice = others.is_empty() || others.iter().all(|other| *other == flag);
            match twice {
                true => Error::usage(format!("{flag}: is given twice")).hint("give it once"),
                false => Error::usage(format!("{flag} does not go with {}", others.join(" and "))).hint(help),
            }
        }
        _ => {
            let whole = error.to_string();
            let first = whole.lines().next().unwrap_or_default();
            Error::usage(first.strip_prefix("error: ").unwrap_or(first)).hint(help)
        }
    }
}

/// A text among `words` that is none, by its flag and place.
fn no_text(all: &Command, words: &[OsString]) -> Error {
    let shown: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let (path, command) = called(all, &shown);
    // The flag before a word or in it, unless it takes a path, which may be any bytes.
    let flag = |at: usize| {
        let own = shown[at].split_once('=').map(|(flag, _)| flag).filter(|flag| flag.starts_with("--"));
        let flag = own.or_else(|| shown.get(at.checked_sub(1)?).map(String::as_str))?;
        let name = flag.strip_prefix("--").or_else(|| flag.strip_prefix('-'))?;
        let is_called = |arg: &&Arg| {
            let short = arg.get_short().is_some_and(|short| name.chars().eq([short]));
            short || names(arg).iter().any(|(typed, _)| *typed == name)
        };
        let known = command.get_arguments().find(is_called);
        let is_path = |arg: &Arg| {
            let is_one = arg.get_value_parser().type_id() == TypeId::of::<std::path::PathBuf>();
            let called = |name: &clap::builder::Str| {
                ["FILE", "DIR", "MODEL", "DATA"].iter().any(|word| name.contains(word))
            };
            is_one || arg.get_value_names().is_some_and(|all| all.iter().any(called))
        };
        let takes_path = known.is_some_and(is_path);
        (!takes_path).then(|| flag.to_owned())
    };
    let broken: Vec<usize> = (0..words.len()).filter(|at| words[*at].to_str().is_none()).collect();
    let found = broken.iter().find_map(|at| Some((*at, flag(*at)?)));
    let Some((at, flag)) = found.or_else(|| Some((*broken.first()?, String::new()))) else {
        return Error::usage("an argument is not UTF-8 text").hint(format!("see `{path} --help`"));
    };
    let bytes = words[at].as_encoded_bytes();
    let value = bytes.strip_prefix(flag.as_bytes()).and_then(|rest| rest.strip_prefix(b"=")).unwrap_or(bytes);
    let place = std::str::from_utf8(value).err().map_or(0, |error| error.valid_up_to());
    let named = if flag.is_empty() { String::new() } else { format!("{flag} ") };
    Error::usage(format!(
        "{named}{:?}: byte {} of it is not UTF-8",
        String::from_utf8_lossy(value),
        place + 1
    ))
    .hint("texts on the command line are UTF-8; a file of texts may be UTF-16 too")
}

/// The command that `words` call, with its path as typed.
fn called<'a>(all: &'a Command, words: &[String]) -> (String, &'a Command) {
    let below = words.iter().find_map(|word| all.find_subcommand(word));
    below
        .map_or(("langevin".to_owned(), all), |command| (format!("langevin {}", command.get_name()), command))
}

/// An argument that `command` has not.
fn unknown(all: &Command, command: &Command, path: &str, argument: &str) -> Error {
    let Some(name) = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')) else {
        return Error::usage(format!("{argument}: {path} takes no further argument"))
            .hint(usage_of(command, path));
    };
    let error = Error::usage(format!("there is no {argument} in `{path}`"));
    let flags = || command.get_arguments().filter(|flag| !flag.is_hide_set()).flat_map(names);
    let near = nearest(name, flags().map(|(typed, _)| typed));
    let near = near.and_then(|near| flags().find(|(typed, _)| *typed == near));
    let elsewhere = ELSEWHERE.iter().find(|(names, _)| names.contains(&name));
    let unfinished = near.is_some_and(|(typed, _)| typed.starts_with(name));
    match (elsewhere, near) {
        (Some((_, advice)), _) if !unfinished => return error.hint(*advice),
        (_, Some((_, flag))) => return error.hint(format!("did you mean --{flag}?")),
        _ => {}
    }
    let has = |other: &&Command| other.get_arguments().any(|flag| flag.get_long() == Some(name));
    let others: Vec<&str> = all.get_subcommands().filter(has).map(Command::get_name).collect();
    match others.is_empty() {
        true => error.hint(format!("see `{path} --help`")),
        false => error.hint(format!("it is a flag of {}", others.join(", "))),
    }
}

/// The names of a flag as `(what is typed, its main name)`.
fn names(flag: &Arg) -> Vec<(&str, &str)> {
    let Some(long) = flag.get_long() else { return Vec::new() };
    let aliases = flag.get_all_aliases().unwrap_or_default();
    std::iter::once(long).chain(aliases).map(|name| (name, long)).collect()
}

/// The argument that clap calls `shown`, by the name that was typed among `words`.
fn typed(command: &Command, words: &[String], shown: &str) -> String {
    let name = bare(shown);
    let flag = name
        .strip_prefix("--")
        .and_then(|long| command.get_arguments().find(|flag| flag.get_long() == Some(long)));
    flag.map_or_else(|| name.to_owned(), |flag| name_among(flag, words))
}

/// The name of a flag that was typed among `words`: the main one, another, or one letter.
pub fn name_among(flag: &Arg, words: &[String]) -> String {
    let is = |word: &str, flag: &str| {
        word.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    };
    let mut longs = names(flag).into_iter().map(|(name, _)| format!("--{name}"));
    let long = longs.find(|long| words.iter().any(|word| is(word, long)));
    let short = flag.get_short().map(|short| format!("-{short}"));
    let is_short =
        |short: &String| words.iter().any(|word| !word.starts_with("--") && word.starts_with(short.as_str()));
    let main = flag.get_long().map(|long| format!("--{long}"));
    long.or(short.clone().filter(is_short))
        .or(main)
        .or(short)
        .unwrap_or_else(|| flag.get_id().to_string().to_uppercase())
}

/// The name in what clap shows of an argument: `--seed <N>`, `<IMAGE>...`.
fn bare(shown: &str) -> &str {
    let name = shown.split([' ', '=']).next().unwrap_or(shown);
    name.trim_end_matches("...").trim_matches(['<', '>', '[', ']'])
}

fn usage_of(command: &Command, path: &str) -> String {
    let arguments: Vec<String> = command
        .get_positionals()
        .map(|argument| {
            let names = argument.get_value_names().unwrap_or_default();
            let name = names
                .first()
                .map_or_else(|| argument.get_id().to_string().to_uppercase(), ToString::to_string);
            let many = argument.get_num_args().is_some_and(|count| count.max_values() > 1);
            let many = many || matches!(argument.get_action(), clap::ArgAction::Append);
            let name = if many { format!("{name}...") } else { name };
            if argument.is_required_set() { name } else { format!("[{name}]") }
        })
        .collect();
    let required = command.get_opts().filter(|flag| flag.is_required_set());
    let required = required.map(|flag| format!(" --{} ...", flag.get_long().unwrap_or_default()));
    format!("usage: {path} {}{} [OPTIONS]", arguments.join(" "), required.collect::<String>())
}

/// Why a value does not fit, without the words of Rust's own parsers.
fn plain(source: &(dyn std::error::Error + 'static)) -> String {
    match source.to_string().as_str() {
        "invalid float literal" | "cannot parse float from empty string" => "is not a number".to_owned(),
        why if why.contains("digit found in string") || why.contains("parse integer") => {
            "is not a whole number".to_owned()
        }
        why if why.starts_with("number too") => "is too large".to_owned(),
        why => why.to_owned(),
    }
}

fn text(error: &clap::Error, kind: ContextKind) -> String {
    list(error, kind).into_iter().next().unwrap_or_default()
}

fn list(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}
