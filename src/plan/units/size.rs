//! Storage sizes.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Storage in GB, as AWS counts it (2^30 bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Gigabytes(pub u32);

impl Gigabytes {
    /// In bytes.
    pub fn bytes(self) -> u64 {
        u64::from(self.0) << 30
    }
}

impl fmt::Display for Gigabytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} GB", self.0)
    }
}

impl JsonSchema for Gigabytes {
    fn schema_name() -> Cow<'static, str> {
        "Gigabytes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "description": "Whole GB.", "minimum": 1, "maximum": 65536 })
    }
}
