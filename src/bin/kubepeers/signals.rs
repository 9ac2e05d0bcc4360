//! Ends the process on SIGINT and SIGTERM, and restores the terminal before.

use std::fs;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::exit;
use crate::watch::terminal;

/// Starts the thread that waits for signals.
pub fn handle() {
    // A shell starts background jobs with SIGINT ignored.
    let wanted = if is_ignored(SIGINT) { vec![SIGTERM] } else { vec![SIGINT, SIGTERM] };
    // If it fails, signals end the process all the same.
    let Ok(mut signals) = Signals::new(wanted) else { return };
    let _ = thread::Builder::new().name("signals".into()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            terminal::restore();
            let status = if signal == SIGINT { exit::INTERRUPTED } else { exit::TERMINATED };
            std::process::exit(status.into());
        }
    });
}

fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & 1 << (signal - 1) != 0
}
