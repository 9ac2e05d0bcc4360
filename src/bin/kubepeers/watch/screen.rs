//! A live table.

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use kubepeers::cli::{Error, MessageContext, printable};

use super::picture::{Change, Mark, Picture, changes};
use super::style::{Line, Style};
use crate::pods::{self, HEADINGS, Pod};
use crate::text::{count, cut, shortened, span, width, wrapped};

/// How long a change stands out.
const RECENT: SignedDuration = SignedDuration::from_secs(10);
/// How many changes are listed below the table.
const LISTED: usize = 6;
/// How long a name may be there.
const LISTED_NAME: usize = 24;
/// With fewer lines, the changes are not listed.
const LINES_FOR_CHANGES: usize = 16;
/// How many lines a problem may take above a table in a low terminal, and above an empty table.
const PROBLEM: usize = 5;
const LONG_PROBLEM: usize = 12;
/// An empty line, the headings, and a line that stays empty.
const AROUND_ROWS: usize = 3;

/// Draws what is known, and what has changed recently.
pub struct Screen {
    context: MessageContext,
    /// The process runs in none of the pods.
    is_observer: bool,
    has_colors: bool,
    before: Option<Vec<Pod>>,
    recent: HashMap<String, (Timestamp, Change)>,
    log: VecDeque<(Timestamp, String)>,
}

impl Screen {
    pub fn new(context: MessageContext, is_observer: bool, has_colors: bool) -> Self {
        let (before, recent, log) = (None, HashMap::new(), VecDeque::new());
        Self { context, is_observer, has_colors, before, recent, log }
    }

    /// Keeps what has changed since the last picture.
    pub fn note(&mut self, picture: &Picture) {
        for change in self.before.iter().flat_map(|before| changes(before, picture.pods())) {
            let name = shortened(&change.pod.name, LISTED_NAME);
            self.log.push_back((picture.now, change.described(&name)));
            self.recent.insert(change.pod.uid.clone(), (picture.now, change));
        }
        self.log.drain(..self.log.len().saturating_sub(LISTED));
        self.recent.retain(|_, (at, _)| picture.now.duration_since(*at) < RECENT);
        if picture.pods.is_some() {
            self.before.clone_from(&picture.pods);
        }
    }

    /// Returns the lines of a picture for a terminal of any size.
    pub fn drawn(&self, picture: &Picture, columns: usize, lines: usize) -> Vec<String> {
        let mut drawn = vec![self.title(picture, columns), self.summary(picture)];
        drawn.extend(self.state(picture, columns, lines));
        let log = if lines >= LINES_FOR_CHANGES { self.listed() } else { vec![] };
        let room = lines.saturating_sub(drawn.len() + log.len() + AROUND_ROWS);
        drawn.push(Line::default());
        drawn.extend(self.table(picture, columns, room));
        drawn.extend(log);
        drawn.truncate(lines);
        drawn.iter().map(|line| line.render(columns, self.has_colors)).collect()
    }

    fn title(&self, picture: &Picture, columns: usize) -> Line {
        let MessageContext { namespace, selector, discovery_port_name, .. } = &self.context;
        let title = format!("kubepeers  {selector} in {namespace}, port {discovery_port_name}");
        let clock = clock(picture.now);
        let room = columns.saturating_sub(clock.len() + 2);
        let title = cut(&printable(&title), room);
        let gap = " ".repeat(room - width(&title) + 2);
        Line::new(format!("{title}{gap}{clock}"), Style::BOLD)
    }

    /// Returns the result, in the place that is read first.
    fn summary(&self, picture: &Picture) -> Line {
        let peers = picture.pods().iter().filter(|pod| pod.is_peer()).count();
        let (result, badge) = match (&picture.refusal, &picture.pods) {
            (Some(error), _) => (refused(error, picture.pods.is_some()), Style::BAD_BADGE),
            (None, None) => ("not known yet".into(), Style::BAD_BADGE),
            (None, Some(_)) if peers == 0 && self.is_observer => {
                ("no peers".into(), Style::ALONE_BADGE)
            }
            (None, Some(_)) if peers == 0 => ("alone".into(), Style::ALONE_BADGE),
            (None, Some(_)) => (count(peers, "peer"), Style::GOOD_BADGE),
        };
        let mut line = Line::new(format!(" {result} "), badge);
        if picture.pods.is_some() {
            let of = if picture.refusal.is_none() && peers > 0 { "of " } else { "" };
            line.push(format!("  {of}{}", verdicts(picture.pods())), Style::PLAIN);
        }
        line
    }

    /// Returns how reliable the result is.
    fn state(&self, picture: &Picture, columns: usize, lines: usize) -> Vec<Line> {
        let confirmed = match (&picture.pods, picture.health.age) {
            (Some(_), Some(age)) => {
                format!("last confirmed {} ago", span(age.as_secs().try_into().unwrap_or(i64::MAX)))
            }
            // A response may have arrived that is not a list of pods.
            _ => "no pods read yet".into(),
        };
        let polling = if picture.health.polling { ", polling" } else { "" };
        let local = if self.is_observer {
            "this process is not one of the pods".into()
        } else {
            // The UID is of no use here, and often too long.
            let name = self.context.self_pod.split(" (uid ").next().unwrap_or_default();
            format!("this pod: {}", printable(name))
        };
        let mut drawn = vec![Line::new(format!("{confirmed}{polling}; {local}"), Style::PLAIN)];
        let most = if picture.pods().is_empty() { LONG_PROBLEM } else { PROBLEM.max(lines / 3) };
        let mut problem = wrapped(&picture.problem, columns);
        if problem.len() > most {
            problem.truncate(most);
            if let Some(last) = problem.last_mut() {
                *last = cut(&format!("{last} …"), columns);
            }
        }
        drawn.extend(problem.into_iter().map(|line| Line::new(line, Style::RED)));
        drawn
    }

    fn table(&self, picture: &Picture, columns: usize, room: usize) -> Vec<Line> {
        let pods = self.rows(picture, room);
        let hidden = pods.len().saturating_sub(room);
        let mut rows: Vec<([String; 7], [Style; 7])> =
            pods.iter().take(room).map(|pod| self.row(pod, picture.now, columns)).collect();
        if hidden > 0
            && let Some(last) = rows.last_mut()
        {
            let mut cells = <[String; 7]>::default();
            cells[1] = format!("and {} more", hidden + 1);
            *last = (cells, [Style::PLAIN; 7]);
        }
        if rows.is_empty() {
            return vec![];
        }
        let widths = pods::widths(rows.iter().map(|(cells, _)| cells), columns);
        let headings = (HEADINGS.map(String::from), [Style::BOLD; 7]);
        let lines = [&headings].into_iter().chain(&rows);
        lines.map(|(cells, styles)| in_columns(cells, styles, &widths)).collect()
    }

    /// Returns the pods by name, with those that were just removed. If there are too many for the
    /// screen, those come first that an operator has to see.
    fn rows(&self, picture: &Picture, room: usize) -> Vec<Pod> {
        let removed = self.recent.values().filter(|(_, change)| change.mark == Mark::Removed);
        let mut rows: Vec<Pod> = picture.pods().to_vec();
        rows.extend(removed.map(|(_, change)| change.pod.clone()));
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        if rows.len() > room {
            rows.sort_by_key(|pod| (!self.recent.contains_key(&pod.uid), pod.is_peer()));
        }
        rows
    }

    fn row(&self, pod: &Pod, now: Timestamp, columns: usize) -> ([String; 7], [Style; 7]) {
        let mark = self.recent.get(&pod.uid).map(|(_, change)| change.mark);
        let sign = mark.map_or("", Mark::sign).into();
        let [name, verdict, host, ready, age, ports] = pod.cells(now, columns);
        if mark == Some(Mark::Removed) {
            let cells = [sign, name, "gone".into(), host, ready, age, ports];
            let mut styles = [Style::GONE; 7];
            styles[0] = Style::REMOVED;
            return (cells, styles);
        }
        let marked = match mark {
            Some(Mark::Added) => Style::ADDED,
            Some(_) => Style::ON_YELLOW,
            None => Style::PLAIN,
        };
        let by_change = if mark.is_some() { Style::BOLD } else { Style::PLAIN };
        let by_verdict = match pod.verdict {
            "peer" => Style::GREEN,
            "self" => Style::MAGENTA,
            "terminating" | "not-running" | "no-ip" => Style::ON_YELLOW,
            _ => Style::RED,
        };
        let by_readiness = if pod.ready { Style::PLAIN } else { Style::ON_YELLOW };
        let plain = Style::PLAIN;
        let styles = [marked, by_change, by_verdict, plain, by_readiness, plain, plain];
        ([sign, name, verdict, host, ready, age, ports], styles)
    }

    fn listed(&self) -> Vec<Line> {
        let lines = self
            .log
            .iter()
            .map(|(at, line)| Line::new(format!("{} {line}", clock(*at)), Style::PLAIN));
        if self.log.is_empty() {
            vec![]
        } else {
            [Line::default()].into_iter().chain(lines).collect()
        }
    }
}

fn in_columns(cells: &[String; 7], styles: &[Style; 7], widths: &[usize]) -> Line {
    let mut line = Line::default();
    for (index, ((cell, style), &room)) in cells.iter().zip(styles).zip(widths).enumerate() {
        if index > 0 {
            line.push("  ", Style::PLAIN);
        }
        let cell = cut(cell, room);
        let padding = " ".repeat(room - width(&cell));
        line.push(cell, *style);
        line.push(padding, Style::PLAIN);
    }
    line
}

/// Returns why there is no result, in a few words. "not known yet" is only for what waiting may
/// change.
fn refused(error: &Error, has_pods: bool) -> String {
    match error.http_status() {
        403 => "not allowed",
        401 => "rejected",
        _ if has_pods || !error.is_retryable() => "no result",
        _ => "not known yet",
    }
    .into()
}

fn verdicts(pods: &[Pod]) -> String {
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    for pod in pods.iter().filter(|pod| !pod.is_peer()) {
        *numbers.entry(pod.verdict).or_default() += 1;
    }
    let mut numbers: Vec<(&str, usize)> = numbers.into_iter().collect();
    numbers.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
    let others =
        numbers.iter().map(|(verdict, number)| format!("{number} {verdict}")).collect::<Vec<_>>();
    let all = count(pods.len(), "pod");
    if others.is_empty() { all } else { format!("{all}: {}", others.join(", ")) }
}

fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::super::picture::tests::{context, health, picture, pod};
    use super::*;
    use kubepeers::cli::{LastError, Status};

    fn pods(number: usize) -> Vec<Pod> {
        (0..number).map(|i| pod(&format!("web-{i}"), &format!("u{i}"))).collect()
    }

    fn denied() -> Error {
        let message = "service account `member` may not watch the pods ".repeat(10);
        Error::new(Status::Forbidden, message).with_http_status(403)
    }

    fn with_problem(pods: Vec<Pod>) -> Picture {
        let (error, class, detail) = (denied(), "forbidden", String::new());
        let health = health(Some(LastError { error, class, detail }));
        Picture::new(Timestamp::UNIX_EPOCH, Some(pods), health, None, &context())
    }

    fn drawn(columns: usize, lines: usize, pictures: &[Picture]) -> Vec<String> {
        let mut screen = Screen::new(context(), false, false);
        pictures.iter().for_each(|picture| screen.note(picture));
        let drawn = screen.drawn(pictures.last().unwrap(), columns, lines);
        let drawn: Vec<String> = drawn.iter().map(|line| without_styles(line)).collect();
        assert!(drawn.len() <= lines, "{columns}x{lines}: {drawn:?}");
        assert!(drawn.iter().all(|line| width(line) <= columns), "{columns}x{lines}: {drawn:?}");
        drawn
    }

    fn without_styles(line: &str) -> String {
        let mut parts = line.split("\x1b[");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| text + part.split_once('m').map_or("", |(_, rest)| rest))
    }

    #[test]
    fn picture_fits_terminals_of_all_sizes() {
        for columns in (1..13).chain([20, 40, 60, 79, 80, 140]) {
            for lines in (1..20).chain([24, 40]) {
                for number in [0, 1, 30] {
                    drawn(columns, lines, &[picture(Some(pods(number)), None)]);
                    drawn(columns, lines, &[with_problem(pods(number))]);
                }
                let sequence = [9, 2, 30].map(|number| picture(Some(pods(number)), None));
                drawn(columns, lines, &sequence);
            }
        }
    }

    #[test]
    fn table_has_as_many_rows_as_fit() {
        let shown: Vec<(usize, String)> = (6..13)
            .map(|lines| {
                let drawn = drawn(80, lines, &[picture(Some(pods(5)), None)]);
                let rows = drawn.iter().filter(|line| line.contains("web-")).count();
                let more = drawn.iter().find(|line| line.contains(" more"));
                (rows, more.map(|line| line.trim().into()).unwrap_or_default())
            })
            .collect();
        let expected = [
            (0, ""),
            (0, "and 5 more"),
            (1, "and 4 more"),
            (2, "and 3 more"),
            (3, "and 2 more"),
            (5, ""),
            (5, ""),
        ];
        assert_eq!(shown, expected.map(|(rows, more)| (rows, more.to_owned())));
    }

    #[test]
    fn changes_are_marked_and_listed() {
        let [before, after] = [2, 1].map(|number| picture(Some(pods(number)), None));
        let text = drawn(80, 24, &[before, after]).join("\n");
        assert!(text.contains("-  web-1") && text.contains("gone"), "{text}");
        assert!(text.contains("00:00:00Z - web-1"), "{text}");
    }

    #[test]
    fn badge_is_not_known_yet_only_if_waiting_may_help() {
        let badge = |pods: Option<Vec<Pod>>, refusal: Option<Error>| {
            let screen = Screen::new(context(), false, false);
            let line = screen.summary(&picture(pods, refusal)).render(80, true);
            let line = without_styles(&line);
            line.trim().split("  ").next().unwrap_or_default().to_owned()
        };
        let error = |status: Status, http: u16| Some(Error::new(status, "").with_http_status(http));
        assert_eq!(badge(None, error(Status::NotSynced, 0)), "not known yet");
        assert_eq!(badge(None, error(Status::NotSynced, 403)), "not allowed");
        assert_eq!(badge(None, error(Status::NotSynced, 401)), "rejected");
        assert_eq!(badge(None, error(Status::Tls, 0)), "no result");
        assert_eq!(badge(Some(pods(1)), error(Status::SelfExcluded, 0)), "no result");
        assert_eq!(badge(Some(pods(0)), None), "alone");
        assert_eq!(badge(Some(pods(2)), None), "2 peers");
    }

    #[test]
    fn state_does_not_take_a_bad_response_for_a_confirmation() {
        let refusal = Error::new(Status::NotSynced, "not a list of pods");
        let text = drawn(80, 24, &[picture(None, Some(refusal))]).join("\n");
        assert!(text.contains("not a list of pods") && text.contains("no pods read yet"), "{text}");
    }
}
