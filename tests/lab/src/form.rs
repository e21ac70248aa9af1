//! The body of a request of the query protocol: pairs in order, whose names carry the structure
//! (`Parameters.Parameter.1.ParameterName`).

use std::borrow::Cow;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// A request of our own.
    pub fn new(action: &str, version: &str) -> Self {
        Self::default().with("Action", action).with("Version", version)
    }

    pub fn parse(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    pub fn encode(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }

    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub fn is_true(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.0.push((name.to_owned(), value.to_owned()));
    }

    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(found, _)| found != name);
    }

    /// The structures of a list: its members by number, each a map of what follows the number.
    pub fn list(&self, name: &str) -> Vec<BTreeMap<Cow<'_, str>, &str>> {
        let mut members: BTreeMap<u32, BTreeMap<Cow<'_, str>, &str>> = BTreeMap::new();
        for (key, value) in &self.0 {
            let Some((number, member)) = member(key, name) else { continue };
            members.entry(number).or_default().insert(Cow::Borrowed(member), value.as_str());
        }
        members.into_values().collect()
    }
}

/// `Parameters.Parameter.1.ParameterName` of the list `Parameters` is `(1, "ParameterName")`; `Ids.member.2` is `(2, "")`.
fn member<'a>(key: &'a str, list: &str) -> Option<(u32, &'a str)> {
    let (_, rest) = key.strip_prefix(list)?.strip_prefix('.')?.split_once('.')?;
    let (number, member) = rest.split_once('.').unwrap_or((rest, ""));
    Some((number.parse().ok()?, member))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_by_its_numbers() {
        let body = b"Action=ModifyDBParameterGroup&Parameters.Parameter.2.ParameterName=b&\
            Parameters.Parameter.1.ParameterName=a&Parameters.Parameter.1.ParameterValue=x%20y";
        let form = Form::parse(body);
        let parameters = form.list("Parameters");
        assert_eq!(parameters.len(), 2);
        assert_eq!(parameters[0]["ParameterName"], "a");
        assert_eq!(parameters[0]["ParameterValue"], "x y");
        assert_eq!(parameters[1]["ParameterName"], "b");
    }

    #[test]
    fn what_is_set_is_there_once() {
        let mut form = Form::parse(b"A=1&B=2&A=3");
        form.set("A", "&");
        assert_eq!(form.encode(), "B=2&A=%26");
    }
}
