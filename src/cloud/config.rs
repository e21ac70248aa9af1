//! How every AWS client here is set up: credentials and endpoints from the environment and profile files, as for every
//! AWS tool; changes are sent once, reads are repeated.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpClient};

/// One call's limit: AWS answers in well under a second, or it is not going to.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Reads are safe to repeat; eight tries outlast a throttling burst.
const READ_ATTEMPTS: u32 = 8;
const READ_BACKOFF: Duration = Duration::from_millis(150);
const READ_MAX_BACKOFF: Duration = Duration::from_secs(5);

/// For changes: only the executor knows whether a second try is safe.
pub(super) async fn once(region: &str) -> SdkConfig {
    let timeouts =
        TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(CALL_TIMEOUT).build();
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .timeout_config(timeouts)
        .retry_config(RetryConfig::disabled())
        .http_client(http_client())
        .load()
        .await
}

/// ring, as for PostgreSQL: one provider is enough, and this one needs no build of C by cmake.
fn tls() -> Provider {
    Provider::Rustls(CryptoMode::Ring)
}

/// For what is fetched without the SDK, in the same way.
pub(super) fn plain_http() -> Connector {
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(CALL_TIMEOUT).build();
    Connector::builder().connector_settings(settings).proxy_config(ProxyConfig::from_env()).tls_provider(tls()).build()
}

/// HTTP of every client, as the SDK's own default is but for its provider of cryptography: the system's certificates, proxies
/// from the environment.
pub fn http_client() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        let mut builder = Connector::builder().proxy_config(ProxyConfig::from_env()).tls_provider(tls());
        builder.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            builder.set_sleep_impl(components.sleep_impl());
        }
        builder.build()
    })
}

/// For reads.
pub(super) fn repeated() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(READ_ATTEMPTS)
        .with_initial_backoff(READ_BACKOFF)
        .with_max_backoff(READ_MAX_BACKOFF)
}
