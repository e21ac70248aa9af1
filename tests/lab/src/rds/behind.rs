//! Questions of our own to MiniStack about databases, in the name of whoever asked us.

use anyhow::Context;

use super::parameters::Parameters;
use super::records::Key;
use super::xml;
use crate::behind::{Behind, Caller};
use crate::form::Form;

const RDS: &str = "2014-10-31";

/// What of an instance decides how its server runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Instance {
    pub group: String,
    pub security_groups: Vec<String>,
}

/// A group's own parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    pub all: Parameters,
    /// Those that need not wait for a reboot.
    pub immediate: Parameters,
}

impl Behind {
    /// None where there is no such instance, or cluster.
    pub async fn instance(&self, caller: &Caller, key: &Key) -> anyhow::Result<Option<Instance>> {
        let (operation, identifier, group) = match key.is_cluster() {
            true => ("DescribeDBClusters", "DBClusterIdentifier", "DBClusterParameterGroup"),
            false => ("DescribeDBInstances", "DBInstanceIdentifier", "DBParameterGroupName"),
        };
        let answer = self.query(caller, "rds", &Form::new(operation, RDS).with(identifier, key.name())).await?;
        Ok(answer.map(|xml| Instance {
            group: xml::text(&xml, group).unwrap_or_default().to_owned(),
            security_groups: xml::elements(&xml, "VpcSecurityGroupId").map(str::to_owned).collect(),
        }))
    }

    /// The cluster that an instance serves.
    pub async fn cluster_of(&self, caller: &Caller, instance: &str) -> anyhow::Result<Option<String>> {
        let form = Form::new("DescribeDBInstances", RDS).with("DBInstanceIdentifier", instance);
        let answer = self.query(caller, "rds", &form).await?.unwrap_or_default();
        Ok(xml::text(&answer, "DBClusterIdentifier").filter(|cluster| !cluster.is_empty()).map(str::to_owned))
    }

    /// Every instance and cluster, as MiniStack writes them.
    pub async fn databases(&self, caller: &Caller) -> anyhow::Result<String> {
        let instances = self.query(caller, "rds", &Form::new("DescribeDBInstances", RDS)).await?.unwrap_or_default();
        let clusters = self.query(caller, "rds", &Form::new("DescribeDBClusters", RDS)).await?.unwrap_or_default();
        Ok(instances + &clusters)
    }

    /// MiniStack leaves out a cluster's final snapshot.
    pub async fn snapshot_cluster(&self, caller: &Caller, cluster: &str, snapshot: &str) -> anyhow::Result<()> {
        let form = Form::new("CreateDBClusterSnapshot", RDS)
            .with("DBClusterIdentifier", cluster)
            .with("DBClusterSnapshotIdentifier", snapshot);
        self.query(caller, "rds", &form).await.map(drop)
    }

    pub async fn forget_snapshot(&self, caller: &Caller, snapshot: &str) -> anyhow::Result<()> {
        let form = Form::new("DeleteDBClusterSnapshot", RDS).with("DBClusterSnapshotIdentifier", snapshot);
        self.query(caller, "rds", &form).await.map(drop)
    }

    pub async fn has_subnet_group(&self, caller: &Caller, name: &str) -> anyhow::Result<bool> {
        let form = Form::new("DescribeDBSubnetGroups", RDS).with("DBSubnetGroupName", name);
        Ok(self.query(caller, "rds", &form).await?.is_some())
    }

    /// A default group has no parameters of its own.
    pub async fn group(&self, caller: &Caller, of: &Key, name: &str) -> anyhow::Result<Group> {
        let (operation, member) = match of.is_cluster() {
            true => ("DescribeDBClusterParameters", "DBClusterParameterGroupName"),
            false => ("DescribeDBParameters", "DBParameterGroupName"),
        };
        let form = Form::new(operation, RDS).with(member, name).with("Source", "user");
        let answer = self.query(caller, "rds", &form).await?.unwrap_or_default();
        let mut group = Group::default();
        for parameter in xml::elements(&answer, "Parameter") {
            let member = |name| xml::text(parameter, name).unwrap_or_default().to_owned();
            let (name, value) = (member("ParameterName"), member("ParameterValue"));
            if member("ApplyMethod") == "immediate" {
                group.immediate.insert(name.clone(), value.clone());
            }
            group.all.insert(name, value);
        }
        Ok(group)
    }

    /// Keeps a secret as RDS does for the master user; returns its ARN.
    pub async fn create_secret(&self, caller: &Caller, username: &str, password: &str) -> anyhow::Result<String> {
        let id = rand::random::<u128>();
        let body = serde_json::json!({
            "Name": format!("rds!db-{id:032x}"),
            "Description": "The secret associated with the primary RDS DB instance",
            "SecretString": serde_json::json!({ "username": username, "password": password }).to_string(),
            "ClientRequestToken": format!("{id:032x}"),
            "Tags": [{ "Key": "aws:secretsmanager:owningService", "Value": "rds" }],
        });
        let answer = self.secrets(caller, "CreateSecret", &body).await?;
        answer["ARN"].as_str().map(str::to_owned).context("a secret without an ARN")
    }

    pub async fn delete_secret(&self, caller: &Caller, arn: &str) -> anyhow::Result<()> {
        let body = serde_json::json!({ "SecretId": arn, "ForceDeleteWithoutRecovery": true });
        self.secrets(caller, "DeleteSecret", &body).await.map(drop)
    }
}
