//! Where the authorities come from that sign the certificates of RDS.

use aws_smithy_types::body::SdkBody;

use crate::cloud::api::{CloudError, CloudErrorKind};
use crate::cloud::query::{exchange, http};

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
    let failed = |message: String| CloudError {
        kind: CloudErrorKind::Transient,
        operation: format!("GET {url}"),
        code: "unexpected answer".into(),
        message,
    };
    let request = http::Request::get(url).body(SdkBody::empty()).map_err(|e| failed(e.to_string()))?;
    let (status, text) = exchange(&http(), "GET", request).await?;
    if status != 200 || !text.contains("-----BEGIN CERTIFICATE-----") {
        return Err(failed(format!("HTTP {status}, and no certificates")));
    }
    Ok(text)
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
