//! HTTPS for the services of the bundle: certificate files, their creation and reload, and the server loop.
//!
//! ```no_run
//! # async fn example(router: axum::Router) -> Result<(), Box<dyn std::error::Error>> {
//! let certificate = phoenix_tls::Certificate::from_env()?.ensure()?;
//! let server = phoenix_tls::Server { tls: Some(certificate.watch()?), ..Default::default() };
//! let listener = tokio::net::TcpListener::bind("0.0.0.0:8443").await?;
//! server.run(listener, router, phoenix_tls::terminated()).await;
//! # Ok(())
//! # }
//! ```
//!
//! Not here: client certificates, ACME, HTTP/2. Certificates from elsewhere are put in place as files.

mod certificate;
mod error;
mod probe;
mod reload;
mod self_signed;
mod serve;

pub use certificate::Certificate;
pub use error::TlsError;
pub use probe::probe;
pub use serve::{Server, terminated};
