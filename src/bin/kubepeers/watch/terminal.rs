//! The whole terminal, which is restored at the end, whatever ends the process.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Switches to the other screen and hides the cursor.
const OPEN: &str = "\x1b[?1049h\x1b[?25l";
/// Undoes that.
const CLOSE: &str = "\x1b[?1049l\x1b[?25h";

/// Whether the other screen is shown. Who holds the lock may write to the terminal.
static IS_OPEN: Mutex<bool> = Mutex::new(false);

/// The other screen, while this exists.
#[derive(Debug)]
pub struct Terminal(());

impl Terminal {
    pub fn open() -> io::Result<Self> {
        let mut is_open = lock();
        *is_open = true;
        write(OPEN)?;
        Ok(Self(()))
    }

    /// Draws the lines of a picture on all rows of the screen.
    pub fn draw(&self, lines: &[String], rows: usize) -> io::Result<()> {
        // Each row is cleared before it is written: after a text that ends in the last column,
        // clearing the rest of the row would clear the last character.
        let mut text = String::from("\x1b[H");
        for row in 0..rows {
            text.push_str(if row > 0 { "\r\n\x1b[2K" } else { "\x1b[2K" });
            text.push_str(lines.get(row).map_or("", String::as_str));
        }
        // A signal may have restored the terminal meanwhile.
        let is_open = lock();
        if *is_open { write(&text) } else { Ok(()) }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Shows the screen that was there before.
pub fn restore() {
    let mut is_open = lock();
    if std::mem::take(&mut *is_open) {
        // There may be no terminal any more.
        let _ = write(CLOSE);
    }
}

fn lock() -> MutexGuard<'static, bool> {
    IS_OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
