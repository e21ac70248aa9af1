//! Parameter groups: what may stand in them, and what they become for PostgreSQL. Pure.
//!
//! `parameters.txt` is PostgreSQL 17's own list (`postgres --describe-config`) without what RDS keeps for itself, and
//! with RDS's own: name, whether it needs a reboot, type, least and greatest value.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Name and value as a parameter group holds them: numbers without units.
pub type Parameters = BTreeMap<String, String>;

static KNOWN: LazyLock<BTreeMap<&str, Known>> =
    LazyLock::new(|| include_str!("parameters.txt").lines().filter_map(known).collect());

#[derive(Debug, Clone, Copy)]
struct Known {
    is_static: bool,
    /// Of integers, the least and the greatest.
    range: Option<(i64, i64)>,
}

fn known(line: &'static str) -> Option<(&'static str, Known)> {
    let fields: Vec<&str> = line.split(' ').collect();
    let [name, applies, _, least, greatest] = fields.as_slice() else { return None };
    let range = least.parse().ok().zip(greatest.parse().ok());
    Some((name, Known { is_static: *applies == "static", range }))
}

/// Why RDS would not put this parameter into a group, as error code and message.
pub fn refusal(name: &str, value: &str, method: &str) -> Option<(&'static str, String)> {
    let Some(known) = KNOWN.get(name) else {
        return Some(("InvalidParameterValue", format!("Could not find parameter with name: {name}")));
    };
    if known.is_static && method == "immediate" {
        let message = format!("cannot use immediate apply method for static parameter: {name}");
        return Some(("InvalidParameterCombination", message));
    }
    // A formula is AWS's to evaluate; it stands in braces.
    let (least, greatest) = known.range.filter(|_| !value.contains('{'))?;
    let allowed = value.parse::<i64>().is_ok_and(|number| (least..=greatest).contains(&number));
    let message = format!("Invalid parameter value: {value} for: {name} allowed values are: {least}-{greatest}");
    (!allowed).then_some(("InvalidParameterValue", message))
}

/// Those that only a reboot changes.
pub fn only_static(parameters: &Parameters) -> Parameters {
    let is_static = |name: &str| KNOWN.get(name).is_none_or(|known| known.is_static);
    parameters.iter().filter(|(name, _)| is_static(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// `parameters.conf`.
pub fn configuration(parameters: &Parameters) -> String {
    // Formulas stay AWS's: PostgreSQL's own default then holds.
    let written = parameters.iter().filter(|(_, value)| !value.contains('{'));
    let mut text: String = written.map(|(name, value)| format!("{name} = '{}'\n", value.replace('\'', "''"))).collect();
    if is_on(parameters, "rds.logical_replication", false) {
        text.push_str("wal_level = 'logical'\n");
    }
    text
}

/// `pg_hba.conf`: passwords only, and without TLS only where the group allows it.
pub fn access(parameters: &Parameters) -> String {
    let kind = if is_on(parameters, "rds.force_ssl", true) { "hostssl" } else { "host" };
    format!(
        "local all rdsadmin peer map=rdsadmin\n\
         host all rdsadmin all reject\n\
         host rdsadmin all all reject\n\
         {kind} all all all scram-sha-256\n\
         {kind} replication all all scram-sha-256\n"
    )
}

fn is_on(parameters: &Parameters, name: &str, default: bool) -> bool {
    parameters.get(name).map_or(default, |value| value == "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn refuses_what_rds_refuses() {
        let code = |name, value, method| refusal(name, value, method).map(|(code, _)| code);
        assert_eq!(code("maintenance_work_mem", "1048576", "immediate"), None);
        assert_eq!(code("maintenance_work_mem", "1GB", "immediate"), Some("InvalidParameterValue"));
        assert_eq!(code("no_such_thing", "1", "immediate"), Some("InvalidParameterValue"));
        assert_eq!(code("wal_level", "logical", "pending-reboot"), Some("InvalidParameterValue"));
        assert_eq!(code("rds.logical_replication", "1", "immediate"), Some("InvalidParameterCombination"));
        assert_eq!(code("rds.logical_replication", "1", "pending-reboot"), None);
        assert_eq!(code("shared_buffers", "{DBInstanceClassMemory/32768}", "pending-reboot"), None);
    }

    #[test]
    fn logical_replication_is_a_level_of_the_log() {
        let text = configuration(&parameters(&[("rds.logical_replication", "1"), ("work_mem", "4096")]));
        assert_eq!(text, "rds.logical_replication = '1'\nwork_mem = '4096'\nwal_level = 'logical'\n");
        assert_eq!(configuration(&parameters(&[("shared_buffers", "{DBInstanceClassMemory/32768}")])), "");
    }

    #[test]
    fn tls_is_forced_unless_it_is_switched_off() {
        assert!(access(&Parameters::new()).contains("hostssl all all all scram-sha-256\n"));
        assert!(access(&parameters(&[("rds.force_ssl", "0")])).contains("\nhost all all all scram-sha-256\n"));
    }

    #[test]
    fn only_some_parameters_wait_for_a_reboot() {
        let all = parameters(&[("rds.logical_replication", "1"), ("work_mem", "4096"), ("shared_buffers", "1024")]);
        assert_eq!(only_static(&all).into_keys().collect::<Vec<_>>(), ["rds.logical_replication", "shared_buffers"]);
    }
}
