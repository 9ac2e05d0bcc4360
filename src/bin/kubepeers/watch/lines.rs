//! Lines of changes, for pipes and files.

use kubepeers::cli::printable;

use super::picture::{Picture, changes};
use crate::pods::Pod;

/// Prints what has changed since the last picture.
#[derive(Debug, Default)]
pub struct Lines {
    before: Vec<Pod>,
    problem: String,
}

impl Lines {
    /// Returns the lines for what has changed since the last picture.
    pub fn next(&mut self, picture: &Picture) -> String {
        let mut text = String::new();
        let mut add = |line: &str| {
            text.push_str(&format!("{:.0} {}\n", picture.now, printable(line)));
        };
        // Before the first response there is nothing to report.
        let has_response = picture.pods.is_some() || picture.health.last_error.is_some();
        if picture.problem != self.problem && has_response {
            match &*picture.problem {
                "" => add("! all is well again"),
                problem => add(&format!("! {problem}")),
            }
            self.problem.clone_from(&picture.problem);
        }
        for change in changes(&self.before, picture.pods()) {
            add(&change.described(&change.pod.name));
        }
        self.before = picture.pods().to_vec();
        text
    }
}
