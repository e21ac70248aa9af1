//! Which service, operation and region a request is for, read from what AWS's protocols put into it.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri, header};

/// How a service speaks; decides what an error looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Json,
    Cbor,
    Query,
    /// The query protocol with errors of its own.
    Ec2,
    Rest,
}

#[derive(Debug, Clone)]
pub struct Target {
    pub service: String,
    pub operation: String,
    pub region: String,
    pub mutating: bool,
    pub protocol: Protocol,
    /// Whether the request is signed at all. Signatures are not verified.
    pub signed: bool,
}

/// Prefixes of operations that change nothing, over all services.
const READS: [&str; 13] = [
    "Get", "List", "Describe", "Is", "Head", "Lookup", "Search", "Query", "Scan", "BatchGet", "Download", "Select",
    "Preview",
];

/// `form` is the body of a request of the query protocol, which names its operation there.
pub fn identify(method: &Method, uri: &Uri, headers: &HeaderMap, form: Option<&Bytes>) -> Target {
    let scope = scope(uri, headers);
    let (region, service) = scope.clone().unwrap_or_else(|| ("us-east-1".into(), "unknown".into()));
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let named = |operation: &str, protocol| {
        let mutating = !READS.iter().any(|read| operation.starts_with(read));
        Target {
            service: service.clone(),
            operation: operation.to_owned(),
            region: region.clone(),
            mutating,
            protocol,
            signed: scope.is_some(),
        }
    };
    if let Some((prefix, operation)) = target.and_then(|target| target.rsplit_once('.')) {
        let mut found = named(operation, Protocol::Json);
        if prefix.starts_with("Lightsail_") {
            found.service = "lightsail".into();
        }
        return found;
    }
    if let Some((_, operation)) = uri.path().split_once("/operation/") {
        return named(operation, Protocol::Cbor);
    }
    if let Some(operation) = form.and_then(|form| action(form)).or_else(|| action(uri.query()?.as_bytes())) {
        let protocol = if service == "ec2" { Protocol::Ec2 } else { Protocol::Query };
        return named(&operation, protocol);
    }
    Target { mutating: !(method == Method::GET || method == Method::HEAD), ..named(method.as_str(), Protocol::Rest) }
}

/// Whether the body of the request is a form, whose `Action` names the operation.
pub fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

/// The key in `Credential=KEY/DATE/REGION/SERVICE/aws4_request`.
pub fn access_key(headers: &HeaderMap) -> String {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let credential = header.split_once("Credential=").map_or("", |(_, rest)| rest);
    credential.split('/').next().unwrap_or_default().to_owned()
}

/// Region and service of `Credential=KEY/DATE/REGION/SERVICE/aws4_request`, in the header or in a presigned URL.
fn scope(uri: &Uri, headers: &HeaderMap) -> Option<(String, String)> {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let credential = match header {
        Some(text) => text.split_once("Credential=")?.1.split([',', ' ']).next()?.to_owned(),
        None => uri.query()?.split('&').find_map(|pair| pair.strip_prefix("X-Amz-Credential="))?.replace("%2F", "/"),
    };
    let parts: Vec<&str> = credential.split('/').collect();
    match parts.as_slice() {
        [.., _, region, service, "aws4_request"] => Some(((*region).to_owned(), (*service).to_owned())),
        _ => None,
    }
}

fn action(form: &[u8]) -> Option<String> {
    let form = std::str::from_utf8(form).ok()?;
    form.split('&').find_map(|pair| pair.strip_prefix("Action=")).map(String::from)
}
