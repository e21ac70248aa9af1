//! Findings for people (an excerpt with carets, through miette) and for programs (JSON).

use std::fmt;

use miette::{Diagnostic, SourceSpan, SpanContents};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode};
use serde_json::{Value, json};

use super::finding::{Finding, Findings, Severity};

/// Findings that are shown to a person; JSON has them all.
const SHOWN: usize = 50;

/// Bytes of a line that an excerpt shows on each side of the place.
const AROUND: usize = 120;

impl Findings {
    /// The findings as text for a terminal of `width` columns, one after another, and a line that counts them.
    pub fn render(&self, color: bool, width: usize) -> String {
        let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(width.max(40))
            .with_links(false)
            .without_syntax_highlighting();
        let lines = Lines::of(self.text());
        let mut out = String::new();
        for finding in self.iter().take(SHOWN) {
            let report = Report {
                finding,
                because: finding.reason.clone().map(Because),
                source: Excerpt { findings: self, lines: &lines },
            };
            handler.render_report(&mut out, &report).expect("writing to a String does not fail");
            out.push('\n');
        }
        let hidden = self.len().saturating_sub(SHOWN);
        if hidden > 0 {
            out.push_str(&format!("… and {hidden} more; --json shows them\n"));
        }
        out.push_str(&format!("{}: {}\n", self.file(), self.summary()));
        out
    }

    /// An array with an object for each finding. Lines and columns count from 1, columns in characters.
    pub fn to_json(&self) -> Value {
        let lines = Lines::of(self.text());
        self.iter().map(|finding| self.finding_json(finding, &lines)).collect()
    }

    fn finding_json(&self, finding: &Finding, lines: &Lines<'_>) -> Value {
        let (line, column) = lines.position(finding.span.start);
        let (end_line, end_column) = lines.position(finding.span.end);
        json!({
            "code": finding.code,
            "severity": match finding.severity { Severity::Error => "error", Severity::Warning => "warning" },
            "file": self.file(),
            "line": line,
            "column": column,
            "end_line": end_line,
            "end_column": end_column,
            "message": finding.message,
            "label": finding.label,
            "reason": finding.reason,
            "remedy": finding.remedy,
        })
    }
}

/// Where lines start, to turn an offset into a line and a column.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(after_breaks).collect() }
    }

    /// Line and column of a byte offset, both from 1.
    fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        (line, self.text[start..offset].chars().count() + 1)
    }
}

/// One finding as miette wants it.
struct Report<'a> {
    finding: &'a Finding,
    because: Option<Because>,
    source: Excerpt<'a>,
}

/// The reason, which miette shows below the message as it does a cause.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Because(String);

impl fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.finding.fmt(f)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.finding.message)
    }
}

impl std::error::Error for Report<'_> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.because.as_ref().map(|because| because as _)
    }
}

impl Diagnostic for Report<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.finding.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.finding.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.finding.remedy.as_ref().map(|remedy| Box::new(remedy) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let primary = LabeledSpan::new_primary_with_span(label(&self.finding.label), self.finding.span.clone());
        let related = self.finding.related.iter();
        Some(Box::new(
            std::iter::once(primary)
                .chain(related.map(|(span, text)| LabeledSpan::new_with_span(label(text), span.clone()))),
        ))
    }
}

fn label(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// The file, of which miette gets only what is near a place: a line of a megabyte shows its part around it.
struct Excerpt<'a> {
    findings: &'a Findings,
    lines: &'a Lines<'a>,
}

impl SourceCode for Excerpt<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let text = self.findings.text();
        let at = span.offset().min(text.len());
        let end = (at + span.len()).min(text.len());
        // miette asks without context for the place itself, to print its line and column.
        let start = if before == 0 { at } else { window_start(text, at, before) };
        let end = if after == 0 { end } else { window_end(text, end, after) };
        let (line, column) = self.lines.position(start);
        let shown = &text[start..end];
        Ok(Box::new(MietteSpanContents::new_named(
            self.findings.file().to_owned(),
            shown.as_bytes(),
            (start..end).into(),
            line - 1,
            column - 1,
            shown.lines().count(),
        )))
    }
}

/// The start of the line at `at`, or of one of `lines` lines above it; cut where that is too far away.
fn window_start(text: &str, at: usize, lines: usize) -> usize {
    let mut start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    for _ in 0..lines {
        let above = text[..start.saturating_sub(1)].rfind('\n').map_or(0, |newline| newline + 1);
        if start == 0 || start - above > AROUND {
            break;
        }
        start = above;
    }
    if at - start > AROUND * (lines + 1) { text.ceil_char_boundary(at - AROUND) } else { start }
}

/// The end of the line at `at`, or of one of `lines` lines below it; cut where that is too far away.
fn window_end(text: &str, at: usize, lines: usize) -> usize {
    let line_end = |from: usize| text[from..].find('\n').map_or(text.len(), |length| from + length);
    let mut end = line_end(at);
    for _ in 0..lines {
        if end == text.len() || line_end(end + 1) - end > AROUND {
            break;
        }
        end = line_end(end + 1);
    }
    if end - at > AROUND * (lines + 1) { text.floor_char_boundary(at + AROUND) } else { end }
}
