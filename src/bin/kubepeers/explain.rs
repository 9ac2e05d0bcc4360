//! `kubepeers explain`: every pod and its verdict, once.

use clap::ArgMatches;
use jiff::Timestamp;
use kubepeers::cli::{Form, MessageContext, View, explain};

use crate::output::Stream;
use crate::session::Session;
use crate::settings::Settings;
use crate::text::{cut, width, wrapped};
use crate::{Outcome, arguments, output, pods};

/// Prints the pods.
pub fn run(settings: &Settings, matches: &ArgMatches) -> Outcome {
    let session = Session::open(settings)?;
    let view = session.wait(arguments::timeout_of(matches), |provider, step| {
        // It waits for the first list. Whether this pod is among the pods does not matter here.
        let _ = provider.discover_peers(step);
        provider.view()
    })?;
    let context = session.provider.message_context()?;
    let text = if matches.get_flag("json") {
        explain(&view, &context, Form::Json) + "\n"
    } else if output::is_terminal(Stream::Stdout) {
        fitting(&view, &context, output::terminal_size(Stream::Stdout).0)
    } else {
        explain(&view, &context, Form::Table)
    };
    output::print(&text)?;
    Ok(())
}

/// Returns the table of the library, or a compact one if its lines are too long.
fn fitting(view: &View, context: &MessageContext, columns: usize) -> String {
    let table = explain(view, context, Form::Table);
    let (summary, rows) = table.split_once('\n').unwrap_or((&table, ""));
    let mut text = wrapped(summary, columns).join("\n") + "\n";
    if rows.lines().all(|line| width(line) <= columns) {
        text.push_str(rows);
    } else {
        text.push_str(&compact(view, columns));
    }
    text
}

fn compact(view: &View, columns: usize) -> String {
    // The column for marks stays empty, with the two blanks after it.
    let columns = columns + 3;
    let now = Timestamp::now();
    let mut rows = vec![pods::HEADINGS.map(String::from)];
    for pod in pods::of_view(view) {
        let [name, verdict, host, ready, age, ports] = pod.cells(now, columns);
        rows.push([String::new(), name, verdict, host, ready, age, ports]);
    }
    let widths = pods::widths(rows.iter(), columns);
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, &room) in row.iter().zip(&widths).skip(1) {
            let cell = cut(cell, room);
            line.push_str(&cell);
            line.push_str(&" ".repeat(room + 2 - width(&cell)));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
