//! MiniStack's answers about instances, corrected: the address on the lab's network, no endpoint before there is one,
//! the master user's secret, whether the parameter group is in effect. Pure.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

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

/// The identifiers of the instances in an answer.
pub fn identifiers(answer: &str) -> Vec<String> {
    let instances = xml::elements(answer, "DBInstance");
    instances.filter_map(|instance| xml::text(instance, "DBInstanceIdentifier")).map(str::to_owned).collect()
}

/// The answer with each instance that is known corrected.
pub fn correct(answer: &str, known: &BTreeMap<String, Shown>) -> String {
    xml::map(answer, "DBInstance", |instance| {
        let id = xml::text(instance, "DBInstanceIdentifier").unwrap_or_default();
        known.get(id).map_or_else(|| instance.to_owned(), |shown| correct_one(instance, shown))
    })
}

fn correct_one(instance: &str, shown: &Shown) -> String {
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

    fn answer(status: &str) -> String {
        format!(
            "<R><DBInstance><DBInstanceIdentifier>db</DBInstanceIdentifier><DBInstanceStatus>{status}</DBInstanceStatus>\
             <DBName>postgres</DBName><Endpoint><Address>localhost</Address><Port>15432</Port></Endpoint>\
             <DBParameterGroups><ParameterApplyStatus>applying</ParameterApplyStatus></DBParameterGroups></DBInstance>\
             <DBInstance><DBInstanceIdentifier>other</DBInstanceIdentifier></DBInstance></R>"
        )
    }

    fn known() -> BTreeMap<String, Shown> {
        let secret = Some("arn:aws:secretsmanager:us-east-1:000000000000:secret:rds!db-1".to_owned());
        let shown =
            Shown { address: Ipv4Addr::new(203, 0, 113, 192), secret, unnamed: true, started: true, in_sync: false };
        BTreeMap::from([("db".to_owned(), shown)])
    }

    #[test]
    fn an_available_instance_has_its_own_address_and_secret() {
        let corrected = correct(&answer("available"), &known());
        assert!(corrected.contains("<Address>203.0.113.192</Address><Port>5432</Port>"), "{corrected}");
        assert!(corrected.contains("<SecretStatus>active</SecretStatus>"), "{corrected}");
        assert!(corrected.contains("<ParameterApplyStatus>pending-reboot</ParameterApplyStatus>"), "{corrected}");
        assert!(!corrected.contains("DBName"), "{corrected}");
        assert!(corrected.ends_with("<DBInstance><DBInstanceIdentifier>other</DBInstanceIdentifier></DBInstance></R>"));
        assert_eq!(identifiers(&corrected), ["db", "other"]);
    }

    #[test]
    fn an_instance_that_is_being_made_has_no_endpoint() {
        let corrected = correct(&answer("creating"), &known());
        assert!(!corrected.contains("Endpoint") && corrected.contains("<SecretStatus>creating</SecretStatus>"));
    }
}
