//! One request over a connection of its own.

use super::TOKEN;
use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// A batch on its way; with the right token unless told otherwise.
#[derive(Clone)]
pub struct Request {
    pub path: &'static str,
    pub method: &'static str,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<String>,
    pub text: String,
}

impl Request {
    pub fn new(body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("authorization".to_owned(), format!("Bearer {TOKEN}"))];
        Self { path: "/api/v1/telemetry", method: "POST", headers, body: Bytes::from(body.into()) }
    }

    /// Replaces a header that is there already.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

/// An error means that there was no answer.
pub async fn post(port: u16, request: Request) -> Result<Answer, AnyError> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut builder = hyper::Request::builder().method(request.method).uri(request.path).header("host", "localhost");
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    let response = sender.send_request(builder.body(Full::new(request.body))?).await?;
    let status = response.status().as_u16();
    let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    let bytes = Body::new(response.into_body()).collect().await?.to_bytes();
    Ok(Answer { status, retry_after, text: String::from_utf8(bytes.to_vec())? })
}
