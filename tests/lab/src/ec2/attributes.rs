//! Attributes of an instance: what can be changed at any time, and what only while it is stopped.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::account::{Answer, Call};
use super::error::ApiError;
use super::filters::page;
use super::groups;
use super::input::Input;
use super::instances::{State, selected};
use super::run::change_metadata;
use super::types;
use super::volumes::Volume;

/// One attribute a request: as a member of its own, or named in `Attribute` with its text in `Value`.
pub fn modify(call: &mut Call<'_>) -> Answer {
    let id = call.input.text("InstanceId")?.to_owned();
    call.region.instance(&id)?.check_there()?;
    let input = call.input;
    let of = |member: &str| input.part(member).and_then(|part| part.get("Value")).cloned();
    if let Some(mappings) = input.get("BlockDeviceMappings") {
        return delete_on_termination(call, &id, mappings);
    }
    if input.get("Groups").is_some() {
        return set_groups(call, &id);
    }
    let members = [
        ("InstanceType", "instanceType"),
        ("DisableApiTermination", "disableApiTermination"),
        ("DisableApiStop", "disableApiStop"),
        ("SourceDestCheck", "sourceDestCheck"),
        ("EbsOptimized", "ebsOptimized"),
        ("InstanceInitiatedShutdownBehavior", "instanceInitiatedShutdownBehavior"),
        ("UserData", "userData"),
    ];
    let given = members.iter().find_map(|(member, name)| Some((*name, of(member)?)));
    let in_words = input.maybe("Attribute").map(|name| (name, json!(input.maybe("Value").unwrap_or_default())));
    let (name, value) = given.or(in_words).ok_or_else(|| ApiError::combination("No attributes specified."))?;
    set(call, &id, name, &value)
}

fn set(call: &mut Call<'_>, id: &str, name: &str, value: &Value) -> Answer {
    let flag = || match value {
        Value::Bool(flag) => Ok(*flag),
        Value::String(text) if text == "true" || text == "false" => Ok(text == "true"),
        other => Err(ApiError::value(name, &other.to_string(), "It must be true or false.")),
    };
    let text = value.as_str().unwrap_or_default();
    let instance = call.region.instance_mut(id)?;
    if ["instanceType", "ebsOptimized", "userData"].contains(&name) && instance.state != State::Stopped {
        let message = format!("The instance '{id}' is not in the 'stopped' state.");
        return Err(ApiError::new("IncorrectInstanceState", message));
    }
    match name {
        "instanceType" => {
            let kind = types::choose(text)?;
            if kind.architecture != instance.kind().architecture {
                let message =
                    format!("The architecture of the instance type {text} is not that of the instance's image");
                return Err(ApiError::invalid(message));
            }
            instance.instance_type = text.to_owned();
            instance.credits = match (kind.burstable, instance.credits.take()) {
                (true, held) => Some(held.unwrap_or_else(|| "unlimited".into())),
                (false, _) => None,
            };
        }
        "disableApiTermination" => instance.disable_api_termination = flag()?,
        "disableApiStop" => instance.disable_api_stop = flag()?,
        "sourceDestCheck" => instance.source_dest_check = flag()?,
        "ebsOptimized" => instance.ebs_optimized = flag()?,
        "instanceInitiatedShutdownBehavior" if ["stop", "terminate"].contains(&text) => {
            text.clone_into(&mut instance.shutdown_behavior);
        }
        "userData" => {
            let bytes = STANDARD.decode(text).unwrap_or_default();
            instance.user_data = String::from_utf8(bytes).ok().filter(|text| !text.is_empty());
        }
        other => return Err(ApiError::value("attribute", other, "Unknown attribute.")),
    }
    Ok(json!({}))
}

fn set_groups(call: &mut Call<'_>, id: &str) -> Answer {
    let ids = call.input.texts("Groups");
    if ids.is_empty() {
        return Err(ApiError::missing("groupId"));
    }
    for group in &ids {
        groups::find(call.region, group)?;
    }
    call.region.instance_mut(id)?.groups = ids;
    call.refresh_firewalls();
    Ok(json!({}))
}

fn delete_on_termination(call: &mut Call<'_>, id: &str, mappings: &Value) -> Answer {
    for mapping in mappings.as_array().into_iter().flatten().map(Input) {
        let device = mapping.text("DeviceName")?;
        let wanted = mapping.part("Ebs").and_then(|ebs| ebs.flag("DeleteOnTermination"));
        let of_device = |volume: &&mut Volume| {
            volume.attachment.as_ref().is_some_and(|held| held.instance == id && held.device == device)
        };
        let volume = call.region.volumes.values_mut().find(of_device).ok_or_else(|| {
            let message = format!("No device is currently mapped at {device}");
            ApiError::new("InvalidInstanceAttributeValue", message)
        })?;
        if let (Some(held), Some(wanted)) = (&mut volume.attachment, wanted) {
            held.delete_on_termination = wanted;
        }
    }
    Ok(json!({}))
}

pub fn describe(call: &Call<'_>) -> Answer {
    let id = call.input.text("InstanceId")?;
    let instance = call.region.instance(id)?;
    let value = |value: Value| json!({ "Value": value });
    let (member, shown) = match call.input.text("Attribute")? {
        "instanceType" => ("InstanceType", value(json!(instance.instance_type))),
        "disableApiTermination" => ("DisableApiTermination", value(json!(instance.disable_api_termination))),
        "disableApiStop" => ("DisableApiStop", value(json!(instance.disable_api_stop))),
        "sourceDestCheck" => ("SourceDestCheck", value(json!(instance.source_dest_check))),
        "ebsOptimized" => ("EbsOptimized", value(json!(instance.ebs_optimized))),
        "enaSupport" => ("EnaSupport", value(json!(true))),
        "rootDeviceName" => ("RootDeviceName", value(json!(instance.image().root_device))),
        "instanceInitiatedShutdownBehavior" => {
            ("InstanceInitiatedShutdownBehavior", value(json!(instance.shutdown_behavior)))
        }
        "userData" => {
            let encoded = instance.user_data.as_ref().map(|text| STANDARD.encode(text));
            ("UserData", encoded.map_or(json!({}), |text| value(json!(text))))
        }
        "groupSet" => ("Groups", instance.groups_view(call.region)),
        "blockDeviceMapping" => {
            let devices: Vec<Value> = call.region.volumes_of(id).filter_map(Volume::device_view).collect();
            ("BlockDeviceMappings", json!(devices))
        }
        other => return Err(ApiError::value("attribute", other, "Unknown attribute.")),
    };
    Ok(json!({ "InstanceId": id, member: shown }))
}

pub fn modify_metadata(call: &mut Call<'_>) -> Answer {
    let (input, id) = (call.input, call.input.text("InstanceId")?);
    let instance = call.region.instance_mut(id)?;
    instance.check_there()?;
    change_metadata(&mut instance.metadata, input)?;
    Ok(json!({ "InstanceId": id, "InstanceMetadataOptions": instance.metadata.view(true) }))
}

pub fn modify_credits(call: &mut Call<'_>) -> Answer {
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for wanted in call.input.list("InstanceCreditSpecifications") {
        let (id, credits) = (wanted.text("InstanceId")?, wanted.maybe("CpuCredits").unwrap_or_default());
        match call.region.instances.get_mut(id) {
            Some(instance) if instance.credits.is_some() && ["standard", "unlimited"].contains(&credits) => {
                instance.credits = Some(credits.to_owned());
                done.push(json!({ "InstanceId": id }));
            }
            known => {
                let (code, message) = match known {
                    None => ("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist")),
                    Some(_) => {
                        ("InstanceCreditSpecification.NotSupported", format!("The instance {id} has no credits"))
                    }
                };
                failed.push(json!({ "InstanceId": id, "Error": { "Code": code, "Message": message } }));
            }
        }
    }
    Ok(json!({ "SuccessfulInstanceCreditSpecifications": done, "UnsuccessfulInstanceCreditSpecifications": failed }))
}

/// Without ids only those that are unlimited, as AWS has it.
pub fn describe_credits(call: &Call<'_>) -> Answer {
    let named = call.input.list("InstanceIds").next().is_some();
    let mut shown = Vec::new();
    for instance in selected(call)? {
        match &instance.credits {
            Some(credits) if named || credits == "unlimited" => {
                shown.push(json!({ "InstanceId": instance.id, "CpuCredits": credits }));
            }
            None if named => {
                let message = format!("The instance '{}' is of a type without credits", instance.id);
                return Err(ApiError::new("InstanceCreditSpecification.NotSupported", message));
            }
            _ => {}
        }
    }
    page(call, "InstanceCreditSpecifications", shown)
}
