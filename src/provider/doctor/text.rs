//! The report as text for humans. The first and the last line are the answer.

use super::report::{Fix, Manifest, Report, State, Step};
use super::words::some;

/// The width of text that is not shown in a terminal.
const WIDTH: usize = 80;
/// The columns of a step: its name, its state, and what was observed.
const NAME: usize = 15;
const STATE: usize = 9;

/// How a text is laid out.
#[derive(Clone, Copy)]
pub struct Layout<'a> {
    /// The number of columns. Lines that are to be copied may be longer.
    pub width: usize,
    /// Adds colors, say, to a part of a line, which is already laid out.
    pub paint: &'a dyn Fn(Part, &str) -> String,
}

/// A part of the text that may have a color.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The first word of the answer.
    Outcome(State),
    /// The rest of the answer, with its outcome.
    Summary(State),
    /// The state of a step.
    State(State),
    /// The title of a fix.
    Heading,
    /// A line to be copied.
    Command,
}

impl Default for Layout<'_> {
    fn default() -> Self {
        Self { width: WIDTH, paint: &|_, text| text.into() }
    }
}

/// Returns the report as text.
pub fn text(report: &Report, layout: Layout<'_>) -> String {
    let mut out = Text { text: String::new(), layout };
    out.summary(report);
    out.line("");
    out.steps(&report.steps);
    out.line("");
    out.fixes(report);
    out.summary(report);
    out.text
}

struct Text<'a> {
    text: String,
    layout: Layout<'a>,
}

impl Text<'_> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn summary(&mut self, report: &Report) {
        let (outcome, paint) = (report.outcome(), self.layout.paint);
        for (index, line) in wrapped(&report.summary(), self.layout.width).iter().enumerate() {
            let end = if index == 0 { line.find([' ', ':']).unwrap_or(line.len()) } else { 0 };
            let (word, rest) = line.split_at(end);
            let word = if end > 0 { paint(Part::Outcome(outcome), word) } else { String::new() };
            self.line(&(word + &paint(Part::Summary(outcome), rest)));
        }
    }

    fn steps(&mut self, steps: &[Step]) {
        let columns = self.layout.width.saturating_sub(NAME + STATE);
        for step in steps.iter().filter(|step| step.state != State::NotReached) {
            let mut lines = step.facts.iter().flat_map(|fact| wrapped(fact, columns));
            let word = word(step.state);
            let state = (self.layout.paint)(Part::State(step.state), word);
            let room = STATE - word.len();
            let first = lines.next().unwrap_or_default();
            self.line(&format!("{:NAME$}{state}{:room$}{first}", step.name, ""));
            for line in lines {
                self.line(&format!("{:indent$}{line}", "", indent = NAME + STATE));
            }
        }
        let missing: Vec<&str> = steps
            .iter()
            .filter(|step| step.state == State::NotReached)
            .map(|step| step.name)
            .collect();
        if !missing.is_empty() {
            for line in wrapped(&format!("not reached: {}", missing.join(", ")), self.layout.width)
            {
                self.line(&line);
            }
        }
    }

    /// A fix of several steps is shown once.
    fn fixes(&mut self, report: &Report) {
        let mut shown: Vec<&Fix> = Vec::new();
        for (_, fix) in report.to_fix() {
            if shown.contains(&fix) {
                continue;
            }
            shown.push(fix);
            let same = report.to_fix().filter(|(_, other)| *other == fix);
            let names: Vec<&str> = same.map(|(step, _)| step.name).collect();
            let heading = (self.layout.paint)(Part::Heading, &format!("Fix {}:", some(&names)));
            self.line(&heading);
            self.fix(fix);
            self.line("");
        }
    }

    fn fix(&mut self, fix: &Fix) {
        for paragraph in fix.text.lines() {
            if paragraph.starts_with("    ") {
                self.command(paragraph);
            } else {
                for line in wrapped(paragraph, self.layout.width) {
                    self.line(&line);
                }
            }
        }
        match &fix.manifest {
            Some(Manifest { yaml, is_complete: true }) => {
                self.command("kubectl apply -f - <<'END'");
                yaml.lines().for_each(|line| self.command(line));
                self.command("END");
            }
            Some(Manifest { yaml, is_complete: false }) => {
                yaml.lines().for_each(|line| self.command(&format!("    {line}")));
            }
            None => {}
        }
    }

    fn command(&mut self, line: &str) {
        let line = (self.layout.paint)(Part::Command, line);
        self.line(&line);
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::NotReached => "-",
        State::Ok => "ok",
        State::Warning => "warning",
        State::Wrong => "WRONG",
    }
}

/// Breaks a text into lines at its blanks. A longer word stays whole, so that it can be copied.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
