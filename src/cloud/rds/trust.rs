//! Where the authorities come from that sign the certificates of RDS.

use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use crate::cloud::api::{CloudError, CloudErrorKind};
use crate::cloud::config::plain_http;

/// Names a file of authorities to take instead of Amazon's: for stand-ins of AWS, and machines that do not reach it.
pub const CA_BUNDLE: &str = "INFRA_RDS_CA_BUNDLE";

pub(super) async fn authorities(region: &str) -> Result<String, CloudError> {
    match std::env::var_os(CA_BUNDLE).filter(|path| !path.is_empty()) {
        Some(path) => tokio::fs::read_to_string(&path).await.map_err(|error| CloudError {
            kind: CloudErrorKind::Refused,
            operation: "the authorities of RDS".into(),
            code: CA_BUNDLE.into(),
            message: format!("cannot read {}: {error}", path.display()),
        }),
        None => fetch(&url(region)).await,
    }
}

async fn fetch(url: &str) -> Result<String, CloudError> {
    let (status, text) = get(url).await.map_err(|message| failed(url, "no connection", message))?;
    if status != 200 || !text.contains("-----BEGIN CERTIFICATE-----") {
        return Err(failed(url, "unexpected answer", format!("HTTP {status}, and no certificates")));
    }
    Ok(text)
}

/// An answer is its status and its text.
async fn get(url: &str) -> Result<(u16, String), String> {
    let said = |error: &(dyn std::error::Error + 'static)| crate::error::chain(error);
    let request = http::Request::get(url).body(SdkBody::empty()).map_err(|e| said(&e))?;
    let request = HttpRequest::try_from(request).map_err(|e| said(&e))?;
    let answer = plain_http().call(request).await.map_err(|e| said(&e))?;
    let status = answer.status().as_u16();
    let body = ByteStream::new(answer.into_body()).collect().await.map_err(|e| said(&e))?;
    Ok((status, String::from_utf8_lossy(&body.to_vec()).into_owned()))
}

fn failed(url: &str, code: &str, message: String) -> CloudError {
    CloudError { kind: CloudErrorKind::Transient, operation: format!("GET {url}"), code: code.into(), message }
}

/// AWS's partitions have each their own.
fn url(region: &str) -> String {
    if region.starts_with("cn-") {
        "https://rds-truststore.s3.cn-north-1.amazonaws.com.cn/global/global-bundle.pem".into()
    } else if region.starts_with("us-gov-") {
        format!("https://truststore.pki.{region}.rds.amazonaws.com/global/global-bundle.pem")
    } else {
        "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_its_own() {
        assert_eq!(url("eu-central-1"), "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem");
        assert!(url("us-gov-west-1").contains("us-gov-west-1"));
    }
}
