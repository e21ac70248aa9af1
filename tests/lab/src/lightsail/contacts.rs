//! Contact methods: where alarms are sent. One e-mail address and one telephone number a region.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{Answer, Call};
use super::error::ApiError;
use super::operations::Subject;
use super::resource::{Identity, Kind, extend};
use super::work::Work;

/// Where AWS sends text messages from.
const SMS_REGIONS: [&str; 6] =
    ["us-east-1", "us-west-2", "eu-west-1", "ap-northeast-1", "ap-southeast-1", "ap-southeast-2"];

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Contact {
    pub identity: Identity,
    pub protocol: String,
    pub endpoint: String,
    /// `PendingVerification`, `Valid` or `Invalid`.
    pub status: String,
}

impl Contact {
    fn view(&self) -> Value {
        let more = json!({ "contactEndpoint": self.endpoint, "status": self.status, "protocol": self.protocol });
        extend(self.identity.view(), more)
    }

    fn subject(&self) -> Subject<'_> {
        Subject { kind: Kind::ContactMethod, name: &self.identity.name, zone: "all", details: &self.protocol }
    }
}

fn find<'a>(call: &'a Call<'_>) -> Result<&'a Contact, ApiError> {
    let protocol = call.input.text("protocol")?;
    call.region.contacts.get(protocol).ok_or_else(|| ApiError::not_found("ContactMethod", protocol))
}

pub fn create(call: &mut Call<'_>) -> Answer {
    let protocol = call.input.text("protocol")?.to_owned();
    let endpoint = call.input.text("contactEndpoint")?.to_owned();
    check_endpoint(call.region_name, &protocol, &endpoint)?;
    if call.region.contacts.contains_key(&protocol) {
        let message =
            format!("A contact method of the protocol {protocol} already exists in this region. Delete it first");
        return Err(ApiError::invalid(message));
    }
    let name = format!("ContactMethod-{protocol}");
    let identity = call.identity(Kind::ContactMethod, &name, "all", call.input.tags()?);
    // Text messages need no verification.
    let status = if protocol == "Email" { "PendingVerification" } else { "Valid" }.to_owned();
    let contact = Contact { identity, protocol: protocol.clone(), endpoint, status };
    call.region.contacts.insert(protocol, contact.clone());
    call.operations("CreateContactMethod", Work::Nothing, &[contact.subject()])
}

fn check_endpoint(region: &str, protocol: &str, endpoint: &str) -> Result<(), ApiError> {
    if protocol == "SMS" && !SMS_REGIONS.contains(&region) {
        return Err(ApiError::invalid(format!("The SMS protocol is not supported in this region: {region}")));
    }
    let digits = |text: &str| (2..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let good = match protocol {
        "SMS" => endpoint.strip_prefix('+').is_some_and(digits),
        _ => endpoint.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.')),
    };
    if good { Ok(()) } else { Err(ApiError::invalid(format!("The contact endpoint is not valid: {endpoint}"))) }
}

pub fn delete(call: &mut Call<'_>) -> Answer {
    let contact = find(call)?.clone();
    call.region.contacts.remove(&contact.protocol);
    call.operations("DeleteContactMethod", Work::Nothing, &[contact.subject()])
}

pub fn send_verification(call: &mut Call<'_>) -> Answer {
    let contact = find(call)?.clone();
    if contact.status == "Valid" {
        return Err(ApiError::invalid(format!("The contact method is already verified: {}", contact.endpoint)));
    }
    call.operations("SendContactMethodVerification", Work::Nothing, &[contact.subject()])
}

pub fn list(call: &Call<'_>) -> Answer {
    let wanted = call.input.texts("protocols");
    let shown = call.region.contacts.values().filter(|contact| wanted.is_empty() || wanted.contains(&contact.protocol));
    Ok(json!({ "contactMethods": shown.map(Contact::view).collect::<Vec<_>>() }))
}
