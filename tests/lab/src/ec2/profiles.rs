//! Instance profiles of IAM on instances. The profiles are MiniStack's; what is said of one here was asked there.

use serde_json::{Value, json};

use super::account::{Answer, Call};
use super::error::ApiError;
use super::filters::{matches, one, page};
use super::input::Tags;
use super::instances::{Instance, ProfileAssociation};
use super::run::no_profile;
use super::time;
use crate::lightsail::{now, short_id};

fn view(instance: &Instance, held: &ProfileAssociation, state: &str) -> Value {
    json!({
        "AssociationId": held.id, "InstanceId": instance.id, "State": state, "Timestamp": time(held.since),
        "IamInstanceProfile": { "Arn": held.profile.arn, "Id": held.profile.id },
    })
}

pub fn associate(call: &mut Call<'_>) -> Answer {
    let id = call.input.text("InstanceId")?.to_owned();
    let instance = call.region.instance(&id)?;
    instance.check_there()?;
    if instance.profile.is_some() {
        let message = format!("There is an existing association for instance {id}");
        return Err(ApiError::new("IncorrectState", message));
    }
    put(call, &id)
}

/// Puts the profile that the request names on the instance.
fn put(call: &mut Call<'_>, id: &str) -> Answer {
    let given = call.input.part("IamInstanceProfile").ok_or_else(|| ApiError::missing("IamInstanceProfile"))?;
    let profile = call.prepared.profile.clone().ok_or_else(|| no_profile(given))?;
    let held = ProfileAssociation { id: short_id("iip-assoc"), profile, since: now() };
    let instance = call.region.instance_mut(id)?;
    instance.profile = Some(held.clone());
    Ok(json!({ "IamInstanceProfileAssociation": view(instance, &held, "associated") }))
}

/// The instance that an association belongs to.
fn holder(call: &Call<'_>) -> Result<String, ApiError> {
    let id = call.input.text("AssociationId")?;
    let mut all = call.region.machines();
    let found = all.find(|instance| instance.profile.as_ref().is_some_and(|held| held.id == id));
    found.map(|instance| instance.id.clone()).ok_or_else(|| {
        let message = format!("An invalid association-id of '{id}' was given");
        ApiError::new("InvalidAssociationID.NotFound", message)
    })
}

pub fn replace(call: &mut Call<'_>) -> Answer {
    let id = holder(call)?;
    put(call, &id)
}

pub fn disassociate(call: &mut Call<'_>) -> Answer {
    let id = holder(call)?;
    let instance = call.region.instance_mut(&id)?;
    let held = instance.profile.take().ok_or_else(|| ApiError::internal("The association is gone"))?;
    Ok(json!({ "IamInstanceProfileAssociation": view(instance, &held, "disassociating") }))
}

pub fn describe(call: &Call<'_>) -> Answer {
    let ids = call.input.texts("AssociationIds");
    let mut shown = Vec::new();
    for instance in call.region.machines() {
        let Some(held) = instance.profile.as_ref().filter(|held| ids.is_empty() || ids.contains(&held.id)) else {
            continue;
        };
        let of = |name: &str| match name {
            "instance-id" => one(&instance.id),
            "state" => one("associated"),
            _ => None,
        };
        if matches(call.input, &Tags::new(), of)? {
            shown.push(view(instance, held, "associated"));
        }
    }
    page(call, "IamInstanceProfileAssociations", shown)
}
