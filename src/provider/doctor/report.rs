//! The result of an examination, as data.

use crate::text::printable;

/// The result of an examination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Every step, in the order in which each needs those before it.
    pub steps: Vec<Step>,
    /// The answer as a sentence, without the outcome.
    pub answer: String,
}

/// One step of an examination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The name of the step.
    pub name: &'static str,
    /// What the examination has found.
    pub state: State,
    /// What was observed: sentences, the most important one first.
    pub facts: Vec<String>,
    /// What fixes the step, if it is wrong or a warning.
    pub fix: Option<Fix>,
}

/// What an examination has found. The order is that of importance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// An earlier step has to be fixed first.
    NotReached,
    /// The step succeeds.
    Ok,
    /// The step succeeds, but probably not as intended.
    Warning,
    /// The step fails.
    Wrong,
}

/// What fixes a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// Paragraphs, one per line. A line that begins with four blanks is to be copied.
    pub text: String,
    /// What `kubectl apply` takes, if that fixes the step.
    pub manifest: Option<Manifest>,
}

/// Objects of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The objects.
    pub yaml: String,
    /// It can be applied as it is. Otherwise it has a placeholder.
    pub is_complete: bool,
}

impl State {
    /// Returns the name that programs see.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotReached => "not-reached",
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Wrong => "wrong",
        }
    }

    /// Returns the first word of the answer.
    fn outcome(self) -> &'static str {
        match self {
            Self::NotReached | Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Wrong => "WRONG",
        }
    }
}

impl Step {
    /// Creates a step that succeeds.
    pub(super) fn ok(name: &'static str, fact: impl Into<String>) -> Self {
        Self::new(name, State::Ok, fact.into(), None)
    }

    /// Creates a step that succeeds, but probably not as intended.
    pub(super) fn warning(name: &'static str, fact: impl Into<String>, fix: Fix) -> Self {
        Self::new(name, State::Warning, fact.into(), Some(fix))
    }

    /// Creates a step that fails.
    pub(super) fn wrong(name: &'static str, fact: impl Into<String>, fix: Fix) -> Self {
        Self::new(name, State::Wrong, fact.into(), Some(fix))
    }

    /// Creates a step that was not reached.
    pub(super) fn not_reached(name: &'static str) -> Self {
        Self { name, state: State::NotReached, facts: Vec::new(), fix: None }
    }

    fn new(name: &'static str, state: State, fact: String, fix: Option<Fix>) -> Self {
        Self { name, state, facts: Vec::new(), fix }.and(fact)
    }

    /// Adds a fact.
    pub(super) fn and(mut self, fact: impl Into<String>) -> Self {
        self.facts.push(printable(&fact.into()).trim().to_owned());
        self
    }

    /// Adds facts.
    pub(super) fn and_all(self, facts: impl IntoIterator<Item = String>) -> Self {
        facts.into_iter().fold(self, Self::and)
    }
}

impl Fix {
    /// Creates a fix without a manifest.
    pub(super) fn new(text: impl Into<String>) -> Self {
        let text: String = text.into();
        // The names in it come from servers. Line by line, because a line feed is not printable.
        let lines: Vec<_> = text.lines().map(printable).collect();
        Self { text: lines.join("\n"), manifest: None }
    }

    /// Adds objects that fix the step when they are applied.
    pub(super) fn with_manifest(mut self, yaml: &str, is_complete: bool) -> Self {
        let lines: String = yaml.lines().map(|line| format!("{}\n", printable(line))).collect();
        self.manifest = Some(Manifest { yaml: lines, is_complete });
        self
    }
}

impl Report {
    /// Returns the most serious state of a step.
    pub fn outcome(&self) -> State {
        self.steps.iter().map(|step| step.state).max().unwrap_or(State::Ok).max(State::Ok)
    }

    /// Returns the answer as a sentence, such as "WRONG login: the API server …".
    pub fn summary(&self) -> String {
        let outcome = self.outcome();
        let word = outcome.outcome();
        let mut found = self.steps.iter().filter(|step| step.state == outcome);
        match found.next() {
            Some(step) if outcome > State::Ok => {
                let others: Vec<&str> = found.map(|step| step.name).collect();
                let others = if others.is_empty() {
                    String::new()
                } else {
                    format!(" (also: {})", others.join(", "))
                };
                let fact = step.facts.first().map_or("", |fact| fact);
                format!("{word} {}: {fact}{others}", step.name)
            }
            _ => format!("{word}: {}", self.answer),
        }
    }

    /// Returns the steps with a fix: those that are wrong before those that are warnings.
    pub(super) fn to_fix(&self) -> impl Iterator<Item = (&Step, &Fix)> {
        let of = |state| {
            let steps = self.steps.iter().filter(move |step| step.state == state);
            steps.filter_map(|step| Some((step, step.fix.as_ref()?)))
        };
        of(State::Wrong).chain(of(State::Warning))
    }

    /// Returns the objects that `kubectl apply` takes as they are, if they fix anything.
    pub fn manifest(&self) -> Option<String> {
        let mut manifests: Vec<&str> = Vec::new();
        for (_, fix) in self.to_fix() {
            if let Some(Manifest { yaml, is_complete: true }) = &fix.manifest
                && !manifests.contains(&yaml.as_str())
            {
                manifests.push(yaml);
            }
        }
        (!manifests.is_empty()).then(|| manifests.concat())
    }
}
