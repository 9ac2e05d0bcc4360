//! The command `kubepeers`: the peers, every pod and its verdict, and why discovery does not work.

// In a program, `pub` and `pub(crate)` mean the same.
#![allow(unreachable_pub)]

mod arguments;
mod doctor;
mod exit;
mod explain;
mod options;
mod output;
mod peers;
mod pods;
mod process;
mod records;
mod session;
mod settings;
mod signals;
mod stdout;
mod text;
mod watch;

use std::io;
use std::panic::catch_unwind;
use std::process::ExitCode;

use clap::ArgMatches;
use kubepeers::cli::{Error, panic_text, quiet_panics};

use crate::settings::Settings;

/// Why a command has failed.
pub enum Failure {
    /// The output cannot be written.
    Output(io::Error),
    /// The library reports an error, and the class of its cause.
    Library(Error, Option<&'static str>),
}

/// What a command returns.
pub type Outcome = Result<(), Failure>;

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Library(error, None)
    }
}

fn main() -> ExitCode {
    quiet_panics();
    signals::handle();
    let status = catch_unwind(run).unwrap_or_else(|panic| {
        output::complain(&format!("the command failed internally: {}", panic_text(&*panic)));
        Ok(exit::FAILURE)
    });
    status.unwrap_or_else(|error| output::failed(&error)).into()
}

fn run() -> io::Result<u8> {
    output::require_stdout()?;
    let matches = match arguments::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) if error.use_stderr() => {
            let text = error.render().to_string();
            match text.strip_prefix("error: ") {
                Some(message) => output::complain(message),
                // The help, because there is no command.
                None => output::print_to_stderr(&text),
            }
            return Ok(exit::USAGE);
        }
        Err(shown) => {
            output::print(&shown.render().to_string())?;
            return Ok(exit::SUCCESS);
        }
    };
    let (name, matches) = matches.subcommand().expect("clap requires a subcommand");
    if let Ok(Some(pid)) = matches.try_get_one::<u32>("pid")
        && let Err(error) = process::become_like(*pid)
    {
        output::complain(&process::explained(*pid, &error));
        return Ok(exit::FAILURE);
    }
    let (settings, found) = Settings::find(matches);
    if name == "doctor" {
        let outcome = doctor::run(&settings, found, matches);
        return outcome.or_else(|failure| report(&settings, matches, failure));
    }
    let outcome = found.map_err(Failure::from).and_then(|()| match name {
        "peers" => peers::run(&settings, matches),
        "explain" => explain::run(&settings, matches),
        _ => watch::run(&settings, matches),
    });
    outcome.map_or_else(|failure| report(&settings, matches, failure), |()| Ok(exit::SUCCESS))
}

/// Prints why a command has failed, and returns the exit status.
fn report(settings: &Settings, matches: &ArgMatches, failure: Failure) -> io::Result<u8> {
    let (error, cause) = match failure {
        Failure::Output(error) => return Err(error),
        Failure::Library(error, cause) => (error, cause),
    };
    let message = settings.explained(&error);
    if matches.try_get_one("json").is_ok_and(|json| json == Some(&true)) {
        output::print(&output::json_error(&error, cause, &message))?;
    }
    output::complain(&message);
    Ok(exit::status(&error))
}
