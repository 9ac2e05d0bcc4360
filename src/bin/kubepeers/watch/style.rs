//! Lines of styled text.

use crate::text::{cut, width};

/// The parameters of an SGR sequence. All are readable on dark and on light backgrounds: yellow is
/// only a background, of black text, no text is faint, and none is white, which some themes make
/// gray.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style(pub &'static str);

impl Style {
    pub const PLAIN: Self = Self("");
    pub const BOLD: Self = Self("1");
    pub const GONE: Self = Self("9");
    pub const RED: Self = Self("31");
    pub const GREEN: Self = Self("32");
    pub const MAGENTA: Self = Self("35");
    pub const ON_YELLOW: Self = Self("30;43");
    pub const ADDED: Self = Self("30;42");
    pub const REMOVED: Self = Self("1;31");
    pub const GOOD_BADGE: Self = Self("7;32;40");
    pub const ALONE_BADGE: Self = Self("7;33;40");
    pub const BAD_BADGE: Self = Self("1;7;31");

    /// Returns the parameters, without the color if there are to be none.
    fn parameters(self, has_colors: bool) -> String {
        let is_shown = |parameter: &&str| has_colors || parameter.len() == 1;
        self.0.split(';').filter(is_shown).collect::<Vec<_>>().join(";")
    }
}

/// A line of styled text.
#[derive(Clone, Debug, Default)]
pub struct Line(Vec<(String, Style)>);

impl Line {
    pub fn new(text: impl Into<String>, style: Style) -> Self {
        Self(vec![(text.into(), style)])
    }

    pub fn push(&mut self, text: impl Into<String>, style: Style) {
        self.0.push((text.into(), style));
    }

    /// Returns the line for a terminal, cut off after this many columns.
    pub fn render(&self, columns: usize, has_colors: bool) -> String {
        let mut left = columns;
        let mut line = String::new();
        for (index, (text, style)) in self.0.iter().enumerate() {
            let has_more = self.0[index + 1..].iter().any(|(text, _)| !text.trim().is_empty());
            // What follows needs a column for the mark that it is cut off.
            let room = if has_more && width(text) == left { left.saturating_sub(1) } else { left };
            let text = if width(text) > room { cut(text, left) } else { text.clone() };
            left -= width(&text);
            let parameters = style.parameters(has_colors);
            if parameters.is_empty() || text.is_empty() {
                line.push_str(&text);
            } else {
                line.push_str(&format!("\x1b[{parameters}m{text}\x1b[0m"));
            }
            if left == 0 {
                break;
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn render_cuts_off_and_styles() {
        let mut line = Line::new("abc", Style::GOOD_BADGE);
        line.push("def", Style::PLAIN);
        assert_eq!(line.render(6, true), "\x1b[7;32;40mabc\x1b[0mdef");
        assert_eq!(line.render(5, false), "\x1b[7mabc\x1b[0md…");
        assert_eq!(Line::new("abc", Style::RED).render(2, false), "a…");
        assert_eq!(Line::new("abc", Style::RED).render(0, true), "");
    }
}
