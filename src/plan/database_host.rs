//! The host that `[migrate.ec2]` describes: one of the plan's as soon as `infra migrate --to ec2` has asked for it, and by then like
//! any other. Until then nothing but the rules knows it.

use super::model::{Host, MigrateEc2, Plan, Provider};
use super::names::NodeName;

/// Its name among the hosts, and in the tags of what is made for it.
const NAME: &str = "database";
const SSH: u16 = 22;

impl Plan {
    /// With its firewall: who may enter the bundle's host by SSH may enter this one. In that one's network, where it is of EC2 too.
    pub fn database_host(&self) -> Option<(NodeName, Host)> {
        let MigrateEc2 { size, image, zone, disks } = self.migrate.ec2.clone()?;
        let bundle = self.bundle.as_ref().and_then(|bundle| self.hosts.get(&bundle.host));
        let ports = bundle.map(|host| host.ports.iter().filter(|rule| rule.port.contains(SSH)).cloned().collect());
        let beside = bundle.filter(|host| host.provider == Provider::Ec2);
        let host = Host {
            provider: Provider::Ec2,
            size: Some(size),
            image: Some(image),
            zone: zone.or_else(|| beside.and_then(|host| host.zone.clone())),
            address: None,
            static_ip: false,
            ports: ports.unwrap_or_default(),
            disks,
            user_data: None,
            vpc: beside.and_then(|host| host.vpc.clone()),
            subnet: beside.and_then(|host| host.subnet.clone()),
            root_gb: None,
            credits: None,
        };
        Some((Self::database_host_name(), host))
    }

    pub fn database_host_name() -> NodeName {
        NodeName::parse(NAME).expect("it is a name")
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::parse;

    const PHASE_1: &str = include_str!("../../plans/phase1.toml");
    const EC2: &str = "
        [migrate.ec2]
        size = \"m7g.large\"
        [migrate.ec2.disks.pgdata]
        size_gb = 200
        mount = \"/srv/pgdata\"
        type = \"io2\"
        iops = 4000
    ";

    #[test]
    fn it_is_a_host_that_its_bundles_operators_may_enter() {
        let plan = parse("plan.toml", format!("{PHASE_1}{EC2}").as_bytes());
        let plan = plan.unwrap_or_else(|findings| panic!("{}", findings.render(false, 100)));
        let (name, host) = plan.plan().database_host().unwrap();
        assert_eq!((name.as_str(), host.ports.len(), host.disks.len()), ("database", 1, 1));
        assert!(!plan.plan().hosts.contains_key(&name), "nobody has asked for it");
    }

    #[test]
    fn rules_of_hosts_are_its_own_too() {
        for (from, to, code) in [
            ("m7g.large", "xlarge_3_0", "foreign-size"),
            ("iops = 4000", "iops = 99", "disk-setting"),
            ("iops = 4000", "", "missing-key"),
            ("type = \"io2\"", "type = \"gp3\"\nthroughput = 9000", "disk-setting"),
            ("size_gb = 200", "size_gb = 3", "disk-size"),
        ] {
            let text = format!("{PHASE_1}{}", EC2.replace(from, to));
            let findings = parse("plan.toml", text.as_bytes()).map(drop).expect_err(to).render(false, 100);
            assert!(
                findings.contains(code) && findings.contains("migrate.ec2") || findings.contains(code),
                "{findings}"
            );
        }
        let taken = PHASE_1.replace("vault", "database") + EC2;
        let findings =
            parse("plan.toml", taken.as_bytes()).map(drop).expect_err("two hosts of a name").render(false, 100);
        assert!(findings.contains("same-name"), "{findings}");
        let ssh = PHASE_1.find("[migrate.rds]").map(|at| &PHASE_1[at..]).unwrap_or_default();
        let ssh = format!(
            "name = \"p\"\nregion = \"us-east-1\"\n[hosts.old]\nprovider = \"ssh\"\naddress = \"root@db.example.com\"\n[bundle]\nhost = \"old\"\nsource = \"b\"\n[database]\nservice = \"db\"\nname = \"d\"\n{ssh}{EC2}"
        );
        let findings = parse("plan.toml", ssh.as_bytes()).map(drop).expect_err("nobody could enter").render(false, 100);
        assert!(findings.contains("no-way-in"), "{findings}");
    }
}
