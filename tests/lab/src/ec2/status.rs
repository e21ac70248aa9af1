//! How instances are, what AWS intends to do to them, and what their consoles show.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::account::{Answer, Call, Region};
use super::error::ApiError;
use super::filters::{matches, one, page};
use super::input::Tags;
use super::instances::{Event, Instance, State, named};
use super::time;
use crate::lightsail::{now, short_id};
use crate::machines::HostKey;

impl Event {
    fn view(&self) -> Value {
        json!({
            "InstanceEventId": self.id, "Code": self.code, "Description": self.description,
            "NotBefore": time(self.not_before), "NotAfter": self.not_after.map(time),
        })
    }
}

impl Instance {
    fn status_view(&self) -> Value {
        let checks = match self.state {
            State::Running => json!({ "Status": "ok", "Details": [{ "Name": "reachability", "Status": "passed" }] }),
            State::Pending => {
                json!({ "Status": "initializing", "Details": [{ "Name": "reachability", "Status": "initializing" }] })
            }
            _ => json!({ "Status": "not-applicable" }),
        };
        json!({
            "InstanceId": self.id, "AvailabilityZone": self.zone, "InstanceState": self.state.view(),
            "InstanceStatus": checks, "SystemStatus": checks, "AttachedEbsStatus": checks,
            "Events": self.events.iter().map(Event::view).collect::<Vec<_>>(),
        })
    }
}

/// Running ones, unless all are asked for.
pub fn describe(call: &Call<'_>) -> Answer {
    let ids = named(call, "InstanceIds")?;
    let all = call.input.flag("IncludeAllInstances").unwrap_or(false);
    let mut shown = Vec::new();
    for instance in call.region.instances.values() {
        if !(all || instance.state == State::Running) || !(ids.is_empty() || ids.contains(&instance.id)) {
            continue;
        }
        let view = instance.status_view();
        let of = |name: &str| match name {
            "availability-zone" => one(&instance.zone),
            "instance-state-name" => one(instance.state.name()),
            "instance-status.status" => one(view["InstanceStatus"]["Status"].as_str().unwrap_or_default()),
            "system-status.status" => one(view["SystemStatus"]["Status"].as_str().unwrap_or_default()),
            "event.code" => Some(instance.events.iter().map(|event| event.code.clone()).collect()),
            "event.instance-event-id" => Some(instance.events.iter().map(|event| event.id.clone()).collect()),
            _ => None,
        };
        if matches(call.input, &Tags::new(), of)? {
            shown.push(view.clone());
        }
    }
    page(call, "InstanceStatuses", shown)
}

/// Gives an instance an event, in place of an earlier one with the same code; without `not_before` it is over.
pub fn set_event(region: &mut Region, id: &str, code: &str, not_before: Option<f64>) -> Result<(), ApiError> {
    let instance = region.instance_mut(id)?;
    instance.events.retain(|event| event.code != code);
    if let Some(not_before) = not_before {
        let description = match code {
            "instance-retirement" => "The instance is running on degraded hardware",
            "instance-stop" => "The instance is scheduled to be stopped",
            _ => "The instance is scheduled for maintenance",
        };
        let (id, code) = (short_id("instance-event"), code.to_owned());
        instance.events.push(Event { id, code, description: description.into(), not_before, not_after: None });
    }
    Ok(())
}

/// Empty for a while after the boot, as AWS shows it late.
pub fn console(call: &Call<'_>) -> Answer {
    let instance = call.region.instance(call.input.text("InstanceId")?)?;
    #[expect(clippy::cast_precision_loss, reason = "a delay in milliseconds is exact in a double")]
    let shown_after = call.settings.console_ms as f64 / 1000.0;
    let shown_at = instance.booted_at.map(|booted| booted + shown_after).filter(|at| *at <= now());
    let mut answer = json!({ "InstanceId": instance.id, "Timestamp": time(shown_at.unwrap_or(instance.launched_at)) });
    if let Some(at) = shown_at.filter(|_| !call.prepared.hide_console) {
        answer["Output"] = json!(STANDARD.encode(text(instance, at)));
    }
    Ok(answer)
}

/// The end of a boot as cloud-init prints it: fingerprints with a prefix, keys without one.
fn text(instance: &Instance, at: f64) -> String {
    let host = &instance.id;
    let mut lines = vec![
        "[    0.000000] Linux version 6.8.0-1018-aws".to_owned(),
        format!("[    9.813042] cloud-init[812]: Cloud-init v. 25.1 running 'modules:final' at {}.", time(at)),
    ];
    let bar = "#".repeat(61);
    let mut prefixed = |text: &str| lines.push(format!("<14>ec2: {text}"));
    prefixed(&bar);
    prefixed("-----BEGIN SSH HOST KEY FINGERPRINTS-----");
    for key in &instance.host_keys {
        let (bits, name) = size_and_name(key);
        prefixed(&format!("{bits} {} root@{host} ({name})", key.fingerprint_sha256));
    }
    prefixed("-----END SSH HOST KEY FINGERPRINTS-----");
    prefixed(&bar);
    lines.push("-----BEGIN SSH HOST KEY KEYS-----".to_owned());
    for key in &instance.host_keys {
        lines.push(format!("{} {} root@{host}", key.algorithm, key.public_key));
    }
    lines.push("-----END SSH HOST KEY KEYS-----".to_owned());
    lines
        .push("[   10.241507] cloud-init[812]: Cloud-init v. 25.1 finished. Datasource DataSourceEc2Local.".to_owned());
    lines.join("\r\n") + "\r\n"
}

fn size_and_name(key: &HostKey) -> (u32, &'static str) {
    match key.algorithm.as_str() {
        "ssh-ed25519" => (256, "ED25519"),
        "ssh-rsa" => (3072, "RSA"),
        _ => (256, "ECDSA"),
    }
}
