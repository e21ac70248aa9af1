//! The old database speaks TLS while the migration lasts: its changes leave the host. The certificate is made here and
//! known to nobody; that the right server answers is proven by the password of the role that replicates, whose SCRAM is
//! bound to the channel.

use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use tokio::time::{Instant, sleep};

use super::StageError;
use super::context::Context;
use crate::migrate::catalog::quote_literal;
use crate::migrate::files;
use crate::postgres::Client;

const CERTIFICATE: &str = "infra-migrate-cert.pem";
const KEY: &str = "infra-migrate-key.pem";
const SETTINGS: [&str; 3] = ["ssl", "ssl_cert_file", "ssl_key_file"];
/// A server reads its settings within a moment of being told.
const PATIENCE: Duration = Duration::from_secs(20);

/// Nothing happens where the server speaks TLS already.
pub async fn perform(context: &Context, old: &Client) -> Result<(), StageError> {
    if is_on(old).await? {
        return Ok(());
    }
    let key = KeyPair::generate().map_err(certificate_error)?;
    let parameters = CertificateParams::new(vec!["infra-migrate".to_owned()]);
    let signed = parameters.and_then(|parameters| parameters.self_signed(&key));
    let certificate = signed.map_err(certificate_error)?;
    let container = context.container().await?;
    let put = async |name, pem: &str| context.host.put_among_data(&container, name, pem.as_bytes()).await;
    let certificate = put(CERTIFICATE, &certificate.pem()).await?;
    let key = put(KEY, &key.serialize_pem()).await?;
    context.folder.write(files::OUR_TLS, &true)?;
    for (name, value) in SETTINGS.into_iter().zip(["on".to_owned(), certificate, key]).rev() {
        let sql = format!("ALTER SYSTEM SET {name} = {}", quote_literal(&value));
        old.run("letting the old database speak TLS", &sql).await?;
    }
    reload(old).await?;
    let began = Instant::now();
    while !is_on(old).await? {
        if began.elapsed() > PATIENCE {
            return Err(StageError::NoTls);
        }
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

pub async fn undo(context: &Context, old: &Client) -> Result<(), StageError> {
    if context.folder.read::<bool>(files::OUR_TLS)?.is_none() {
        return Ok(());
    }
    for name in SETTINGS {
        old.run("taking the old database's TLS back", &format!("ALTER SYSTEM RESET {name}")).await?;
    }
    reload(old).await?;
    let container = context.container().await?;
    for name in [CERTIFICATE, KEY] {
        context.host.remove_from_data(&container, name).await?;
    }
    Ok(context.folder.remove(files::OUR_TLS)?)
}

fn certificate_error(source: rcgen::Error) -> StageError {
    StageError::Certificate { source: Box::new(source) }
}

async fn is_on(old: &Client) -> Result<bool, StageError> {
    Ok(old.row("asking for TLS", "SELECT pg_catalog.current_setting('ssl')::boolean", &[]).await?.get(0))
}

async fn reload(old: &Client) -> Result<(), StageError> {
    old.row("reading the settings anew", "SELECT pg_catalog.pg_reload_conf()", &[]).await?;
    Ok(())
}
