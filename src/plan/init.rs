//! A first plan from a few answers, with comments that say what to change later.

use super::names::{Email, PlanName, Region, SizeName};
use super::units::{Gigabytes, Source};

/// What a person has to say; the rest follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    pub name: PlanName,
    pub region: Region,
    /// How many agents will send telemetry.
    pub agents: u32,
    pub disk_gb: Gigabytes,
    pub email: Option<Email>,
    /// From where SSH is allowed.
    pub ssh_from: Source,
    /// The bundle's folder, relative to the plan.
    pub source: String,
}

/// A size of host, and what it is expected to carry.
struct Sizing {
    agents_up_to: u32,
    size: &'static str,
    comment: &'static str,
}

/// SYSTEM 1's table: 4 GB carry 10–25 agents, the recommended start 50–100. There is nothing measured in between, so
/// the larger one is taken there.
const SIZES: [Sizing; 2] = [
    Sizing { agents_up_to: 25, size: "medium_3_0", comment: "2 vCPU, 4 GB: 10–25 agents" },
    Sizing { agents_up_to: u32::MAX, size: "xlarge_3_0", comment: "4 vCPU, 16 GB: 50–100 agents" },
];

/// More agents than this need a database of their own.
const MOST_ON_ONE_HOST: u32 = 100;

/// The size of host for that many agents.
pub fn size_for(agents: u32) -> SizeName {
    SizeName::parse(sizing(agents).size).expect("the table holds sizes")
}

fn sizing(agents: u32) -> &'static Sizing {
    SIZES.iter().find(|sizing| agents <= sizing.agents_up_to).unwrap_or(&SIZES[SIZES.len() - 1])
}

/// The plan as TOML. It is always valid.
pub fn render(answers: &Answers) -> String {
    let Answers { name, region, agents, disk_gb, ssh_from, .. } = answers;
    let Sizing { size, comment, .. } = sizing(*agents);
    let zone = region.first_zone();
    let source = toml::Value::String(answers.source.clone());
    let storage = Gigabytes((disk_gb.0.saturating_mul(2)).clamp(20, 65_536)).0;
    let disk_gb = disk_gb.0;
    let outgrown = if *agents > MOST_ON_ONE_HOST {
        "# More than 100 agents outgrow one host: watch the thresholds below, and migrate when they say so.\n"
    } else {
        ""
    };
    format!(
        r#"# The plan of `{name}`. `infra plan FILE` shows what it makes and what it costs; docs/plan.md explains every key.
{outgrown}
name   = "{name}"
region = "{region}"

[hosts.vault]
provider  = "lightsail"
size      = "{size}" # {comment}
image     = "ubuntu_24_04"
zone      = "{zone}"
static_ip = true # the address stays when the host is stopped or replaced
ports = [
    {{ port = 22, from = ["{ssh_from}"] }}, # SSH, for infra and for you
    {{ port = 443, from = ["0.0.0.0/0", "::/0"] }}, # ingest, HTTPS
    {{ port = 8443, from = ["0.0.0.0/0", "::/0"] }}, # adapters, HTTPS
]

# The database lives on a disk of its own: it outlives the host, and it grows without it.
[hosts.vault.disks.pgdata]
size_gb = {disk_gb}
mount   = "/srv/pgdata"

[bundle]
host    = "vault"
source  = {source} # a folder with compose.yaml
push    = ["ingest", "adapters"] # images that are built here and sent over SSH
vars    = {{ RETENTION_DAYS = 30 }}
secrets = ["POSTGRES_PASSWORD", "INGEST_TOKEN", "ADAPTERS_TOKEN"] # made once, on the host

[database]
service = "db"
name    = "telemetry"
clients = ["ingest"]

{alerts}
# The danger zone: the disk saturates first, then the API burns its CPU allowance while it waits.
[[thresholds]]
metric  = "disk.queue_depth"
warn    = 10
migrate = 20
for     = "15m"

[[thresholds]]
metric  = "cpu.burst_percent"
below   = true
warn    = 20
migrate = 0
for     = "15m"

# Where `infra migrate --to rds` goes.
[migrate.rds]
class      = "db.m7g.large"
storage_gb = {storage}
"#,
        alerts = alerts(answers.email.as_ref()),
    )
}

fn alerts(email: Option<&Email>) -> String {
    match email {
        Some(email) => format!("[alerts]\nemail = [\"{email}\"] # confirm the message that AWS sends there\n"),
        None => "# Nobody is told when a threshold trips until there is an address.\n# [alerts]\n\
                 # email = [\"ops@example.com\"]\n"
            .to_owned(),
    }
}
