//! Everything that is not Lightsail, streamed to MiniStack and back.

use axum::body::Body;
use axum::http::{HeaderName, Request, Response, header};

use super::identify::Target;
use super::respond;

/// Headers that belong to one connection, or that reqwest sets itself.
const HOP_BY_HOP: [HeaderName; 5] =
    [header::CONNECTION, header::TRANSFER_ENCODING, header::TE, header::UPGRADE, header::EXPECT];

#[derive(Debug, Clone)]
pub struct Passthrough {
    /// Where MiniStack listens; none when it was not started.
    base: Option<String>,
    client: reqwest::Client,
}

impl Passthrough {
    pub fn new(base: Option<String>) -> anyhow::Result<Self> {
        // The lab's traffic stays on this machine, whatever proxy the environment names.
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { base, client })
    }

    pub async fn forward(&self, target: &Target, request: Request<Body>) -> Response<Body> {
        match self.try_forward(request).await {
            Ok(response) => response,
            Err(reason) => {
                let message = format!("MiniStack does not answer for {}: {reason}", target.service);
                respond::error(target.protocol, 503, "ServiceUnavailable", &message)
            }
        }
    }

    async fn try_forward(&self, request: Request<Body>) -> Result<Response<Body>, String> {
        let base = self.base.as_ref().ok_or("it was not started")?;
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut headers = parts.headers;
        HOP_BY_HOP.iter().for_each(|name| drop(headers.remove(name)));
        let sent = self
            .client
            .request(parts.method, format!("{base}{path}"))
            .headers(headers)
            .body(reqwest::Body::wrap_stream(body.into_data_stream()))
            .send()
            .await
            .map_err(|error| error.to_string())?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = sent.status();
        *response.headers_mut() = sent.headers().clone();
        HOP_BY_HOP.iter().for_each(|name| drop(response.headers_mut().remove(name)));
        *response.body_mut() = Body::from_stream(sent.bytes_stream());
        Ok(response)
    }
}
