//! What actions of EC2 need to know beyond those of every cloud.

use serde::{Deserialize, Serialize};

use crate::inventory::{ResourceName, Tags};
use crate::plan::Credits;

/// How an instance of EC2 is made. Its security group and its profile are there by then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ec2Spec {
    /// The AMI.
    pub image_id: String,
    pub subnet: String,
    pub firewall: ResourceName,
    pub profile: ResourceName,
    pub root_gb: u32,
    /// None: as AWS has it for the size.
    pub credits: Option<Credits>,
}

/// One part of what an instance may do by itself. A role, its policy, and the profile in which an instance gets the role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileCall {
    CreateRole { tags: Tags },
    PutPolicy { policy: String },
    CreateProfile { tags: Tags },
    AddRole,
    RemoveRole,
    DeleteProfile,
    DeletePolicy,
    DeleteRole,
}

/// The name of the role's policy.
pub const POLICY: &str = "infra";

/// EC2 may take the role for its instances.
pub const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
