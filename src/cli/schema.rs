//! `infra schema`: the JSON Schema of plans, for editors.

/// The document, as it is printed with and without `--json`.
pub fn run() -> String {
    format!("{:#}\n", crate::plan::schema())
}
