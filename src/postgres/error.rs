//! What goes wrong with a database: which operation, what the server said about it, and whether to try again.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    #[error("cannot reach PostgreSQL at {address}")]
    Unreachable { address: String, source: io::Error },
    #[error("PostgreSQL at {address} did not answer within {} s", waited.as_secs())]
    Silent { address: String, waited: Duration },
    #[error("cannot read the certificates in {}", path.display())]
    Roots { path: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("no certificate in {} can be used as a root", path.display())]
    NoRoots { path: PathBuf },
    #[error("PostgreSQL at {address} offers no TLS")]
    TlsRefused { address: String },
    #[error("PostgreSQL at {address} did not prove who it is")]
    Tls { address: String, source: io::Error },
    #[error("PostgreSQL at {address} asks for {method}, which infra does not answer")]
    Authentication { address: String, method: &'static str },
    #[error("{operation}: {report}")]
    Server { operation: String, report: Box<ServerReport> },
    #[error("{operation}: the connection to PostgreSQL was lost")]
    Lost { operation: String, source: Option<io::Error> },
    #[error("{operation}: unexpected answer of the server: {detail}")]
    Protocol { operation: String, detail: String },
}

/// An error as the server tells it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerReport {
    pub severity: String,
    pub sqlstate: SqlState,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// Where in nested code or input: `COPY t, line 3`.
    pub context: Option<String>,
    pub schema: Option<String>,
    pub table: Option<String>,
    pub column: Option<String>,
    pub constraint: Option<String>,
}

/// The five characters of Appendix A of PostgreSQL's manual.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SqlState(pub String);

impl SqlState {
    pub fn code(&self) -> &str {
        &self.0
    }

    /// The situation may pass by itself: connections, restarts, conflicts between transactions, shortage of
    /// connections or memory. A full disk does not.
    pub fn is_transient(&self) -> bool {
        let code = self.code();
        code.starts_with("08")
            || matches!(
                code,
                "25P03" | "40001" | "40P01" | "53200" | "53300" | "55P03" | "57P01" | "57P02" | "57P03" | "57P05"
            )
    }
}

impl PostgresError {
    /// Connecting anew and repeating is worth a try.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } | Self::Lost { .. } => true,
            Self::Server { report, .. } => report.sqlstate.is_transient(),
            // A certificate that does not fit is invalid data; everything else happened to the connection.
            Self::Tls { source, .. } => source.kind() != io::ErrorKind::InvalidData,
            _ => false,
        }
    }

    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Server { report, .. } => Some(report.sqlstate.code()),
            _ => None,
        }
    }

    /// What `tokio_postgres` says, with the operation that it left out.
    pub fn of(operation: impl Into<String>, error: tokio_postgres::Error) -> Self {
        let operation = operation.into();
        if let Some(error) = error.as_db_error() {
            return Self::Server { operation, report: Box::new(ServerReport::of(error)) };
        }
        if error.is_closed() {
            return Self::Lost { operation, source: None };
        }
        match error.source().and_then(|source| source.downcast_ref::<io::Error>()) {
            Some(io) => Self::Lost { operation, source: Some(io::Error::new(io.kind(), io.to_string())) },
            None => Self::Protocol { operation, detail: chain(&error) },
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

impl ServerReport {
    fn of(error: &tokio_postgres::error::DbError) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Self {
            severity: error.severity().to_owned(),
            sqlstate: SqlState(error.code().code().to_owned()),
            message: error.message().to_owned(),
            detail: owned(error.detail()),
            hint: owned(error.hint()),
            context: owned(error.where_()),
            schema: owned(error.schema()),
            table: owned(error.table()),
            column: owned(error.column()),
            constraint: owned(error.constraint()),
        }
    }

    /// Takes over a field of an error message of the protocol.
    pub(super) fn field(&mut self, kind: u8, value: &str) {
        let value = value.to_owned();
        match kind {
            b'S' if self.severity.is_empty() => self.severity = value,
            // The severity in English, whatever the server's language.
            b'V' => self.severity = value,
            b'C' => self.sqlstate = SqlState(value),
            b'M' => self.message = value,
            b'D' => self.detail = Some(value),
            b'H' => self.hint = Some(value),
            b'W' => self.context = Some(value),
            b's' => self.schema = Some(value),
            b't' => self.table = Some(value),
            b'c' => self.column = Some(value),
            b'n' => self.constraint = Some(value),
            _ => {}
        }
    }
}

impl fmt::Display for ServerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (SQLSTATE {})", self.message, self.sqlstate.code())?;
        let more = [("detail", &self.detail), ("hint", &self.hint), ("at", &self.context)];
        for (name, text) in more {
            if let Some(text) = text {
                write!(f, "; {name}: {text}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(code: &str) -> PostgresError {
        let report = ServerReport { sqlstate: SqlState(code.into()), ..ServerReport::default() };
        PostgresError::Server { operation: "x".into(), report: Box::new(report) }
    }

    #[test]
    fn a_restart_passes_and_a_full_disk_does_not() {
        assert!(server("57P01").is_transient() && server("08006").is_transient() && server("40P01").is_transient());
        assert!(!server("53100").is_transient() && !server("23505").is_transient() && !server("57014").is_transient());
        assert!(PostgresError::Lost { operation: "x".into(), source: None }.is_transient());
    }

    #[test]
    fn the_text_holds_what_the_server_said() {
        let mut report = ServerReport::default();
        for (kind, value) in [(b'S', "FEHLER"), (b'V', "ERROR"), (b'C', "23505"), (b'M', "duplicate"), (b'D', "(1)")] {
            report.field(kind, value);
        }
        assert_eq!(report.to_string(), "duplicate (SQLSTATE 23505); detail: (1)");
        assert_eq!(report.severity, "ERROR");
    }
}
