//! Diagnostics of infra's own, on stderr: off unless `INFRA_LOG` asks for them. Never holds a secret: libraries that
//! log bodies or headers stay off.

use tracing_subscriber::EnvFilter;

/// `verbosity` counts the `-v`.
pub fn start(verbosity: u8) {
    let default = match verbosity {
        0 => "off",
        1 => "infra=info",
        _ => "infra=debug",
    };
    let filter = EnvFilter::try_from_env("INFRA_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    drop(tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init());
}
