//! The command line.

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};
use kubepeers::cli::KEYS;

use crate::{exit, options};

/// The longest timeout: a day.
const LONGEST: f64 = 86_400.0;

/// Returns the command with its subcommands.
pub fn command() -> Command {
    let peers = Command::new("peers")
        .about("Print the addresses of the peers, one per line")
        .arg(flag("json").help("Print one JSON object with the record of each peer"))
        .arg(timeout("15"));
    let watch = Command::new("watch")
        .about("Show every pod and its verdict, live: a table, or lines of changes in a pipe")
        .arg(flag("plain").help("Print lines of changes in a terminal, too"));
    let explain = Command::new("explain")
        .about("Print every pod and its verdict once")
        .arg(flag("json").help("Print one JSON object"))
        .arg(timeout("15"));
    let doctor = Command::new("doctor")
        .about("Check every step of discovery, and print how to fix what is wrong")
        .arg(flag("json").help("Print one JSON object"))
        .arg(flag("manifest").conflicts_with("json").help(
            "Print only the manifest that fixes what is wrong, for `kubectl apply -f -`; \
             nothing if there is none. The report goes to stderr",
        ))
        .arg(
            Arg::new("pid")
                .long("pid")
                .value_name("PID")
                .value_parser(clap::value_parser!(u32).range(1..))
                .help(
                    "Check for another process, with its environment and its files, \
                     from a debug container. The first process of a container is 1",
                ),
        )
        .arg(timeout("8").help("How long the check may take"));
    let subcommands = [peers, watch, explain, doctor].map(|command| {
        command
            .args(options::arguments())
            .args_override_self(true)
            .after_help(epilog())
            .max_term_width(80)
    });
    Command::new("kubepeers")
        .about("Find your peers in Kubernetes, and know how reliable the answer is")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .max_term_width(80)
        .after_help(epilog())
        .subcommands(subcommands)
}

fn flag(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}

fn timeout(default: &'static str) -> Arg {
    Arg::new("timeout")
        .long("timeout")
        .value_name("SECONDS")
        .value_parser(seconds)
        .default_value(default)
        .allow_negative_numbers(true)
        .help("How long to wait for a result; up to 10 s longer while access is denied (403)")
}

/// Returns the timeout.
pub fn timeout_of(matches: &ArgMatches) -> Duration {
    matches.get_one::<Duration>("timeout").copied().unwrap_or_default()
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.0..=LONGEST).contains(number));
    let expected = format!("expected a number of seconds from 0 to {LONGEST}");
    number.map(Duration::from_secs_f64).ok_or(expected)
}

/// Returns the end of every help text.
fn epilog() -> String {
    let mut keys = String::new();
    let mut column = usize::MAX;
    for key in &KEYS {
        if column.saturating_add(key.name.len() + 2) > 80 {
            keys.push_str("\n ");
            column = 1;
        }
        keys.push_str(&format!(" {},", key.name));
        column += key.name.len() + 2;
    }
    format!("{CONFIGURATION}{}\n\n{}", keys.trim_end_matches(','), exit::EXPLAINED)
}

const CONFIGURATION: &str = "\
In a pod, labels and a port name are enough: the namespace is that of the pod.
Elsewhere the command uses the same kubeconfig as kubectl, and is an observer,
i.e. not one of the peers. If KUBECONFIG lists several files, it uses the first
one that has the context, because it does not merge files.

Each configuration key can also be set with --set, or with an environment
variable, e.g. KUBEPEERS_NAMESPACE for `namespace`. Options win over --set, and
--set wins over variables. The keys are:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn help_fits_80_columns_and_has_every_key() {
        let mut commands = vec![command()];
        commands.extend(command().get_subcommands().cloned());
        for mut command in commands {
            let help = command.render_help().to_string();
            let longest = help.lines().map(|line| line.chars().count()).max();
            assert!(longest <= Some(80), "{help}");
            assert!(KEYS.iter().all(|key| help.contains(key.name)), "{help}");
        }
    }

    #[test]
    fn timeout_is_a_number_of_seconds() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for wrong in ["-1", "nan", "inf", "86401", "1s", ""] {
            assert!(seconds(wrong).unwrap_err().contains("seconds"), "{wrong}");
        }
    }
}
