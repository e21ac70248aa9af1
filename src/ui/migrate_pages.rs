//! `infra migrate status --report`: everything that a migration has found, whole.

use crate::agent::Pages;
use crate::migrate::preflight::Sections;
use crate::migrate::prose::wrapped;

pub fn pages_text(pages: &Pages) -> String {
    let mut parts = vec![];
    if let Some(findings) = &pages.findings {
        let told = Sections::of(findings, &pages.accepted).told(usize::MAX);
        parts.push(if told.is_empty() { "Nothing was found by the preflight.\n".to_owned() } else { told });
    }
    if let Some(changes) = &pages.schema_changes {
        let lines: Vec<_> = changes.iter().map(|change| wrapped("  ", 4, change)).collect();
        parts.push(format!("Changes of the schema that stopped it the last time:\n{}\n", lines.join("\n")));
    }
    parts.extend(pages.verification_page.clone());
    if parts.is_empty() {
        return "Nothing has been looked at yet.\n".to_owned();
    }
    parts.join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::migrate_guide::fixture::finding;
    use super::*;
    use crate::migrate::preflight::Severity;

    #[test]
    fn everything_is_told_whole() {
        let findings: Vec<_> =
            (0..40).map(|n| finding(Severity::Warning, "unlogged", &format!("TABLE t{n}"))).collect();
        let pages = Pages {
            findings: Some(findings),
            accepted: vec!["unlogged".into()],
            schema_changes: Some(vec!["COLUMN a is new".into()]),
            verification: None,
            verification_page: Some("# Verification\n".into()),
        };
        let text = pages_text(&pages);
        assert!((0..40).all(|n| text.contains(&format!(" t{n}"))) && !text.contains(" more"), "{text}");
        let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
        assert!(place("Agreed to") < place("  COLUMN a is new") && place("  COLUMN a") < place("# Verification"));
        assert_eq!(pages_text(&Pages::default()), "Nothing has been looked at yet.\n");
        let clear = Pages { findings: Some(vec![]), ..Pages::default() };
        assert_eq!(pages_text(&clear), "Nothing was found by the preflight.\n");
    }
}
