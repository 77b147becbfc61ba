//! Arguments that are there and empty: a variable of a script that was not set.

use clap::{ArgMatches, Command};
use langevin::{Error, Result};

use crate::refusal::name_among;

/// Arguments that may be empty: texts, of which the empty one says nothing.
const TEXTS: [&str; 2] = ["prompt", "negative"];

/// Refuses an empty argument of `command`, or of the command below it that `matches` has.
///
/// # Errors
/// Usage, naming the flag or the argument.
pub fn refuse(command: &Command, matches: &ArgMatches) -> Result<()> {
    for argument in command.get_arguments() {
        let id = argument.get_id().as_str();
        let given = matches.try_contains_id(id).unwrap_or(false) && !TEXTS.contains(&id);
        let Some(mut values) = given.then(|| matches.get_raw(id)).flatten() else { continue };
        if values.any(std::ffi::OsStr::is_empty) {
            let words: Vec<String> =
                std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
            let name = name_among(argument, &words);
            return Err(Error::usage(format!("{name}: is empty"))
                .hint("give a value, or leave it out; a variable of a script may not be set"));
        }
    }
    let below = matches.subcommand();
    below.map_or(Ok(()), |(name, matches)| {
        command.find_subcommand(name).map_or(Ok(()), |command| refuse(command, matches))
    })
}
