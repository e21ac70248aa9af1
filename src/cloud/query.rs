//! AWS's query protocol by hand: a form in, XML out, signed with the SDK's own signer.
//!
//! For a few calls of EC2 (networks), which are no reason for its SDK: that takes minutes and gigabytes to compile
//! (docs/decisions names the figures).

use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_sdk_rds::config::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use backon::{ExponentialBuilder, Retryable as _};

use super::api::{CloudError, CloudErrorKind};
use super::config::{CALL_TIMEOUT, CONNECT_TIMEOUT, READ_ATTEMPTS, READ_BACKOFF, tls};
use super::errors::{common_kind, incomplete};

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

pub(super) struct QueryClient {
    config: SdkConfig,
    http: Connector,
    service: &'static str,
    version: &'static str,
    endpoint: String,
    /// What the service's own codes mean.
    kind: fn(&str) -> CloudErrorKind,
}

/// HTTP as the SDK speaks it: system's certificates, proxies from the environment.
pub(super) fn http() -> Connector {
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(CALL_TIMEOUT).build();
    Connector::builder().connector_settings(settings).proxy_config(ProxyConfig::from_env()).tls_provider(tls()).build()
}

/// Sends a request; an answer is its status and its text.
pub(super) async fn exchange(
    http: &Connector,
    operation: &str,
    request: http::Request<SdkBody>,
) -> Result<(u16, String), CloudError> {
    let transport = |message: String| CloudError {
        kind: CloudErrorKind::Transient,
        operation: operation.into(),
        code: "no connection".into(),
        message,
    };
    let request = HttpRequest::try_from(request).map_err(|e| transport(crate::error::chain(&e)))?;
    let answer = http.call(request).await.map_err(|e| transport(crate::error::chain(&e)))?;
    let status = answer.status().as_u16();
    let body = aws_smithy_types::byte_stream::ByteStream::new(answer.into_body());
    let body = body.collect().await.map_err(|e| transport(crate::error::chain(&e)))?;
    let text = String::from_utf8(body.to_vec()).map_err(|_| incomplete(operation))?;
    Ok((status, text))
}

impl QueryClient {
    /// `AWS_ENDPOINT_URL` and its form for the service hold, as they do for the SDK's clients.
    pub fn new(
        config: &SdkConfig,
        service: &'static str,
        version: &'static str,
        kind: fn(&str) -> CloudErrorKind,
    ) -> Self {
        let given = std::env::var(format!("AWS_ENDPOINT_URL_{}", service.to_uppercase())).ok();
        let given = given.or_else(|| config.endpoint_url().map(str::to_owned));
        let endpoint = given.unwrap_or_else(|| endpoint(service, &region(config)));
        Self { config: config.clone(), http: http(), service, version, endpoint, kind }
    }

    /// A call that changes something: sent once.
    pub async fn change(&self, operation: &str, form: &[(&str, &str)]) -> Result<String, CloudError> {
        self.send(operation, form).await
    }

    /// A call that may be repeated.
    pub async fn read(&self, operation: &str, form: &[(&str, &str)]) -> Result<String, CloudError> {
        let waits = ExponentialBuilder::new()
            .with_min_delay(READ_BACKOFF * 2)
            .without_max_delay()
            .with_max_times(READ_ATTEMPTS as usize - 1);
        (|| self.send(operation, form)).retry(waits).when(CloudError::is_transient).await
    }

    async fn send(&self, operation: &str, form: &[(&str, &str)]) -> Result<String, CloudError> {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", operation)
            .append_pair("Version", self.version)
            .extend_pairs(form)
            .finish();
        let request = self.signed(operation, body).await?;
        let (status, text) = exchange(&self.http, operation, request).await?;
        if (200..300).contains(&status) { Ok(text) } else { Err(self.refused(operation, status, &text)) }
    }

    async fn signed(&self, operation: &str, body: String) -> Result<http::Request<SdkBody>, CloudError> {
        let denied = |message: String| CloudError {
            kind: CloudErrorKind::Denied,
            operation: operation.into(),
            code: "request not sent".into(),
            message,
        };
        let provider = self.config.credentials_provider().ok_or_else(|| denied("there are no credentials".into()))?;
        let credentials = provider.provide_credentials().await.map_err(|e| denied(crate::error::chain(&e)))?;
        let identity: Identity = credentials.into();
        let region = region(&self.config);
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&region)
            .name(self.service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|e| denied(e.to_string()))?
            .into();
        let headers = std::iter::once(("content-type", FORM));
        let signable = SignableRequest::new("POST", &self.endpoint, headers, SignableBody::Bytes(body.as_bytes()));
        let signable = signable.map_err(|e| denied(e.to_string()))?;
        let (instructions, _) = sign(signable, &parameters).map_err(|e| denied(e.to_string()))?.into_parts();
        let request = http::Request::post(&self.endpoint).header("content-type", FORM).body(SdkBody::from(body));
        let mut request = request.map_err(|e| denied(e.to_string()))?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }

    /// `<Response><Errors><Error><Code>` and, in other services, `<ErrorResponse><Error><Code>`.
    fn refused(&self, operation: &str, status: u16, text: &str) -> CloudError {
        let document = roxmltree::Document::parse(text).ok();
        let error = document.as_ref().and_then(|d| d.descendants().find(|node| node.tag_name().name() == "Error"));
        let said = |name: &str| {
            let node = error.and_then(|error| error.children().find(|node| node.tag_name().name() == name));
            node.and_then(|node| node.text()).map(str::to_owned)
        };
        let Some(code) = said("Code") else {
            return CloudError {
                kind: if status >= 500 { CloudErrorKind::Transient } else { CloudErrorKind::Refused },
                operation: operation.into(),
                code: format!("HTTP {status}"),
                message: "the answer does not say why".into(),
            };
        };
        let kind = common_kind(&code).unwrap_or_else(|| (self.kind)(&code));
        let kind = if status >= 500 { CloudErrorKind::Transient } else { kind };
        CloudError { kind, operation: operation.into(), code, message: said("Message").unwrap_or_default() }
    }
}

fn region(config: &SdkConfig) -> String {
    config.region().map_or_else(|| "us-east-1".to_owned(), ToString::to_string)
}

fn endpoint(service: &str, region: &str) -> String {
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    format!("https://{service}.{region}.amazonaws.com{suffix}/")
}
