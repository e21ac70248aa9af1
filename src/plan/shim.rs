//! shim
use super::Plan;
#[derive(Debug, Clone, Default)]
pub struct Findings(pub Vec<String>);
impl Findings {
    pub fn has_errors(&self) -> bool { !self.0.is_empty() }
    pub fn is_empty(&self) -> bool { self.0.is_empty() }
    pub fn render(&self, _: bool, _: usize) -> String { self.0.join("\n") }
    pub fn to_json(&self) -> serde_json::Value { serde_json::json!(self.0) }
}
pub struct Checked(Plan, Findings);
impl Checked { pub fn plan(&self) -> &Plan { &self.0 } pub fn warnings(&self) -> &Findings { &self.1 } }
pub fn parse(_: &str, b: &[u8]) -> Result<Checked, Findings> {
    let t = std::str::from_utf8(b).map_err(|e| Findings(vec![e.to_string()]))?;
    Ok(Checked(toml::from_str(t).map_err(|e| Findings(vec![e.to_string()]))?, Findings::default()))
}
