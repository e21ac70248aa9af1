//! MiniStack's answers about instances and clusters, corrected: the address on the lab's network, no endpoint before there is one,
//! the master user's secret, whether the parameter group is in effect. Pure.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::records::Key;
use super::xml;

/// PostgreSQL's; the lab's databases listen on no other.
const PORT: u16 = 5432;

/// What is to be shown of an instance instead.
#[derive(Debug, Clone)]
pub struct Shown {
    pub address: Ipv4Addr,
    pub secret: Option<String>,
    pub unnamed: bool,
    /// Its server has been given what it runs with; before, MiniStack may call it available without having one.
    pub started: bool,
    /// The parameter group is what the server was started with.
    pub in_sync: bool,
}

/// The databases in an answer.
pub fn keys(region: &str, answer: &str) -> Vec<Key> {
    let found = ["DBInstance", "DBCluster"].into_iter().flat_map(|kind| xml::elements(answer, kind));
    found.filter_map(|element| key(region, element)).collect()
}

/// An instance that serves a cluster is shown as that.
fn key(region: &str, element: &str) -> Option<Key> {
    match xml::text(element, "DBClusterIdentifier") {
        Some(cluster) if !cluster.is_empty() => Some(Key::cluster(region, cluster)),
        _ => Some(Key::instance(region, xml::text(element, "DBInstanceIdentifier")?)),
    }
}

/// The answer with each instance and cluster that is known corrected.
pub fn correct(region: &str, answer: &str, known: &BTreeMap<Key, Shown>) -> String {
    let shown = |element: &str| key(region, element).and_then(|key| Some((known.get(&key)?, key.is_cluster())));
    let instances = xml::map(answer, "DBInstance", |instance| match shown(instance) {
        // The group whose state counts is its cluster's.
        Some((shown, true)) => correct_instance(instance, &Shown { in_sync: true, ..shown.clone() }),
        Some((shown, false)) => correct_instance(instance, shown),
        None => instance.to_owned(),
    });
    xml::map(&instances, "DBCluster", |cluster| match shown(cluster) {
        Some((shown, _)) => correct_cluster(cluster, shown),
        None => cluster.to_owned(),
    })
}

fn correct_cluster(cluster: &str, shown: &Shown) -> String {
    let status = if shown.in_sync { "in-sync" } else { "pending-reboot" };
    let corrected = xml::map(cluster, "Endpoint", |_| shown.address.to_string());
    let corrected = xml::map(&corrected, "Port", |_| PORT.to_string());
    let corrected = xml::map(&corrected, "DBClusterParameterGroupStatus", |_| status.to_owned());
    if shown.unnamed { xml::without(&corrected, "DatabaseName") } else { corrected }
}

fn correct_instance(instance: &str, shown: &Shown) -> String {
    let instance = &match shown.started {
        true => instance.to_owned(),
        false => xml::map(instance, "DBInstanceStatus", |status| status.replace("available", "creating")),
    };
    let creating = xml::text(instance, "DBInstanceStatus") == Some("creating");
    let mut corrected = match creating {
        true => xml::without(instance, "Endpoint"),
        false => xml::map(instance, "Endpoint", |_| {
            let address = shown.address;
            format!("<Address>{address}</Address><Port>{PORT}</Port><HostedZoneId>Z2R2ITUGPM61AM</HostedZoneId>")
        }),
    };
    if shown.unnamed {
        corrected = xml::without(&corrected, "DBName");
    }
    let status = if shown.in_sync { "in-sync" } else { "pending-reboot" };
    corrected = xml::map(&corrected, "ParameterApplyStatus", |_| status.to_owned());
    if let Some(arn) = &shown.secret {
        let status = if creating { "creating" } else { "active" };
        corrected += &format!(
            "<MasterUserSecret><SecretArn>{arn}</SecretArn><SecretStatus>{status}</SecretStatus>\
             <KmsKeyId>{}</KmsKeyId></MasterUserSecret>",
            key_of(arn)
        );
    }
    corrected
}

/// Secrets Manager's own key, which RDS takes unless another is named.
fn key_of(secret: &str) -> String {
    let mut parts = secret.split(':').skip(3);
    let (region, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    format!("arn:aws:kms:{region}:{account}:key/aws-secretsmanager")
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGION: &str = "us-east-1";

    fn answer(status: &str) -> String {
        format!(
            "<R><DBInstance><DBInstanceIdentifier>db</DBInstanceIdentifier><DBInstanceStatus>{status}</DBInstanceStatus>\
             <DBName>postgres</DBName><Endpoint><Address>localhost</Address><Port>15432</Port></Endpoint>\
             <DBParameterGroups><ParameterApplyStatus>applying</ParameterApplyStatus></DBParameterGroups></DBInstance>\
             <DBInstance><DBInstanceIdentifier>other</DBInstanceIdentifier></DBInstance></R>"
        )
    }

    fn known() -> BTreeMap<Key, Shown> {
        let secret = Some("arn:aws:secretsmanager:us-east-1:000000000000:secret:rds!db-1".to_owned());
        let shown =
            Shown { address: Ipv4Addr::new(203, 0, 113, 192), secret, unnamed: true, started: true, in_sync: false };
        BTreeMap::from([(Key::instance(REGION, "db"), shown)])
    }

    #[test]
    fn an_available_instance_has_its_own_address_and_secret() {
        let corrected = correct(REGION, &answer("available"), &known());
        assert!(corrected.contains("<Address>203.0.113.192</Address><Port>5432</Port>"), "{corrected}");
        assert!(corrected.contains("<SecretStatus>active</SecretStatus>"), "{corrected}");
        assert!(corrected.contains("<ParameterApplyStatus>pending-reboot</ParameterApplyStatus>"), "{corrected}");
        assert!(!corrected.contains("DBName"), "{corrected}");
        assert!(corrected.ends_with("<DBInstance><DBInstanceIdentifier>other</DBInstanceIdentifier></DBInstance></R>"));
        assert_eq!(keys(REGION, &corrected), [Key::instance(REGION, "db"), Key::instance(REGION, "other")]);
    }

    #[test]
    fn a_cluster_and_its_instance_have_one_address_and_the_group_is_the_clusters() {
        let answer = "<R><DBCluster><DBClusterIdentifier>db</DBClusterIdentifier><DatabaseName>postgres</DatabaseName>\
            <Endpoint>localhost</Endpoint><ReaderEndpoint>localhost</ReaderEndpoint><Port>15432</Port><DBClusterMembers>\
            <DBClusterMember><DBClusterParameterGroupStatus>in-sync</DBClusterParameterGroupStatus></DBClusterMember>\
            </DBClusterMembers></DBCluster><DBInstance><DBInstanceIdentifier>db-1</DBInstanceIdentifier>\
            <DBInstanceStatus>available</DBInstanceStatus><Endpoint><Address>localhost</Address></Endpoint>\
            <DBClusterIdentifier>db</DBClusterIdentifier><ParameterApplyStatus>x</ParameterApplyStatus></DBInstance></R>";
        let known: BTreeMap<_, _> =
            known().into_values().map(|shown| (Key::cluster(REGION, "db"), Shown { secret: None, ..shown })).collect();
        let corrected = correct(REGION, answer, &known);
        for part in [
            "<Endpoint>203.0.113.192</Endpoint>",
            "<Port>5432</Port><DBClusterMembers>",
            "<DBClusterParameterGroupStatus>pending-reboot</DBClusterParameterGroupStatus>",
            "<Address>203.0.113.192</Address><Port>5432</Port>",
            "<ParameterApplyStatus>in-sync</ParameterApplyStatus>",
        ] {
            assert!(corrected.contains(part), "{part} is not in {corrected}");
        }
        assert!(!corrected.contains("DatabaseName"), "{corrected}");
    }

    #[test]
    fn an_instance_that_is_being_made_has_no_endpoint() {
        let corrected = correct(REGION, &answer("creating"), &known());
        assert!(!corrected.contains("Endpoint") && corrected.contains("<SecretStatus>creating</SecretStatus>"));
    }
}
