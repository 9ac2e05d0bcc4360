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
        // Combining grapheme joiner, which has no width.
        | '\u{034f}'
        // Arabic number signs and letter mark, and the Syriac abbreviation mark.
        | '\u{0600}'..='\u{0605}' | '\u{061c}' | '\u{06dd}' | '\u{070f}'
        // Hangul fillers, which look like blanks.
        | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}'
        // Khmer inherent vowels, which have no width.
        | '\u{17b4}' | '\u{17b5}'
        // Mongolian variation selectors and vowel separator, which have no width.
        | '\u{180b}'..='\u{180f}'
        // Zero width, and left-to-right and right-to-left marks.
        | '\u{200b}'..='\u{200f}'
        // Line and paragraph separators, and bidirectional embeddings and overrides.
        | '\u{2028}'..='\u{202e}'
        // Word joiner, invisible operators, bidirectional isolates, and format characters.
        | '\u{2060}'..='\u{206f}'
        // The empty Braille pattern, which looks like a blank.
        | '\u{2800}'
        // Private use: each font shows something else.
        | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}'
        // Variation selectors, which have no width.
        | '\u{fe00}'..='\u{fe0f}'
        // Byte order mark.
        | '\u{feff}'
        // Interlinear annotations.
        | '\u{fff9}'..='\u{fffb}'
        // Kaithi number signs, and formats of Egyptian hieroglyphs, shorthand and music.
        | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        // Tags and more variation selectors, which have no width.
        | '\u{e0000}'..='\u{e0fff}')
        || c.is_control()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The characters that a server could use to control a terminal or to disguise text.
    pub(crate) const HOSTILE: &str = "\0\u{7}\t\r\n\u{1b}\u{7f}\u{85}\u{9b}\u{61c}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\
        \u{2028}\u{2029}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2060}\u{2066}\u{2067}\u{2068}\u{2069}\u{206a}\u{feff}\
        \u{ad}\u{180e}\u{fff9}\u{e0041}\u{34f}\u{600}\u{605}\u{6dd}\u{70f}\u{115f}\u{1160}\u{17b4}\u{17b5}\u{180b}\u{180f}\
        \u{2800}\u{3164}\u{e000}\u{f8ff}\u{fe00}\u{fe0f}\u{ffa0}\u{110bd}\u{110cd}\u{13430}\u{1343f}\u{1bca0}\u{1bca3}\
        \u{1d173}\u{1d17a}\u{e0100}\u{e01ef}\u{f0000}\u{10fffd}";

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
