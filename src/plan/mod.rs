//! The typed plan: schema, names, units, validation with all findings.
