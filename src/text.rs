//! Makes text of other programs safe to show in a terminal, a log or a table.

use std::borrow::Cow;

/// Returns the text with a space in place of every character that moves the cursor, reorders or
/// hides text, or ends a line.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.contains(is_unprintable) {
        text.replace(is_unprintable, " ").into()
    } else {
        text.into()
    }
}

fn is_unprintable(c: char) -> bool {
    matches!(c,
        // Soft hyphen.
        '\u{00ad}'
        // Arabic letter mark.
        | '\u{061c}'
        // Mongolian vowel separator, which has no width.
        | '\u{180e}'
        // Zero width, and left-to-right and right-to-left marks.
        | '\u{200b}'..='\u{200f}'
        // Line and paragraph separators, and bidirectional embeddings and overrides.
        | '\u{2028}'..='\u{202e}'
        // Word joiner, invisible operators, bidirectional isolates, and format characters.
        | '\u{2060}'..='\u{206f}'
        // Byte order mark.
        | '\u{feff}'
        // Interlinear annotations.
        | '\u{fff9}'..='\u{fffb}'
        // Tags, which have no width.
        | '\u{e0000}'..='\u{e007f}')
        || c.is_control()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The characters that a server could use to control a terminal or to disguise text.
    pub(crate) const HOSTILE: &str = "\0\u{7}\t\r\n\u{1b}\u{7f}\u{85}\u{9b}\u{61c}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\
        \u{2028}\u{2029}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2060}\u{2066}\u{2067}\u{2068}\u{2069}\u{206a}\u{feff}\
        \u{ad}\u{180e}\u{fff9}\u{e0041}";

    #[test]
    fn printable_replaces_every_hostile_character() {
        let text = printable(HOSTILE);
        assert_eq!(*text, " ".repeat(HOSTILE.chars().count()));
    }

    #[test]
    fn printable_keeps_ordinary_text() {
        for text in ["", "web-0.ns", "größer 名前 🙂", "a  b"] {
            assert!(matches!(printable(text), Cow::Borrowed(same) if same == text));
        }
    }
}
