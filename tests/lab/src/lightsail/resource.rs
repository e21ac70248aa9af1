//! What all Lightsail resources have in common: a name, an ARN, a place, tags.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The account number in every ARN; the one that MiniStack uses too.
pub const ACCOUNT: &str = "000000000000";

/// Lightsail's `resourceType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    Instance,
    Disk,
    StaticIp,
    KeyPair,
    InstanceSnapshot,
    DiskSnapshot,
    Alarm,
    ContactMethod,
    PeeredVpc,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Instance => "Instance",
            Self::Disk => "Disk",
            Self::StaticIp => "StaticIp",
            Self::KeyPair => "KeyPair",
            Self::InstanceSnapshot => "InstanceSnapshot",
            Self::DiskSnapshot => "DiskSnapshot",
            Self::Alarm => "Alarm",
            Self::ContactMethod => "ContactMethod",
            Self::PeeredVpc => "PeeredVpc",
        }
    }

    /// Static IPs cannot carry tags: the service model has no member for them.
    pub fn taggable(self) -> bool {
        !matches!(self, Self::StaticIp | Self::PeeredVpc)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    pub key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// Who a resource is. `zone` is `all` for what belongs to a whole region.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Identity {
    pub kind: Kind,
    pub name: String,
    pub uuid: String,
    pub region: String,
    pub zone: String,
    /// Seconds since the epoch.
    pub created_at: f64,
    pub tags: Vec<Tag>,
}

impl Identity {
    pub fn arn(&self) -> String {
        format!("arn:aws:lightsail:{}:{ACCOUNT}:{}/{}", self.region, self.kind.name(), self.uuid)
    }

    /// The members that every resource shows.
    pub fn view(&self) -> Map<String, Value> {
        let mut view = Map::new();
        view.insert("name".into(), json!(self.name));
        view.insert("arn".into(), json!(self.arn()));
        view.insert("supportCode".into(), json!(format!("{ACCOUNT}/{}", self.uuid)));
        view.insert("createdAt".into(), json!(self.created_at));
        view.insert("location".into(), location(&self.region, &self.zone));
        view.insert("resourceType".into(), json!(self.kind.name()));
        if self.kind.taggable() {
            view.insert("tags".into(), json!(self.tags));
        }
        view
    }
}

pub fn location(region: &str, zone: &str) -> Value {
    json!({ "availabilityZone": zone, "regionName": region })
}

/// `view` with more members.
pub fn extend(mut view: Map<String, Value>, more: Value) -> Value {
    if let Value::Object(more) = more {
        view.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
    }
    Value::Object(view)
}

/// Seconds since the epoch, to the millisecond, as JSON 1.1 writes timestamps.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since the epoch fit the 53 bits of a double")]
pub fn now() -> f64 {
    Timestamp::now().as_millisecond() as f64 / 1000.0
}

/// A random id in the form of a UUID.
pub fn uuid() -> String {
    let hex = hex::encode(rand::random::<[u8; 16]>());
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// `prefix-` and 17 hexadecimal digits, as EC2 writes its ids.
pub fn short_id(prefix: &str) -> String {
    let hex = hex::encode(rand::random::<[u8; 9]>());
    format!("{prefix}-{}", &hex[..17])
}
