//! Answers in the protocol of the service that was asked.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::Value;

use super::identify::Protocol;
use crate::lightsail::ApiError;
use crate::model::escape;

/// An answer of a JSON 1.1 service.
pub fn json(status: u16, body: &Value) -> Response<Body> {
    let mut response = plain(status, "application/x-amz-json-1.1", body.to_string().into_bytes());
    let id = HeaderValue::from_str(&format!("{:032x}", rand::random::<u128>())).expect("hexadecimal digits");
    response.headers_mut().insert("x-amzn-requestid", id);
    response
}

pub fn lightsail_error(error: &ApiError) -> Response<Body> {
    let mut response = json(error.exception.status(), &error.body());
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(error.exception.name()));
    response
}

/// An error that a rule asks for, as each protocol writes it.
pub fn error(protocol: Protocol, status: u16, code: &str, message: &str) -> Response<Body> {
    match protocol {
        Protocol::Json => {
            let mut response = json(status, &serde_json::json!({ "__type": code, "message": message }));
            if let Ok(code) = HeaderValue::from_str(code) {
                response.headers_mut().insert("x-amzn-errortype", code);
            }
            response
        }
        Protocol::Cbor => {
            let mut response = plain(status, "application/cbor", cbor_map(&[("__type", code), ("message", message)]));
            response.headers_mut().insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
            response
        }
        Protocol::Query => {
            let body = format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
                 <RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>"
            );
            plain(status, "text/xml", body.into_bytes())
        }
        Protocol::Ec2 => {
            let body = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{}</Code><Message>{}</Message>\
                 </Error></Errors><RequestID>{}</RequestID></Response>",
                escape(code),
                escape(message),
                request_id()
            );
            plain(status, "text/xml;charset=UTF-8", body.into_bytes())
        }
        Protocol::Rest => {
            let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>");
            plain(status, "application/xml", body.into_bytes())
        }
    }
}

/// As EC2 writes it, in every answer.
pub fn request_id() -> String {
    let hex = hex::encode(rand::random::<[u8; 16]>());
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

pub fn plain(status: u16, kind: &'static str, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).expect("the statuses used here are valid");
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A CBOR map of two texts, which is all that an error needs. A text's length is written in four bytes.
fn cbor_map(entries: &[(&str, &str); 2]) -> Vec<u8> {
    let mut bytes = vec![0xa2];
    for text in entries.iter().flat_map(|(key, value)| [key, value]) {
        bytes.push(0x7a);
        bytes.extend(u32::try_from(text.len()).unwrap_or(0).to_be_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes
}
