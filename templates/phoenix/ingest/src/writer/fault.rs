//! What a database error means for a group: whose fault it is decides what happens next.

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// Source of the classes: PostgreSQL documentation, Appendix A.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is gone, and with it perhaps the outcome of a COMMIT.
    Lost,
    /// The server cannot now: full, read-only, shutting down, a deadlock, a lock not given.
    Passing,
    /// A day has no partition, although it once had.
    NoPartition,
    /// The rows themselves were refused.
    Data,
}

pub fn classify(error: &Error) -> Fault {
    match error.code() {
        Some(code) if !error.is_closed() => classify_code(code),
        _ => Fault::Lost,
    }
}

fn classify_code(code: &SqlState) -> Fault {
    match code.code() {
        // The table has no CHECK constraints, so this can only be the one that a partition implies.
        "23514" => Fault::NoPartition,
        // Data exceptions, integrity violations, program limits such as an oversized index row.
        code if ["22", "23", "54"].contains(&&code[..2]) => Fault::Data,
        code if ["08", "57"].contains(&&code[..2]) => Fault::Lost,
        _ => Fault::Passing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        for (code, fault) in [
            (SqlState::UNTRANSLATABLE_CHARACTER, Fault::Data),
            (SqlState::INVALID_TEXT_REPRESENTATION, Fault::Data),
            (SqlState::PROGRAM_LIMIT_EXCEEDED, Fault::Data),
            (SqlState::CHECK_VIOLATION, Fault::NoPartition),
            (SqlState::ADMIN_SHUTDOWN, Fault::Lost),
            (SqlState::QUERY_CANCELED, Fault::Lost),
            (SqlState::DISK_FULL, Fault::Passing),
            (SqlState::READ_ONLY_SQL_TRANSACTION, Fault::Passing),
            (SqlState::T_R_DEADLOCK_DETECTED, Fault::Passing),
            (SqlState::UNDEFINED_TABLE, Fault::Passing),
        ] {
            assert_eq!(classify_code(&code), fault, "{}", code.code());
        }
    }
}
