//! What AWS refuses and MiniStack lets pass.

use super::Rds;
use super::{clusters, parameters, xml};
use crate::behind::Caller;
use crate::form::Form;

/// An error as AWS names it.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// Major version that the lab has an image of, and what AWS makes of it.
pub const VERSION: (&str, &str) = ("17", "17.6");
pub const AURORA_VERSION: (&str, &str) = ("17", "17.7");
/// Names that RDS keeps for itself.
const RESERVED: [&str; 4] = ["rdsadmin", "rds_superuser", "rds_replication", "admin"];

impl Rds {
    /// `serves`: the instance that it is about serves a cluster.
    pub(super) async fn check(
        &self,
        caller: &Caller,
        operation: &str,
        form: &Form,
        serves: bool,
    ) -> anyhow::Result<Option<Refusal>> {
        let name = |member: &str| form.get(member).unwrap_or_default().to_owned();
        Ok(match operation {
            "CreateDBInstance" if serves => clusters::membership(form),
            "CreateDBInstance" => creation(form),
            "CreateDBCluster" => clusters::creation(form),
            "ModifyDBCluster" => clusters::retention(form),
            "DeleteDBInstance" if serves => None,
            "DeleteDBInstance" | "DeleteDBCluster" => deletion(form),
            "ModifyDBParameterGroup" => changes(form),
            "ModifyDBClusterParameterGroup" => clusters::parameters(form).or_else(|| changes(form)),
            "CreateDBSubnetGroup" => {
                let taken = self.behind.has_subnet_group(caller, &name("DBSubnetGroupName")).await?;
                let message = format!("The DB subnet group '{}' already exists.", name("DBSubnetGroupName"));
                taken.then(|| Refusal::new("DBSubnetGroupAlreadyExists", message))
            }
            "DeleteDBSubnetGroup" => {
                let elements = ["DBSubnetGroupName", "DBSubnetGroup"];
                let found = self.in_use(caller, &elements, &name("DBSubnetGroupName")).await?;
                found.map(|message| Refusal::new("InvalidDBSubnetGroupStateFault", message))
            }
            "DeleteDBParameterGroup" => {
                let found = self.in_use(caller, &["DBParameterGroupName"], &name("DBParameterGroupName")).await?;
                found.map(|message| Refusal::new("InvalidDBParameterGroupState", message))
            }
            "DeleteDBClusterParameterGroup" => {
                let elements = ["DBClusterParameterGroup"];
                let found = self.in_use(caller, &elements, &name("DBClusterParameterGroupName")).await?;
                found.map(|message| Refusal::new("InvalidDBParameterGroupState", message))
            }
            _ => None,
        })
    }

    /// A message if a database is in the security group.
    pub async fn group_in_use(&self, caller: &Caller, group: &str) -> anyhow::Result<Option<String>> {
        self.in_use(caller, &["VpcSecurityGroupId"], group).await
    }

    /// A message if an instance or a cluster names it in one of these elements.
    async fn in_use(&self, caller: &Caller, elements: &[&str], name: &str) -> anyhow::Result<Option<String>> {
        let databases = self.behind.databases(caller).await?;
        let used = elements.iter().any(|element| xml::elements(&databases, element).any(|used| used == name));
        Ok(used.then(|| format!("{name} is in use by a DB instance or cluster")))
    }
}

fn creation(form: &Form) -> Option<Refusal> {
    master(form).or_else(|| storage(form))
}

/// Version, user and password.
pub(super) fn master(form: &Form) -> Option<Refusal> {
    let combination = |message: String| Some(Refusal::new("InvalidParameterCombination", message));
    let version = form.get("EngineVersion").unwrap_or(VERSION.0);
    if version.split('.').next() != Some(VERSION.0) {
        return combination(format!("Cannot find version {version} for {}", form.get("Engine").unwrap_or("postgres")));
    }
    let (given, managed) = (form.get("MasterUserPassword").is_some(), form.is_true("ManageMasterUserPassword"));
    if given && managed {
        return combination("You can't specify MasterUserPassword when ManageMasterUserPassword is enabled.".into());
    }
    if !given && !managed {
        let message = "The parameter MasterUserPassword must be provided and must not be blank.";
        return Some(Refusal::new("InvalidParameterValue", message));
    }
    let user = form.get("MasterUsername").unwrap_or_default();
    if user.is_empty() || RESERVED.contains(&user) {
        let message = format!("MasterUsername {user} cannot be used as it is a reserved word used by the engine");
        return Some(Refusal::new("InvalidParameterValue", message));
    }
    None
}

fn storage(form: &Form) -> Option<Refusal> {
    let storage: u32 = form.get("AllocatedStorage").and_then(|size| size.parse().ok()).unwrap_or(0);
    if !(20..=65536).contains(&storage) {
        let message = format!("Invalid storage size for engine name postgres and storage type gp3: {storage}");
        return Some(Refusal::new("InvalidParameterCombination", message));
    }
    None
}

fn deletion(form: &Form) -> Option<Refusal> {
    let (skip, snapshot) = (form.is_true("SkipFinalSnapshot"), form.get("FinalDBSnapshotIdentifier"));
    let message = match (skip, snapshot) {
        (false, None) => "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
        (true, Some(_)) => "FinalDBSnapshotIdentifier can't be specified when SkipFinalSnapshot is enabled.",
        _ => return None,
    };
    Some(Refusal::new("InvalidParameterCombination", message))
}

fn changes(form: &Form) -> Option<Refusal> {
    let changes = form.list("Parameters");
    if changes.len() > 20 {
        let message = "A maximum of 20 parameters can be modified in a single request.";
        return Some(Refusal::new("InvalidParameterValue", message));
    }
    changes.iter().find_map(|change| {
        let member = |name: &str| change.get(name).copied().unwrap_or_default();
        parameters::refusal(member("ParameterName"), member("ParameterValue"), member("ApplyMethod"))
            .map(|(code, message)| Refusal::new(code, message))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(refusal: Option<Refusal>) -> Option<&'static str> {
        refusal.map(|refusal| refusal.code)
    }

    #[test]
    fn an_instance_needs_a_password_from_somewhere() {
        let form = Form::default().with("MasterUsername", "postgres").with("AllocatedStorage", "20");
        assert_eq!(code(creation(&form)), Some("InvalidParameterValue"));
        let managed = form.clone().with("ManageMasterUserPassword", "true");
        assert_eq!(code(creation(&managed)), None);
        assert_eq!(
            code(creation(&managed.clone().with("MasterUserPassword", "x"))),
            Some("InvalidParameterCombination")
        );
        assert_eq!(code(creation(&managed.clone().with("EngineVersion", "16.3"))), Some("InvalidParameterCombination"));
        assert_eq!(code(creation(&managed.with("MasterUsername", "rdsadmin"))), Some("InvalidParameterValue"));
    }

    #[test]
    fn nothing_is_deleted_without_a_word_about_the_snapshot() {
        assert_eq!(code(deletion(&Form::default())), Some("InvalidParameterCombination"));
        assert_eq!(code(deletion(&Form::default().with("SkipFinalSnapshot", "true"))), None);
        assert_eq!(code(deletion(&Form::default().with("FinalDBSnapshotIdentifier", "last"))), None);
    }
}
