//! `kubepeers watch`: every pod and its verdict, as they change.

mod lines;
mod picture;
mod screen;
mod style;
pub mod terminal;

use std::io::{self, IsTerminal, Read};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use clap::ArgMatches;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use self::lines::Lines;
use self::picture::Picture;
use self::screen::Screen;
use self::terminal::Terminal;
use crate::output::Stream;
use crate::session::Session;
use crate::settings::Settings;
use crate::{Outcome, output};

/// The time between two pictures if nothing changes. The clock and the ages do.
const INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };
/// The time between two pictures if much changes.
const SHORTEST: Duration = Duration::from_millis(50);

/// Shows the pods until the reader of stdout is gone. Signals end the process.
pub fn run(settings: &Settings, matches: &ArgMatches) -> Outcome {
    let session = Session::open(settings)?;
    let context = session.provider.message_context()?;
    let mut changes = UnixStream::from(session.provider.change_descriptor()?);
    // Log records would be written into the table.
    let has_records = settings.has_log() && io::stderr().is_terminal();
    let is_table =
        output::is_terminal(Stream::Stdout) && !matches.get_flag("plain") && !has_records;
    if is_table {
        let terminal = Terminal::open()?;
        let mut screen = Screen::new(
            context.clone(),
            settings.is_observer(),
            output::has_colors(Stream::Stdout),
        );
        while has_reader(&changes) {
            let picture = Picture::take(&session.provider, &context)?;
            screen.note(&picture);
            let (columns, lines) = output::terminal_size(Stream::Stdout);
            terminal.draw(&screen.drawn(&picture, columns, lines), lines)?;
            pause(&mut changes);
        }
    } else {
        let mut lines = Lines::default();
        while has_reader(&changes) {
            output::print(&lines.next(&Picture::take(&session.provider, &context)?))?;
            pause(&mut changes);
        }
    }
    Ok(())
}

/// Returns whether a pipe has a reader, without a write. Waits for a change, or until it is time
/// for another picture.
fn has_reader(changes: &UnixStream) -> bool {
    let stdout = rustix::stdio::stdout();
    let mut polled =
        [PollFd::new(&stdout, PollFlags::empty()), PollFd::new(changes, PollFlags::IN)];
    // It fails if a signal has come.
    let _ = poll(&mut polled, Some(&INTERVAL));
    polled[0].revents().is_empty()
}

fn pause(changes: &mut UnixStream) {
    thread::sleep(SHORTEST);
    // It does not block.
    while changes.read(&mut [0; 64]).is_ok_and(|read| read == 64) {}
}
