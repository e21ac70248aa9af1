//! Roles of the whole server, who is a member of which, and the settings that are kept for roles and databases.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    pub name: String,
    pub superuser: bool,
    pub inherit: bool,
    pub create_role: bool,
    pub create_database: bool,
    pub login: bool,
    pub replication: bool,
    pub bypass_row_security: bool,
    /// −1 is no limit.
    pub connection_limit: i32,
    pub valid_until: Option<String>,
    /// Owns something in this database, or holds a right there.
    pub used_here: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    pub role: String,
    pub member: String,
    pub admin: bool,
    /// None before PostgreSQL 16, which made these a property of the membership.
    pub inherit: Option<bool>,
    pub set: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// None holds for all roles.
    pub role: Option<String>,
    /// For this database only, in contrast to all.
    pub in_database: bool,
    pub name: String,
    pub value: String,
}
