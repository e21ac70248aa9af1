//! Comparing a JSON document with a shape.

use serde::Serialize;
use serde_json::Value;

use super::shapes::{Model, Reference, Shape};

/// What is wrong, where.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// Members from the document's top, such as `instances[0].state.name`.
    pub path: String,
    pub problem: Problem,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    Missing,
    Unknown,
    Type,
    Constraint,
}

/// Shapes whose pattern AWS itself does not keep to: resource names may contain dots and, in the names of blueprints,
/// spaces. The lab checks new names as AWS's own error message describes them.
const LOOSE: [&str; 1] = ["ResourceName"];

impl Model {
    /// Findings in a request's body.
    pub fn check_request(&self, operation: &str, body: &Value) -> Vec<Finding> {
        let input = self.operation(operation).and_then(|known| known.input.as_ref());
        input.map(|input| self.check(input, body)).unwrap_or_default()
    }

    /// Findings in an answer.
    pub fn check_response(&self, operation: &str, body: &Value) -> Vec<Finding> {
        let output = self.operation(operation).and_then(|known| known.output.as_ref());
        output.map(|output| self.check(output, body)).unwrap_or_default()
    }

    fn check(&self, reference: &Reference, body: &Value) -> Vec<Finding> {
        let mut check = Check { model: self, path: Vec::new(), findings: Vec::new() };
        check.value(reference, body);
        check.findings
    }
}

struct Check<'a> {
    model: &'a Model,
    path: Vec<String>,
    findings: Vec<Finding>,
}

impl Check<'_> {
    fn value(&mut self, reference: &Reference, value: &Value) {
        let Some(shape) = self.model.shape(reference) else { return };
        let of_type = match shape.kind.as_str() {
            "structure" => value.is_object(),
            "map" => value.is_object(),
            "list" => value.is_array(),
            "string" | "blob" => value.is_string(),
            "timestamp" if self.model.textual_times => {
                value.as_str().is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok())
            }
            "boolean" => value.is_boolean(),
            // 300.0 is none: AWS's own parsers refuse it.
            "integer" | "long" => value.is_i64() || value.is_u64(),
            _ => value.is_number(),
        };
        if !of_type {
            self.add(Problem::Type, format!("{} expected, {} found", shape.kind, kind_of(value)));
            return;
        }
        match shape.kind.as_str() {
            "structure" => self.structure(shape, value),
            "map" => self.entries(shape, value),
            "list" => self.items(shape, value),
            _ => self.scalar(reference, shape, value),
        }
    }

    fn structure(&mut self, shape: &Shape, value: &Value) {
        for required in &shape.required {
            if value.get(required).is_none_or(Value::is_null) {
                self.at(required, |check| check.add(Problem::Missing, "a required member is missing".into()));
            }
        }
        for (name, value) in value.as_object().into_iter().flatten() {
            match shape.members.get(name) {
                _ if value.is_null() => {}
                Some(member) => self.at(name, |check| check.value(member, value)),
                None => self.at(name, |check| check.add(Problem::Unknown, "the model has no such member".into())),
            }
        }
    }

    fn entries(&mut self, shape: &Shape, value: &Value) {
        let Some(member) = &shape.value else { return };
        for (name, value) in value.as_object().into_iter().flatten() {
            self.at(name, |check| check.value(member, value));
        }
    }

    fn items(&mut self, shape: &Shape, value: &Value) {
        let Some(member) = &shape.member else { return };
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        self.bounds(shape, items.len());
        for (index, item) in items.iter().enumerate() {
            self.at(&format!("[{index}]"), |check| check.value(member, item));
        }
    }

    fn scalar(&mut self, reference: &Reference, shape: &Shape, value: &Value) {
        if let Some(text) = value.as_str() {
            if !shape.values.is_empty() && !shape.values.iter().any(|known| known == text) {
                let values = shape.values.join(", ");
                self.add(Problem::Constraint, format!("Member must satisfy enum value set: [{values}]"));
            }
            let loose = LOOSE.contains(&reference.shape.as_str());
            if let Some(regex) = shape.regex.as_ref().filter(|regex| !loose && !regex.is_match(text)) {
                self.add(Problem::Constraint, format!("Member must satisfy regular expression pattern: {regex}"));
            }
            self.bounds(shape, text.chars().count());
        } else if let Some(number) = value.as_f64()
            && (shape.min.is_some_and(|min| number < min) || shape.max.is_some_and(|max| number > max))
        {
            self.add(Problem::Constraint, format!("Member must be between {:?} and {:?}", shape.min, shape.max));
        }
    }

    /// `min` and `max` of a text or a list are of its length.
    fn bounds(&mut self, shape: &Shape, length: usize) {
        let length = u32::try_from(length).map_or(f64::MAX, f64::from);
        if shape.min.is_some_and(|min| length < min) || shape.max.is_some_and(|max| length > max) {
            self.add(
                Problem::Constraint,
                format!("Member must have a length between {:?} and {:?}", shape.min, shape.max),
            );
        }
    }

    fn at(&mut self, name: &str, step: impl FnOnce(&mut Self)) {
        self.path.push(name.to_owned());
        step(self);
        self.path.pop();
    }

    fn add(&mut self, problem: Problem, message: String) {
        self.findings.push(Finding { path: self.path.join(".").replace(".[", "["), problem, message });
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "structure",
    }
}
