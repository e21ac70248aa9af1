//! EC2's protocol: a request is a form, an answer XML. In between both are documents with the model's own member names, so
//! that whoever answers knows neither.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value};

use super::shapes::{Model, Reference, Shape};

const NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";

/// A request as a document, and the names in its form that the model does not know.
#[derive(Debug, Default)]
pub struct Asked {
    pub body: Value,
    pub unknown: Vec<String>,
    /// Values that are not of their member's type.
    pub malformed: Vec<String>,
}

/// A form as a tree: `Filter.1.Name` is a leaf three levels down.
#[derive(Debug, Default)]
struct Node {
    value: Option<String>,
    children: BTreeMap<String, Node>,
}

impl Model {
    /// Reads the pairs of a form. `Action` and `Version` belong to the protocol.
    pub fn read_form<'a>(&self, operation: &str, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Asked {
        let mut root = Node::default();
        for (name, value) in pairs.filter(|(name, _)| !["Action", "Version"].contains(name)) {
            let leaf = name.split('.').fold(&mut root, |node, part| node.children.entry(part.to_owned()).or_default());
            leaf.value = Some(value.to_owned());
        }
        let mut asked = Asked { body: Value::Object(Map::new()), ..Asked::default() };
        if let Some(input) = self.operation(operation).and_then(|known| known.input.as_ref()) {
            let body = self.read(input, &root, "", &mut asked);
            asked.body = body.unwrap_or_else(|| Value::Object(Map::new()));
        }
        asked
    }

    fn read(&self, reference: &Reference, node: &Node, path: &str, asked: &mut Asked) -> Option<Value> {
        let shape = self.shape(reference)?;
        match shape.kind.as_str() {
            "structure" => Some(self.read_structure(shape, node, path, asked)),
            "list" => Some(self.read_list(shape, node, path, asked)),
            kind => {
                let text = node.value.as_deref()?;
                let read = scalar(kind, text);
                if read.is_none() {
                    asked.malformed.push(path.to_owned());
                }
                read
            }
        }
    }

    fn read_structure(&self, shape: &Shape, node: &Node, path: &str, asked: &mut Asked) -> Value {
        let names: BTreeMap<String, (&String, &Reference)> =
            shape.members.iter().map(|(name, member)| (in_form(name, member), (name, member))).collect();
        let mut read = Map::new();
        for (part, child) in &node.children {
            let path = if path.is_empty() { part.clone() } else { format!("{path}.{part}") };
            match names.get(part) {
                Some((name, member)) => {
                    if let Some(value) = self.read(member, child, &path, asked) {
                        read.insert((*name).clone(), value);
                    }
                }
                None => asked.unknown.push(path),
            }
        }
        Value::Object(read)
    }

    /// Lists are flat in EC2's forms: the members' numbers follow the list's name.
    fn read_list(&self, shape: &Shape, node: &Node, path: &str, asked: &mut Asked) -> Value {
        let Some(member) = &shape.member else { return Value::Null };
        let mut numbered: Vec<(u32, &Node)> = Vec::new();
        for (part, child) in &node.children {
            match part.parse() {
                Ok(number) => numbered.push((number, child)),
                Err(_) => asked.unknown.push(format!("{path}.{part}")),
            }
        }
        numbered.sort_by_key(|(number, _)| *number);
        let items = numbered.iter().map(|(number, child)| self.read(member, child, &format!("{path}.{number}"), asked));
        items.flatten().collect()
    }

    /// The whole answer to an operation.
    pub fn write_xml(&self, operation: &str, request_id: &str, body: &Value) -> String {
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{operation}Response xmlns=\"{NAMESPACE}\">\
             <requestId>{request_id}</requestId>"
        );
        if let Some(output) = self.operation(operation).and_then(|known| known.output.as_ref()) {
            self.write(output, body, &mut xml);
        } else {
            // What AWS writes where the model has no output.
            xml.push_str("<return>true</return>");
        }
        write!(xml, "</{operation}Response>").expect("strings take everything");
        xml
    }

    fn write(&self, reference: &Reference, value: &Value, xml: &mut String) {
        let Some(shape) = self.shape(reference) else { return };
        match (shape.kind.as_str(), value) {
            ("structure", Value::Object(members)) => {
                for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
                    let Some(member) = shape.members.get(name) else { continue };
                    self.element(member.location_name.as_deref().unwrap_or(name), member, value, xml);
                }
            }
            ("list", Value::Array(items)) => {
                let Some(member) = &shape.member else { return };
                for item in items {
                    self.element(member.location_name.as_deref().unwrap_or("item"), member, item, xml);
                }
            }
            (_, Value::String(text)) => xml.push_str(&escape(text)),
            (_, other) => write!(xml, "{other}").expect("strings take everything"),
        }
    }

    fn element(&self, name: &str, reference: &Reference, value: &Value, xml: &mut String) {
        write!(xml, "<{name}>").expect("strings take everything");
        self.write(reference, value, xml);
        write!(xml, "</{name}>").expect("strings take everything");
    }
}

/// The name of a member in a form: `queryName`, or `locationName` with a capital, or its own.
fn in_form(name: &str, member: &Reference) -> String {
    if let Some(name) = &member.query_name {
        return name.clone();
    }
    let Some(location) = &member.location_name else { return name.to_owned() };
    let mut letters = location.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn scalar(kind: &str, text: &str) -> Option<Value> {
    match kind {
        "boolean" => text.to_ascii_lowercase().parse::<bool>().ok().map(Value::from),
        "integer" | "long" => text.parse::<i64>().ok().map(Value::from),
        "float" | "double" => text.parse::<f64>().ok().map(Value::from),
        _ => Some(Value::from(text)),
    }
}

/// Text for XML, also where it has control characters, which XML has no word for.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\r' => escaped.push_str("&#13;"),
            letter if letter.is_control() && letter != '\n' && letter != '\t' => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}
