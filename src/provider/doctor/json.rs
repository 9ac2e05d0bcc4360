//! The report as JSON, for programs.

use serde::Serialize;

use super::report::{Fix, Manifest, Report};
use super::text::{Layout, text};

#[derive(Serialize)]
struct Json<'a> {
    outcome: &'static str,
    summary: String,
    steps: Vec<JsonStep<'a>>,
    /// The manifests of all steps.
    manifest: Option<String>,
    /// The report as text.
    text: String,
}

#[derive(Serialize)]
struct JsonStep<'a> {
    name: &'static str,
    state: &'static str,
    facts: &'a [String],
    /// "" if there is nothing to fix.
    fix: String,
    /// What `kubectl apply` takes as it is.
    manifest: Option<&'a str>,
}

/// Returns the report as JSON.
pub(crate) fn json(report: &Report) -> String {
    let steps = report.steps.iter().map(|step| JsonStep {
        name: step.name,
        state: step.state.name(),
        facts: &step.facts,
        fix: step.fix.as_ref().map_or_else(String::new, text_of),
        manifest: step.fix.as_ref().and_then(manifest_of),
    });
    let json = Json {
        outcome: report.outcome().name(),
        summary: report.summary(),
        steps: steps.collect(),
        manifest: report.manifest(),
        text: text(report, Layout::default()),
    };
    serde_json::to_string(&json).expect("texts become JSON")
}

/// Returns the text of a fix. An incomplete manifest is part of it, because a human must edit it.
fn text_of(fix: &Fix) -> String {
    let mut text = fix.text.clone();
    if let Some(Manifest { yaml, is_complete: false }) = &fix.manifest {
        yaml.lines().for_each(|line| text.push_str(&format!("\n    {line}")));
    }
    text
}

fn manifest_of(fix: &Fix) -> Option<&str> {
    fix.manifest.as_ref().filter(|manifest| manifest.is_complete).map(|manifest| &*manifest.yaml)
}
