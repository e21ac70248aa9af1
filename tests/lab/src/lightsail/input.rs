//! Reading the members of a request. The model has checked types and required members before; these checks stand for
//! a lab that runs without the model.

use serde_json::Value;

use super::error::ApiError;
use super::resource::Tag;

/// The JSON body of a request.
#[derive(Debug, Clone)]
pub struct Input(Value);

impl Input {
    pub fn new(body: Value) -> Self {
        Self(body)
    }

    pub fn get(&self, member: &str) -> Option<&Value> {
        self.0.get(member).filter(|value| !value.is_null())
    }

    pub fn text(&self, member: &str) -> Result<&str, ApiError> {
        self.optional_text(member).ok_or_else(|| missing(member))
    }

    pub fn optional_text(&self, member: &str) -> Option<&str> {
        self.get(member)?.as_str()
    }

    pub fn number(&self, member: &str) -> Result<f64, ApiError> {
        self.get(member).and_then(Value::as_f64).ok_or_else(|| missing(member))
    }

    pub fn size(&self, member: &str) -> Result<u32, ApiError> {
        let number = self.get(member).and_then(Value::as_i64).ok_or_else(|| missing(member))?;
        u32::try_from(number).map_err(|_| ApiError::invalid(format!("The value of {member} is out of range: {number}")))
    }

    pub fn flag(&self, member: &str) -> bool {
        self.get(member).and_then(Value::as_bool).unwrap_or(false)
    }

    pub fn list(&self, member: &str) -> &[Value] {
        self.get(member).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    pub fn texts(&self, member: &str) -> Vec<String> {
        self.list(member).iter().filter_map(Value::as_str).map(String::from).collect()
    }

    /// The `tags` of a creation, checked against AWS's limits.
    pub fn tags(&self) -> Result<Vec<Tag>, ApiError> {
        let tags: Vec<Tag> = self
            .list("tags")
            .iter()
            .map(|tag| {
                let field = |name: &str| tag.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                Tag { key: field("key"), value: tag.get("value").and_then(Value::as_str).map(String::from) }
            })
            .collect();
        check_tags(&tags)?;
        Ok(tags)
    }
}

fn missing(member: &str) -> ApiError {
    ApiError::invalid(format!("The request must contain the parameter {member}"))
}

/// Tag limits of Lightsail: 50 tags, keys of 1–128 and values of up to 256 characters, no `aws:` prefix.
fn check_tags(tags: &[Tag]) -> Result<(), ApiError> {
    if tags.len() > 50 {
        return Err(ApiError::invalid("A resource can have at most 50 tags"));
    }
    for (index, tag) in tags.iter().enumerate() {
        let length = tag.key.chars().count();
        if length == 0 || length > 128 || tag.key.to_lowercase().starts_with("aws:") {
            return Err(ApiError::invalid(format!("Tag key is not valid: {}", tag.key)));
        }
        if tag.value.as_deref().unwrap_or_default().chars().count() > 256 {
            return Err(ApiError::invalid(format!("Tag value is not valid for key: {}", tag.key)));
        }
        if tags[..index].iter().any(|other| other.key == tag.key) {
            return Err(ApiError::invalid(format!("Duplicate tag keys found: {}", tag.key)));
        }
    }
    Ok(())
}
