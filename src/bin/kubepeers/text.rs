//! Texts of a known width.

use jiff::Timestamp;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Returns the width of a text in a terminal.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Breaks a text into lines at its blanks. A longer word stays whole, so that it can be copied.
pub fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}

/// Cuts a text off at the end.
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.into();
    }
    let mut cut = start_of(text, columns.saturating_sub(1)).to_owned();
    if columns > 0 {
        cut.push('…');
    }
    cut
}

/// Shortens a name in the middle, because the names of a Deployment's pods differ at the end.
pub fn shortened(name: &str, columns: usize) -> String {
    if width(name) <= columns || columns == 0 {
        return name.into();
    }
    let end = (columns - 1) * 2 / 3;
    format!("{}…{}", start_of(name, columns - 1 - end), end_of(name, end))
}

fn start_of(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let fits = text.chars().take_while(|c| {
        used += c.width().unwrap_or(0);
        used <= columns
    });
    &text[..fits.map(char::len_utf8).sum::<usize>()]
}

fn end_of(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let fits = text.chars().rev().take_while(|c| {
        used += c.width().unwrap_or(0);
        used <= columns
    });
    &text[text.len() - fits.map(char::len_utf8).sum::<usize>()..]
}

/// Returns a length of time like kubectl does.
pub fn span(seconds: i64) -> String {
    let units = [("d", 86_400), ("h", 3600), ("m", 60)];
    let unit = units.into_iter().find(|(_, length)| seconds >= 2 * length);
    let (unit, length) = unit.unwrap_or(("s", 1));
    format!("{}{unit}", (seconds / length).max(0))
}

/// Returns how long ago something started, or "-" if the time is not one.
pub fn age(started: &str, now: Timestamp) -> String {
    let started = started.parse::<Timestamp>();
    started.map_or("-".into(), |started| span(now.as_second() - started.as_second()))
}

/// Returns a number with its noun.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("{number} {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapped_breaks_at_blanks_by_width() {
        assert_eq!(width("日本e\u{301}"), 5);
        assert_eq!(wrapped("日本 日本 ab", 9), ["日本 日本", "ab"]);
        assert_eq!(wrapped("a-word-that-is-long b", 5), ["a-word-that-is-long", "b"]);
        assert!(wrapped("", 5).is_empty());
    }

    #[test]
    fn shortened_keeps_both_ends() {
        assert_eq!(shortened("web-0", 5), "web-0");
        assert_eq!(shortened("deployment-7d9f8b6c5-x2x4z", 14), "deplo…c5-x2x4z");
        assert_eq!(shortened("日本日本日本", 7), "日…日本");
    }

    #[test]
    fn cut_fits_every_width() {
        assert_eq!(
            (cut("abc", 3), cut("abc", 2), cut("abc", 0)),
            ("abc".into(), "a…".into(), "".into())
        );
        assert_eq!(cut("日本", 3), "日…");
    }

    #[test]
    fn span_has_the_unit_of_kubectl() {
        let spans = [-1, 0, 119, 120, 7199, 7200, 172_799, 172_800].map(span);
        assert_eq!(spans, ["0s", "0s", "119s", "2m", "119m", "2h", "47h", "2d"]);
        assert_eq!(age("1970-01-01T00:01:00Z", Timestamp::from_second(90).unwrap()), "30s");
        assert_eq!(age("", Timestamp::UNIX_EPOCH), "-");
    }
}
