//! What is wrong with a plan, or doubtful in it: one finding a place, with its reason and its remedy.
//! How findings look is `render`.

use std::ops::Range;
use std::sync::Arc;

use super::conceal::conceal;
use super::scalar::is_invisible;

/// The most findings that are kept. A file that breaks one rule a thousand times is not a plan with a thousand errors.
pub(super) const MOST: usize = 1000;

/// The longest marked place in bytes; a label on more points at nothing.
const LONGEST_SPAN: usize = 100;

/// Whether a plan may be used in spite of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Error,
    Warning,
}

/// One thing that is wrong, at its place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Stable name of the rule, for programs and for docs/plan.md.
    pub code: &'static str,
    pub severity: Severity,
    /// What is wrong, in one sentence without full stop.
    pub message: String,
    /// The place, in bytes of the file.
    pub span: Range<usize>,
    /// What stands at the place.
    pub label: String,
    /// Why it is refused.
    pub reason: Option<String>,
    /// What to write instead.
    pub remedy: Option<String>,
    /// Other places that belong to it.
    pub related: Vec<(Range<usize>, String)>,
}

impl Finding {
    pub(super) fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            span: 0..0,
            label: String::new(),
            reason: None,
            remedy: None,
            related: Vec::new(),
        }
    }

    pub(super) fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    pub(super) fn at(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.span = span;
        self.label = label.into();
        self
    }

    pub(super) fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// What findings are ordered by.
    fn place(&self) -> (usize, Severity, &'static str) {
        (self.span.start, self.severity, self.code)
    }

    pub(super) fn also(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.related.push((span, label.into()));
        self
    }
}

/// All findings in one file, in the order of their places, with the text that they point into.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{file}: {}", self.summary())]
pub struct Findings {
    file: String,
    text: Arc<str>,
    list: Vec<Finding>,
    omitted: usize,
}

impl Findings {
    pub(super) fn new(file: &str, text: &str, mut list: Vec<Finding>) -> Self {
        let text: Arc<str> = displayable(&conceal(text)).into();
        for finding in &mut list {
            finding.span = placed(&text, &finding.span);
            for (span, _) in &mut finding.related {
                *span = placed(&text, span);
            }
        }
        list.sort_by_key(Finding::place);
        list.dedup();
        let omitted = list.len().saturating_sub(MOST);
        if omitted > 0 {
            // Errors stay: a thousand warnings before it must not hide what refuses the plan.
            list.sort_by_key(|finding| finding.severity);
            list.truncate(MOST);
            list.sort_by_key(Finding::place);
        }
        Self { file: file.to_owned(), text, list, omitted }
    }

    /// The name of the file, as it was given to `parse`.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The text that the spans point into, with other characters for the values of variables and for what is no UTF-8 or
    /// has no shape.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Finding> {
        self.list.iter()
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many findings are left out of the list because there are too many.
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// `2 errors, 1 warning`.
    pub fn summary(&self) -> String {
        let count = |severity| self.list.iter().filter(|finding| finding.severity == severity).count();
        let counted = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
        let more = if self.omitted > 0 { format!(", and {} more", self.omitted) } else { String::new() };
        match (count(Severity::Error), count(Severity::Warning)) {
            (0, 0) => "no findings".to_owned(),
            (errors, 0) => counted(errors, "error") + &more,
            (0, warnings) => counted(warnings, "warning") + &more,
            (errors, warnings) => format!("{}, {}{more}", counted(errors, "error"), counted(warnings, "warning")),
        }
    }
}

impl<'a> IntoIterator for &'a Findings {
    type Item = &'a Finding;
    type IntoIter = std::slice::Iter<'a, Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The span inside the text, on whole characters, within one line, and short.
fn placed(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let wanted = span.end.clamp(start, (start + LONGEST_SPAN).min(text.len()));
    let line = text[start..].find(['\n', '\r']).map_or(text.len(), |length| start + length);
    start..text.floor_char_boundary(wanted.min(line)).max(start)
}

/// The text in as many bytes, without what a terminal would act on: excerpts must not move its cursor.
fn displayable(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\r' | '\t' => c,
        c if !is_invisible(c) => c,
        c => ['?', '·', char::REPLACEMENT_CHARACTER][c.len_utf8() - 1],
    };
    text.chars().map(shown).collect()
}
