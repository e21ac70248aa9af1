//! Graphs for tests: one plan with everything in it, and edits of it.

use super::{Graph, Inputs, build};
use crate::plan;

/// A host with a disk, an address, alarms, and a bundle.
pub const VAULT: &str = r#"
name = "vault"
region = "us-east-1"

[hosts.box]
provider = "lightsail"
size = "medium_3_0"
image = "ubuntu_24_04"
static_ip = true
ports = [{ port = 22, from = ["203.0.113.0/24"] }, { port = 443, from = ["0.0.0.0/0"] }]

[hosts.box.disks.data]
size_gb = 80
mount = "/srv/data"

[bundle]
host = "box"
source = "bundle"

[alerts]
email = ["ops@example.com"]

[[thresholds]]
metric = "cpu.burst_percent"
below = true
warn = 20
migrate = 5
for = "15m"
"#;

/// `VAULT`, edited: every text must be found.
pub fn edited(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(VAULT.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the plan has no {from}");
        text.replacen(from, to, 1)
    })
}

pub fn graph(plan: &str, release: &str) -> Graph {
    let checked = plan::parse("plan.toml", plan.as_bytes());
    let checked = checked.unwrap_or_else(|findings| panic!("{}", findings.render(false, 100)));
    let inputs = Inputs {
        public_key: "ssh-ed25519 AAAA".into(),
        host_script: "#!/bin/sh\n".into(),
        release_hash: Some(release.into()),
        ..Inputs::default()
    };
    build(checked.plan(), &inputs).expect("a valid plan has a graph")
}

/// The same on EC2, without what only Lightsail has.
pub fn ec2_plan(edits: &[(&str, &str)]) -> String {
    let base: [(&str, &str); 3] = [
        ("provider = \"lightsail\"", "provider = \"ec2\""),
        ("size = \"medium_3_0\"", "size = \"t3.medium\""),
        ("size_gb = 80", "size_gb = 80\ntype = \"gp3\""),
    ];
    edited(&[&base, edits].concat())
}

/// Its graph.
pub fn ec2(edits: &[(&str, &str)]) -> Graph {
    graph(&ec2_plan(edits), "release-1")
}

/// The graph of `VAULT`, edited.
pub fn vault(edits: &[(&str, &str)]) -> Graph {
    graph(&edited(edits), "release-1")
}
