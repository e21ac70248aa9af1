//! From the bytes of a plan file to a plan that holds together, or to everything that is wrong with it.
//!
//! bytes → text → TOML → decoded by the schema → typed → rules. Each stage goes on with what the one before it could
//! keep, so that one run reports all findings.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde::Deserialize;
use toml::de::DeTable;

use super::decode::{Decoded, decode};
use super::finding::{Finding, Findings};
use super::model::Plan;
use super::rules;
use super::shape::Shape;
use super::spans::Spans;
use super::{schema, text};

/// The format, compiled once.
static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::of_document(&schema()));

/// A valid plan, and what findings about it need.
#[derive(Debug, Clone)]
pub struct Checked {
    pub(super) plan: Plan,
    pub(super) warnings: Findings,
    pub(super) spans: Spans,
}

impl Checked {
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The finding that the bundle is not where the plan says.
    pub fn wrong_source(&self, message: &str) -> Findings {
        let finding = Finding::error("no-source-folder", message)
            .at(self.spans.value("bundle.source"), "no bundle here")
            .remedy("write the folder of compose.yaml, relative to this file");
        Findings::new(self.warnings.file(), self.warnings.text(), vec![finding])
    }

    /// What is doubtful; there are no errors among them.
    pub fn warnings(&self) -> &Findings {
        &self.warnings
    }
}

/// Checks the bytes of a plan file. `file` is what the findings call it.
pub fn parse(file: &str, bytes: &[u8]) -> Result<Checked, Findings> {
    let (text, findings) = text::read(bytes);
    if !findings.is_empty() {
        return Err(Findings::new(file, &text, findings));
    }
    let (document, errors) = DeTable::parse_recoverable(&text);
    let syntax: Vec<Finding> = errors.iter().map(|error| syntax_error(error, &text)).collect();
    let Shape::Table(keys) = &*SHAPE else { unreachable!("a plan is a table") };
    let mut decoded = decode(document.get_ref(), keys, text.len());
    if !syntax.is_empty() {
        decoded.findings = unrelated(decoded.findings, &syntax, &text);
        decoded.findings.extend(syntax);
        return Err(Findings::new(file, &text, decoded.findings));
    }
    let Decoded { value, spans, mut findings } = decoded;
    let plan = typed(value, &mut findings);
    if let Some(plan) = &plan {
        findings.extend(rules::check(plan, &spans));
    }
    let findings = Findings::new(file, &text, findings);
    match plan {
        Some(plan) if !findings.has_errors() => Ok(Checked { plan, warnings: findings, spans }),
        _ => Err(findings),
    }
}

/// What else is wrong in a file with syntax errors: not on their lines, and nothing that may stand where the parser
/// could not read on.
fn unrelated(findings: Vec<Finding>, syntax: &[Finding], text: &str) -> Vec<Finding> {
    let line = |finding: &Finding| text[..finding.span.start].rfind('\n');
    let broken: BTreeSet<_> = syntax.iter().map(line).collect();
    let whole = |finding: &Finding| matches!(finding.code, "unknown-key" | "unknown-word" | "out-of-range");
    findings.into_iter().filter(|finding| whole(finding) && !broken.contains(&line(finding))).collect()
}

fn syntax_error(error: &toml::de::Error, text: &str) -> Finding {
    let at = error.span().unwrap_or(text.len()..text.len());
    let mut lines = error.message().lines();
    let message = lines.next().unwrap_or("unreadable").to_owned();
    let finding = Finding::error("syntax", message).at(at, "TOML stops here");
    let hint: Vec<&str> = lines.collect();
    if hint.is_empty() { finding } else { finding.remedy(hint.join("; ")) }
}

/// The decoded value as a plan. A plan whose name is refused is checked under another, for its other findings.
fn typed(mut value: toml::Table, findings: &mut Vec<Finding>) -> Option<Plan> {
    if !findings.is_empty() && !value.contains_key("name") {
        value.insert("name".to_owned(), "unnamed".into());
    }
    match Plan::deserialize(value) {
        Ok(plan) => Some(plan),
        Err(error) => {
            let message = error.message().lines().next().unwrap_or("unreadable").to_owned();
            findings.push(Finding::error("invalid-value", message).at(0..0, "this plan"));
            None
        }
    }
}
