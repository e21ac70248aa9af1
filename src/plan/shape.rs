//! The JSON Schema compiled for decoding: what may stand where, and how each text is checked.
//! The schema is the only definition of the format; this file knows JSON Schema, not the plan.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::names::{
    Blueprint, DatabaseName, Email, FindingCode, InstanceClass, NetworkName, NodeName, PlanName, ProfileName, Region,
    SecretName, ServiceName, SizeName, SshAddress, VarName, Zone,
};
use super::scalar::ScalarError;
use super::units::{CutoverTime, Destination, MountPath, PortRange, Rate, Schedule, Source, Span};

/// Says why a text is no value of its type.
pub type Check = fn(&str) -> Option<ScalarError>;

/// What may stand at a place.
#[derive(Debug, Clone)]
pub enum Shape {
    /// A table with known keys.
    Table(BTreeMap<String, Key>),
    /// A table whose keys are names.
    Names {
        name: Option<Check>,
        value: Box<Shape>,
    },
    List(Box<Shape>),
    Text(Option<Check>),
    /// One of some words; the type's name, for advice.
    Word {
        of: String,
        words: Vec<String>,
    },
    Integer {
        min: i64,
        max: i64,
    },
    Number,
    Boolean,
    /// Any of these, told apart by their types.
    Either(Vec<Shape>),
}

/// A key of a table.
#[derive(Debug, Clone)]
pub struct Key {
    pub shape: Shape,
    pub required: bool,
    /// The first sentence of its documentation.
    pub description: String,
}

/// The types whose text has a rule: their schema's name and their parser.
const CHECKS: [(&str, Check); 24] = [
    ("Blueprint", |text| Blueprint::parse(text).err()),
    ("NetworkName", |text| NetworkName::parse(text).err()),
    ("CutoverTime", |text| CutoverTime::parse(text).err()),
    ("DatabaseName", |text| DatabaseName::parse(text).err()),
    ("Destination", |text| Destination::parse(text).err()),
    ("Email", |text| Email::parse(text).err()),
    ("FindingCode", |text| FindingCode::parse(text).err()),
    ("InstanceClass", |text| InstanceClass::parse(text).err()),
    ("MountPath", |text| MountPath::parse(text).err()),
    ("NodeName", |text| NodeName::parse(text).err()),
    ("PlanName", |text| PlanName::parse(text).err()),
    ("PortRange", |text| PortRange::parse(text).err()),
    ("Rate", |text| Rate::parse(text).err()),
    ("Region", |text| Region::parse(text).err()),
    ("Schedule", |text| Schedule::parse(text).err()),
    ("SecretName", |text| SecretName::parse(text).err()),
    ("ServiceName", |text| ServiceName::parse(text).err()),
    ("ProfileName", |text| ProfileName::parse(text).err()),
    ("SizeName", |text| SizeName::parse(text).err()),
    ("Source", |text| Source::parse(text).err()),
    ("Span", |text| Span::parse(text).err()),
    ("SshAddress", |text| SshAddress::parse(text).err()),
    ("VarName", |text| VarName::parse(text).err()),
    ("Zone", |text| Zone::parse(text).err()),
];

impl Shape {
    /// Compiles the schema of a whole document.
    pub fn of_document(schema: &Value) -> Self {
        let definitions = schema.get("$defs").and_then(Value::as_object).cloned().unwrap_or_default();
        Compiler { definitions }.shape(schema, "")
    }

    /// For messages: `a list`, `text`.
    pub fn described(&self) -> String {
        match self {
            Self::Table(_) | Self::Names { .. } => "a table".to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::Text(_) => "text".to_owned(),
            Self::Word { words, .. } => format!("one of {}", quoted(words)),
            Self::Integer { .. } => "a whole number".to_owned(),
            Self::Number => "a number".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Either(shapes) => shapes.iter().map(Self::described).collect::<Vec<_>>().join(" or "),
        }
    }
}

/// `"a"`, `"b"` or `"c"` as a plan writes them.
pub fn quoted(words: &[String]) -> String {
    words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", ")
}

struct Compiler {
    definitions: Map<String, Value>,
}

impl Compiler {
    /// `name` is that of the definition which the schema is the body of, or empty.
    fn shape(&self, schema: &Value, name: &str) -> Shape {
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let name = target.rsplit('/').next().unwrap_or_default();
            let definition = self.definitions.get(name).expect("a generated schema refers to its own definitions");
            return self.shape(definition, name);
        }
        if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
            return Shape::Either(choices.iter().map(|choice| self.shape(choice, name)).collect());
        }
        let words = words(schema);
        if !words.is_empty() {
            return Shape::Word { of: name.to_owned(), words };
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("object") => self.table(schema),
            Some("array") => Shape::List(Box::new(self.shape(&schema["items"], ""))),
            Some("integer") => integer(schema),
            Some("number") => Shape::Number,
            Some("boolean") => Shape::Boolean,
            _ => Shape::Text(CHECKS.iter().find(|(of, _)| *of == name).map(|(_, check)| *check)),
        }
    }

    fn table(&self, schema: &Value) -> Shape {
        if let Some((pattern, value)) =
            schema.get("patternProperties").and_then(Value::as_object).and_then(|patterns| patterns.iter().next())
        {
            return Shape::Names { name: name_check(pattern), value: Box::new(self.shape(value, "")) };
        }
        let required = |key: &str| {
            schema.get("required").and_then(Value::as_array).is_some_and(|keys| keys.iter().any(|name| name == key))
        };
        let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        let keys = properties.map(|(key, value)| {
            let description = self.description(value);
            (key.clone(), Key { shape: self.shape(value, ""), required: required(key), description })
        });
        Shape::Table(keys.collect())
    }

    /// The property's own words, or those of its type.
    fn description(&self, schema: &Value) -> String {
        let text = |schema: &Value| schema.get("description").and_then(Value::as_str).map(str::to_owned);
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.rsplit('/').next());
        let described = text(schema).or_else(|| self.definitions.get(target?).and_then(text)).unwrap_or_default();
        described.trim_end_matches('.').to_owned()
    }
}

/// The names that are keys of tables are known by their pattern: a generated schema keeps nothing else of them.
fn name_check(pattern: &str) -> Option<Check> {
    match pattern {
        NodeName::PATTERN => Some(|text| NodeName::parse(text).err()),
        VarName::PATTERN => Some(|text| VarName::parse(text).err()),
        _ => None,
    }
}

/// The words of an enumeration, which a generated schema lists in `enum`, or one by one where they are documented.
fn words(schema: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(text);
    let documented = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten().flat_map(words);
    listed.chain(documented).chain(schema.get("const").and_then(text)).collect()
}

/// The bounds that are written, within those of the format.
fn integer(schema: &Value) -> Shape {
    let (lowest, highest) = match schema.get("format").and_then(Value::as_str) {
        Some("uint16") => (0, i64::from(u16::MAX)),
        Some("uint32") => (0, i64::from(u32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    let bound = |key: &str| schema.get(key).and_then(Value::as_i64);
    Shape::Integer { min: bound("minimum").unwrap_or(lowest), max: bound("maximum").unwrap_or(highest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_with_a_pattern_has_its_check() {
        let schema = crate::plan::schema();
        for (name, definition) in schema["$defs"].as_object().unwrap() {
            if definition.get("pattern").is_some() {
                assert!(CHECKS.iter().any(|(of, _)| of == name), "{name} has a pattern and no check");
            }
        }
    }
}
