//! `infra schema`: the JSON Schema of plans, for editors.

/// The document, printed alike with and without `--json`.
pub fn text() -> String {
    format!("{:#}\n", crate::plan::schema())
}
