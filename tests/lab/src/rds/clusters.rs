//! What AWS refuses about Aurora's clusters and MiniStack lets pass. Pure.

use super::checks::{Refusal, master};
use crate::form::Form;

/// What an instance has from its cluster, and may not say itself.
const OF_THE_CLUSTER: [&str; 7] = [
    "AllocatedStorage",
    "BackupRetentionPeriod",
    "DBName",
    "ManageMasterUserPassword",
    "MasterUserPassword",
    "MasterUsername",
    "StorageEncrypted",
];
/// PostgreSQL's, but not Aurora's: its storage keeps the log and writes the pages.
const NOT_OF_AURORA: [&str; 8] = [
    "checkpoint_completion_target",
    "checkpoint_timeout",
    "checkpoint_warning",
    "full_page_writes",
    "max_wal_size",
    "min_wal_size",
    "wal_compression",
    "wal_keep_size",
];

pub fn creation(form: &Form) -> Option<Refusal> {
    let storage = ["AllocatedStorage", "Iops"].into_iter().find(|name| form.get(name).is_some());
    let storage = storage.map(|name| combination(format!("{name} isn't supported for DB engine aurora-postgresql")));
    master(form).or(storage).or_else(|| retention(form)).or_else(|| capacity(form))
}

/// Aurora always keeps backups.
pub fn retention(form: &Form) -> Option<Refusal> {
    let days: u32 = form.get("BackupRetentionPeriod")?.parse().unwrap_or(0);
    let message = format!("Invalid backup retention period: {days}. Must be between 1 and 35");
    (!(1..=35).contains(&days)).then(|| Refusal::new("InvalidParameterValue", message))
}

pub fn membership(form: &Form) -> Option<Refusal> {
    let name = OF_THE_CLUSTER.into_iter().find(|name| form.get(name).is_some())?;
    Some(combination(format!(
        "The requested DB Instance will be a member of a DB Cluster. Set {name} for the DB Cluster."
    )))
}

pub fn parameters(form: &Form) -> Option<Refusal> {
    let changes = form.list("Parameters");
    let names = changes.iter().filter_map(|change| change.get("ParameterName").copied());
    let unknown = names.into_iter().find(|name| NOT_OF_AURORA.contains(name))?;
    Some(Refusal::new("InvalidParameterValue", format!("Could not find parameter with name: {unknown}")))
}

fn capacity(form: &Form) -> Option<Refusal> {
    let member = |name: &str| form.get(&format!("ServerlessV2ScalingConfiguration.{name}Capacity"));
    let (least, most) = (member("Min")?, member("Max")?);
    let (least, most): (f64, f64) = (least.parse().unwrap_or(-1.0), most.parse().unwrap_or(-1.0));
    let in_halves = [least, most].iter().all(|capacity| (capacity * 2.0).fract() == 0.0);
    let is_range = (0.0..=256.0).contains(&least) && (1.0..=256.0).contains(&most) && least <= most;
    let message = format!("Serverless v2 capacity {least} to {most} isn't valid");
    (!in_halves || !is_range).then(|| Refusal::new("InvalidParameterValue", message))
}

fn combination(message: String) -> Refusal {
    Refusal::new("InvalidParameterCombination", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster() -> Form {
        let form = Form::default().with("Engine", "aurora-postgresql").with("MasterUsername", "postgres");
        let form = form.with("ManageMasterUserPassword", "true").with("BackupRetentionPeriod", "1");
        form.with("ServerlessV2ScalingConfiguration.MinCapacity", "0.5")
            .with("ServerlessV2ScalingConfiguration.MaxCapacity", "8")
    }

    #[test]
    fn a_cluster_keeps_backups_and_has_a_capacity_and_no_size() {
        assert_eq!(creation(&cluster()), None);
        for (name, value) in [
            ("BackupRetentionPeriod", "0"),
            ("AllocatedStorage", "20"),
            ("ServerlessV2ScalingConfiguration.MaxCapacity", "0.5"),
            ("ServerlessV2ScalingConfiguration.MaxCapacity", "8.2"),
            ("ServerlessV2ScalingConfiguration.MinCapacity", "9"),
            ("MasterUsername", "rdsadmin"),
        ] {
            assert!(creation(&cluster().with(name, value)).is_some(), "{name} = {value}");
        }
        assert_eq!(retention(&Form::default()), None, "what is not said stays");
    }

    #[test]
    fn an_instance_says_nothing_that_is_its_clusters() {
        assert_eq!(membership(&Form::default().with("DBInstanceClass", "db.serverless")), None);
        assert!(membership(&Form::default().with("MasterUsername", "postgres")).is_some());
    }

    #[test]
    fn aurora_has_no_checkpoints_to_set() {
        let set = |name: &str| Form::default().with("Parameters.Parameter.1.ParameterName", name);
        assert_eq!(parameters(&set("autovacuum")), None);
        assert!(parameters(&set("max_wal_size")).is_some());
    }
}
