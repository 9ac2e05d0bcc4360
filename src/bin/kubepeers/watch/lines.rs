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
        // After a list, the reason why the pods cannot be watched is unknown for a moment.
        let is_settled = !picture.problem.is_empty() || is_confirmed(picture);
        if picture.problem != self.problem && has_response && is_settled {
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

fn is_confirmed(picture: &Picture) -> bool {
    picture.health.watching || picture.health.polling
}

#[cfg(test)]
mod tests {
    use super::super::picture::tests::{picture, pod};
    use super::*;

    #[test]
    fn all_is_well_only_once_the_pods_are_watched_or_polled() {
        let mut lines = Lines::default();
        let mut picture = picture(Some(vec![pod("web-0", "1")]), None);
        picture.problem = "may not watch".into();
        assert!(lines.next(&picture).contains("! may not watch"));
        (picture.problem, picture.health.watching) = (String::new(), false);
        assert_eq!(lines.next(&picture), "");
        picture.health.watching = true;
        assert!(lines.next(&picture).contains("! all is well again"));
    }
}
