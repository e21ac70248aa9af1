//! Tags put on and taken off existing resources, and the names that are in use.

use serde_json::{Value, json};

use super::account::{Answer, Call};
use super::error::ApiError;
use super::operations::{Subject, UNNAMED};
use super::page::page;
use super::resource::{Identity, Tag};
use super::work::Work;

pub fn tag(call: &mut Call<'_>) -> Answer {
    let tags = call.input.tags()?;
    change(call, |existing| {
        for tag in tags {
            existing.retain(|other| other.key != tag.key);
            existing.push(tag);
        }
    })
}

pub fn untag(call: &mut Call<'_>) -> Answer {
    let keys = call.input.texts("tagKeys");
    change(call, |existing| existing.retain(|tag| !keys.contains(&tag.key)))
}

fn change(call: &mut Call<'_>, edit: impl FnOnce(&mut Vec<Tag>)) -> Answer {
    let name = call.input.text("resourceName")?.to_owned();
    let arn = call.input.optional_text("resourceArn").map(String::from);
    let identity = call.region.identity_mut(&name).ok_or_else(|| ApiError::not_found("Resource", &name))?;
    if arn.is_some_and(|arn| arn != identity.arn()) {
        return Err(ApiError::invalid("The resource ARN does not belong to the resource name"));
    }
    if !identity.kind.taggable() {
        return Err(ApiError::invalid(format!(
            "Tags are not supported for the resource type {}",
            identity.kind.name()
        )));
    }
    edit(&mut identity.tags);
    let Identity { kind, name, zone, .. } = identity.clone();
    let subject = Subject { kind, name: &name, zone: &zone, details: "" };
    call.operations(UNNAMED, Work::Nothing, &[subject])
}

pub fn active_names(call: &Call<'_>) -> Answer {
    let mut names: Vec<&str> = call.region.identities().map(|identity| identity.name.as_str()).collect();
    names.sort_unstable();
    page(call, "activeNames", names.into_iter().map(|name| json!(name)).collect::<Vec<Value>>().into_iter())
}
