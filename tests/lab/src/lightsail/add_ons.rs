//! Add-ons: switched on and off. The lab makes no automatic snapshots, but an add-on keeps its resource from being
//! deleted without `forceDeleteAddOns`.

use serde_json::Value;

use super::account::{Answer, Call};
use super::error::ApiError;
use super::operations::Subject;
use super::resource::Kind;
use super::work::Work;

/// Type and time of day of an `AddOnRequest`.
pub fn read(request: &Value) -> Result<(String, String), ApiError> {
    let name = request.get("addOnType").and_then(Value::as_str).unwrap_or_default();
    if name != "AutoSnapshot" {
        return Err(ApiError::invalid(format!("The add-on is not supported: {name}")));
    }
    let time = request.pointer("/autoSnapshotAddOnRequest/snapshotTimeOfDay").and_then(Value::as_str);
    Ok((name.to_owned(), time.unwrap_or("06:00").to_owned()))
}

pub fn enable(call: &mut Call<'_>) -> Answer {
    let add_on = read(call.input.get("addOnRequest").unwrap_or(&Value::Null))?;
    change(call, "EnableAddOn", |add_ons| {
        add_ons.retain(|other| other.0 != add_on.0);
        add_ons.push(add_on);
    })
}

pub fn disable(call: &mut Call<'_>) -> Answer {
    let name = call.input.text("addOnType")?.to_owned();
    change(call, "DisableAddOn", |add_ons| add_ons.retain(|other| other.0 != name))
}

fn change(call: &mut Call<'_>, operation: &str, edit: impl FnOnce(&mut Vec<(String, String)>)) -> Answer {
    let name = call.input.text("resourceName")?.to_owned();
    let region = &mut **call.region;
    let (kind, zone) = if let Some(instance) = region.instances.get_mut(&name) {
        edit(&mut instance.add_ons);
        (Kind::Instance, instance.identity.zone.clone())
    } else if let Some(disk) = region.disks.get_mut(&name) {
        edit(&mut disk.add_ons);
        (Kind::Disk, disk.identity.zone.clone())
    } else {
        return Err(ApiError::not_found("Resource", &name));
    };
    call.operations(operation, Work::Nothing, &[Subject { kind, name: &name, zone: &zone, details: "" }])
}
