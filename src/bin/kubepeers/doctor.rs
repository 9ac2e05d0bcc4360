//! `kubepeers doctor`: why discovery does not work, and how to fix it.

use clap::ArgMatches;
use kubepeers::cli::{
    Error, Form, Layout, Part, Report, State, examine, misconfigured, printable, report_text,
};

use crate::output::Stream;
use crate::settings::Settings;
use crate::{Failure, arguments, exit, options, output};

/// The first step of a report.
const CONFIGURATION: &str = "configuration";
/// The width of text in a pipe.
const IN_PIPES: usize = 80;
/// A debug container may report a terminal of one column. In a wide terminal, longer lines are hard
/// to read.
const WIDTHS: (usize, usize) = (40, 100);

/// Prints a report, and returns the exit status. `found` is the error of the settings, if they are
/// incomplete: the library examines what is wrong with a kubeconfig.
pub fn run(
    settings: &Settings,
    found: Result<(), Error>,
    matches: &ArgMatches,
) -> Result<u8, Failure> {
    let config = match &found {
        Err(error) if !settings.is_read() => Err(error.clone()),
        _ => settings.config(),
    };
    let mut report = match config {
        Ok(config) => examine(&config, arguments::timeout_of(matches))?,
        Err(error) => misconfigured(&error),
    };
    let is_misconfigured = found.is_err() || state_of(&report, CONFIGURATION) == State::Wrong;
    add_settings(&mut report, settings);
    if matches.get_flag("manifest") {
        output::print(&report.manifest().unwrap_or_default())?;
        output::print_to_stderr(&text(&report, Stream::Stderr));
    } else if matches.get_flag("json") {
        output::print(&(report.render(Form::Json) + "\n"))?;
    } else {
        output::print(&text(&report, Stream::Stdout))?;
    }
    Ok(match report.outcome() {
        State::Wrong if is_misconfigured => exit::USAGE,
        State::Wrong => exit::FAILURE,
        _ => exit::SUCCESS,
    })
}

fn state_of(report: &Report, name: &str) -> State {
    let step = report.steps.iter().find(|step| step.name == name);
    step.map_or(State::NotReached, |step| step.state)
}

/// Adds what the command has found out itself, and how to set the keys that a fix names.
fn add_settings(report: &mut Report, settings: &Settings) {
    for step in &mut report.steps {
        let hint = match (&step.fix, step.facts.first()) {
            (None, _) => None,
            (Some(_), Some(message)) if step.name == CONFIGURATION => {
                Some(options::hint_for_message(message))
            }
            // The hint is only about this command: the process that it checks has its own settings.
            (Some(fix), _) => options::hint_for_text(&fix.text)
                .map(|hint| hint.replacen("(set ", "(in this command, set ", 1)),
        };
        if let (Some(fix), Some(hint)) = (&mut step.fix, hint) {
            fix.text.push('\n');
            fix.text.push_str(&hint);
        }
        if step.name == CONFIGURATION {
            let sentences = settings.notes.iter().chain(&settings.doubts);
            step.facts.extend(sentences.map(|sentence| printable(sentence).into_owned()));
        }
    }
}

fn text(report: &Report, stream: Stream) -> String {
    let width = if output::is_terminal(stream) {
        output::terminal_size(stream).0.clamp(WIDTHS.0, WIDTHS.1)
    } else {
        IN_PIPES
    };
    let has_colors = output::has_colors(stream);
    let paint = |part: Part, text: &str| match parameters(part) {
        Some(parameters) if has_colors => format!("\x1b[{parameters}m{text}\x1b[0m"),
        _ => text.into(),
    };
    report_text(report, Layout { width, paint: &paint })
}

/// Returns the parameters of an SGR sequence. Text is not yellow, cyan or bold green, because these
/// are hard to read on a white background.
fn parameters(part: Part) -> Option<&'static str> {
    match part {
        Part::Outcome(State::Warning) | Part::State(State::Warning) => Some("30;43"),
        Part::Outcome(State::Ok | State::NotReached) => Some("30;42"),
        Part::Outcome(State::Wrong) => Some("1;7;31"),
        Part::Summary(State::Wrong) | Part::State(State::Wrong) => Some("1;31"),
        Part::Summary(_) | Part::Heading => Some("1"),
        Part::State(State::Ok) => Some("32"),
        Part::State(State::NotReached) => None,
        Part::Command => Some("35"),
    }
}
