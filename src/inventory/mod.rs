//! inventory

pub mod host_facts;
