//! Words for numbers, names and times.

use std::time::Duration;

use crate::discovery::sink::LastError;
use crate::text::printable;

/// At most this many names are listed.
const NAMES: usize = 5;

/// Returns a number and its noun.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Returns the first names, and how many more there are.
pub(super) fn some<T: AsRef<str>>(names: &[T]) -> String {
    let mut shown: Vec<String> =
        names.iter().take(NAMES).map(|name| name.as_ref().to_owned()).collect();
    if names.len() > NAMES {
        shown.push(format!("and {} more", names.len() - NAMES));
    }
    shown.join(", ")
}

/// Returns a length of time as kubectl shows it.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds}s"),
        120..=7_199 => format!("{}m", seconds / 60),
        7_200..=172_799 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Returns a limit of time.
pub(super) fn limit(limit: Duration) -> String {
    if limit.is_zero() { "0s".into() } else { format!("{limit:?}") }
}

/// Returns a word that a shell takes as it is. It ends no line.
pub(super) fn shell_word(word: &str) -> String {
    let word = printable(word);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Splits a message of the library into what failed and, if it says so, what to do.
pub(super) fn advice(message: &str) -> (&str, Option<&str>) {
    message.split_once("; ").map_or((message, None), |(what, advice)| (what, Some(advice)))
}

/// Splits the message of a failed request. What the server says may look like advice.
pub(super) fn advice_on(failure: &LastError) -> (&str, Option<&str>) {
    let (message, detail) = (failure.error.message(), &*failure.detail);
    let says = if message == detail { None } else { message.find(detail) };
    let start = says.map_or(0, |at| at + detail.len());
    match advice(&message[start..]) {
        (what, Some(advice)) => (&message[..start + what.len()], Some(advice)),
        _ => (message, None),
    }
}

/// Returns advice as a sentence, on one line.
pub(super) fn sentence(advice: &str) -> String {
    let advice = printable(advice);
    let mut characters = advice.trim().chars();
    let first = characters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", characters.as_str().trim_end_matches('.'))
}
