//! Diagnostics of infra's own, on stderr: off unless `INFRA_LOG` asks for them. Never holds a secret: libraries that
//! log bodies or headers stay off.

use tracing_subscriber::EnvFilter;

pub fn start(verbose: bool) {
    let default = if verbose { "infra=info" } else { "off" };
    let filter = EnvFilter::try_from_env("INFRA_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    drop(tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init());
}
