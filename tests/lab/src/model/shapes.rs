//! Reading the model: operations, and the shapes of their input and output.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use flate2::read::GzDecoder;
use regex::Regex;
use serde::Deserialize;

#[derive(Debug)]
pub struct Model {
    /// Times are written as text, not as numbers: so in the query protocols.
    pub(super) textual_times: bool,
    operations: HashMap<String, Operation>,
    shapes: HashMap<String, Shape>,
}

#[derive(Debug, Deserialize)]
struct File {
    metadata: Metadata,
    operations: HashMap<String, Operation>,
    shapes: HashMap<String, Shape>,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    protocol: String,
}

/// Some operations of EC2 have no output.
#[derive(Debug, Deserialize)]
pub(super) struct Operation {
    pub input: Option<Reference>,
    pub output: Option<Reference>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reference {
    pub shape: String,
    /// What the member is called in XML, and but for its first letter in a form.
    pub location_name: Option<String>,
    /// What it is called in a form, where that is something else.
    pub query_name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Shape {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub members: HashMap<String, Reference>,
    #[serde(default)]
    pub required: Vec<String>,
    pub member: Option<Reference>,
    pub value: Option<Reference>,
    #[serde(default, rename = "enum")]
    pub values: Vec<String>,
    pub pattern: Option<String>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// `pattern`, for the whole text.
    #[serde(skip)]
    pub regex: Option<Regex>,
}

impl Model {
    /// Reads `service-2.json`, compressed or not.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut text = String::new();
        if bytes.starts_with(&[0x1f, 0x8b]) {
            GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).context("the model is damaged")?;
        } else {
            text = String::from_utf8(bytes).context("the model is not text")?;
        }
        let mut file: File = serde_json::from_str(&text).context("this is no botocore service model")?;
        for shape in file.shapes.values_mut() {
            // One pattern of EC2 looks ahead, which this engine does not: it is not checked.
            shape.regex = shape.pattern.as_ref().and_then(|pattern| Regex::new(&format!("^(?:{pattern})$")).ok());
        }
        let textual_times = file.metadata.protocol != "json";
        Ok(Self { textual_times, operations: file.operations, shapes: file.shapes })
    }

    pub fn knows(&self, operation: &str) -> bool {
        self.operations.contains_key(operation)
    }

    pub(super) fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.get(name)
    }

    pub(super) fn shape(&self, reference: &Reference) -> Option<&Shape> {
        self.shapes.get(&reference.shape)
    }
}
