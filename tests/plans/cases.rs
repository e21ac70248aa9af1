//! One change each to a valid plan, and the finding that it must give.

/// A plan that uses every kind of host and every table.
pub const VALID: &str = r#"name = "acme"
region = "us-east-1"

[hosts.vault]
provider = "lightsail"
size = "medium_3_0"
image = "ubuntu_24_04"
zone = "us-east-1a"
static_ip = true
ports = [
    { port = 22, from = ["203.0.113.0/24"] },
    { port = 443, from = ["0.0.0.0/0", "::/0"] },
    { port = "8000-8010", protocol = "udp", from = ["198.51.100.7/32"] },
]

[hosts.vault.disks.pgdata]
size_gb = 80
mount = "/srv/pgdata"

[hosts.vault.disks.models]
size_gb = 40
mount = "/srv/models"

[hosts.worker]
provider = "ec2"
size = "t3.large"
image = "debian_12"
ports = [{ port = 22, from = ["192.0.2.0/24"] }]

[hosts.worker.disks.cache]
size_gb = 120
mount = "/srv/cache"
type = "gp3"
iops = 3500
throughput = 250

[hosts.old]
provider = "ssh"
address = "deploy@192.0.2.9"

[bundle]
host = "vault"
source = "../templates/phoenix"
push = ["ingest", "adapters"]
vars = { RETENTION_DAYS = 30, MODE = "full" }
secrets = ["POSTGRES_PASSWORD", "INGEST_TOKEN"]
health_timeout = "4m"

[database]
service = "db"
name = "telemetry"
clients = ["ingest"]

[alerts]
email = ["ops@example.com"]

[[thresholds]]
metric = "disk.queue_depth"
warn = 10
migrate = 20
for = "20m"
host = "old"

[[thresholds]]
metric = "cpu.burst_percent"
below = true
warn = 25
migrate = 5
for = "15m"

[migrate]
mode = "online"
cutover = "at 02:30"
accept = ["no-replica-identity", "unlogged"]
max_rate = "20MB/s"

[migrate.rds]
class = "db.m7g.large"
storage_gb = 200

[backup]
to = "s3://acme-backups"
full = "daily 02:00"
incremental = "hourly"
keep = "7d"

[[thresholds]]
for = "30m"
action = "migrate"
all = [
    { metric = "disk.used_percent", warn = 70, migrate = 80 },
    { metric = "memory.percent", migrate = 91 },
]

[[thresholds]]
metric = "api.p95_ms"
warn = 900
for = "11m"
action = "restart"
"#;

/// What is replaced, by what, and the code of the finding.
pub const CASES: &[(&str, &str, &str)] = &[
    // The file as TOML.
    ("name = \"acme\"", "name = \"acme", "syntax"),
    ("name = \"acme\"", "name = acme", "syntax"),
    ("name = \"acme\"", "name = \"acme\"\nname = \"acme\"", "syntax"),
    ("name = \"acme\"", "name \"acme\"", "syntax"),
    ("name = \"acme\"", "name: acme", "syntax"),
    ("name = \"acme\"", "= \"acme\"", "syntax"),
    ("[hosts.vault]", "[hosts.vault", "syntax"),
    ("[hosts.vault]", "[hosts..vault]", "syntax"),
    ("[hosts.worker]", "[hosts.vault]", "syntax"),
    ("[[thresholds]]\nmetric = \"cpu", "[thresholds]\nmetric = \"cpu", "syntax"),
    ("static_ip = true", "static_ip = True", "syntax"),
    ("static_ip = true", "static_ip =", "syntax"),
    ("size_gb = 80", "size_gb = 80 GB", "syntax"),
    ("size_gb = 80", "size_gb = 080", "syntax"),
    ("warn = 10", "warn = 1_0_", "syntax"),
    ("push = [\"ingest\", \"adapters\"]", "push = [\"ingest\" \"adapters\"]", "syntax"),
    ("service = \"db\"", "service = \"\\d\"", "syntax"),
    ("[alerts]", "[alerts] email", "syntax"),
    // Keys.
    ("region =", "regoin =", "unknown-key"),
    ("static_ip = true", "static-ip = true", "unknown-key"),
    ("size = \"t3.large\"", "instance_type = \"t3.large\"", "unknown-key"),
    ("static_ip = true", "backups = true", "unknown-key"),
    ("mount = \"/srv/pgdata\"", "mount = \"/srv/pgdata\"\nformat = \"ext4\"", "unknown-key"),
    (
        "{ port = 22, from = [\"203.0.113.0/24\"] }",
        "{ port = 22, from = [\"203.0.113.0/24\"], comment = \"x\" }",
        "unknown-key",
    ),
    ("[alerts]", "[alert]", "unknown-key"),
    ("email =", "emails =", "unknown-key"),
    ("[migrate.rds]", "[migrate.mars]", "unknown-key"),
    ("[migrate.rds]", "[migrate.aurora]\nstorage_gb = 200\n[migrate.rds]", "unknown-key"),
    ("[backup]", "[backup]\nretention = \"7d\"", "unknown-key"),
    ("below = true", "bellow = true\nbelow = true", "unknown-key"),
    ("health_timeout =", "\"health timeout\" =", "unknown-key"),
    ("source =", "\"\" = 1\nsource =", "unknown-key"),
    // What is missing.
    ("name = \"acme\"", "", "missing-key"),
    ("size = \"medium_3_0\"", "", "missing-key"),
    ("image = \"debian_12\"", "", "missing-key"),
    ("provider = \"ec2\"", "", "missing-key"),
    ("address = \"deploy@192.0.2.9\"", "", "missing-key"),
    ("size_gb = 80", "", "missing-key"),
    ("mount = \"/srv/models\"", "", "missing-key"),
    ("{ port = 22, from = [\"203.0.113.0/24\"] }", "{ port = 22 }", "missing-key"),
    ("host = \"vault\"", "", "missing-key"),
    ("source = \"../templates/phoenix\"", "", "missing-key"),
    ("service = \"db\"", "", "missing-key"),
    ("metric = \"cpu.burst_percent\"", "", "missing-key"),
    ("for = \"15m\"", "", "missing-key"),
    ("storage_gb = 200", "", "missing-key"),
    ("to = \"s3://acme-backups\"", "", "missing-key"),
    ("full = \"daily 02:00\"", "", "missing-key"),
    ("keep = \"7d\"", "", "missing-key"),
    ("type = \"gp3\"\niops = 3500\nthroughput = 250", "type = \"io2\"", "missing-key"),
    ("region = \"us-east-1\"", "", "no-region"),
    // Types.
    ("name = \"acme\"", "name = 7", "wrong-type"),
    ("region = \"us-east-1\"", "region = [\"us-east-1\"]", "wrong-type"),
    ("static_ip = true", "static_ip = \"yes\"", "wrong-type"),
    ("static_ip = true", "static_ip = 1", "wrong-type"),
    ("size_gb = 80", "size_gb = \"80\"", "wrong-type"),
    ("size_gb = 80", "size_gb = \"80 GB\"", "wrong-type"),
    ("size_gb = 80", "size_gb = 80.5", "wrong-type"),
    ("size_gb = 80", "size_gb = 2026-11-21", "wrong-type"),
    ("push = [\"ingest\", \"adapters\"]", "push = \"ingest\"", "wrong-type"),
    ("clients = [\"ingest\"]", "clients = [[\"ingest\"]]", "wrong-type"),
    ("[\"203.0.113.0/24\"]", "\"203.0.113.0/24\"", "wrong-type"),
    ("port = 443", "port = 443.0", "wrong-type"),
    ("port = 443", "port = [443]", "wrong-type"),
    ("RETENTION_DAYS = 30", "RETENTION_DAYS = 30.5", "wrong-type"),
    ("RETENTION_DAYS = 30", "RETENTION_DAYS = { days = 30 }", "wrong-type"),
    ("vars = { RETENTION_DAYS = 30, MODE = \"full\" }", "vars = [\"A=1\"]", "wrong-type"),
    ("email = [\"ops@example.com\"]", "email = \"ops@example.com\"", "wrong-type"),
    ("warn = 10", "warn = \"10\"", "wrong-type"),
    ("below = true", "below = 20", "wrong-type"),
    ("for = \"15m\"", "for = 15", "wrong-type"),
    ("keep = \"7d\"", "keep = 7", "wrong-type"),
    // Words.
    ("provider = \"lightsail\"", "provider = \"lightsial\"", "unknown-word"),
    ("provider = \"lightsail\"", "provider = \"Lightsail\"", "unknown-word"),
    ("provider = \"ec2\"", "provider = \"hetzner\"", "unknown-word"),
    ("protocol = \"udp\"", "protocol = \"icmp\"", "unknown-word"),
    ("type = \"gp3\"", "type = \"gp4\"", "unknown-word"),
    ("metric = \"disk.queue_depth\"", "metric = \"disk.burst_balance\"", "unknown-word"),
    ("metric = \"disk.queue_depth\"", "metric = \"disk.queue-depth\"", "unknown-word"),
    ("metric = \"cpu.burst_percent\"", "metric = \"cpu.credit_balance\"", "unknown-word"),
    // Names and units.
    ("name = \"acme\"", "name = \"\"", "invalid-value"),
    ("name = \"acme\"", "name = \"Acme Corp\"", "invalid-value"),
    ("name = \"acme\"", "name = \"acme-\"", "invalid-value"),
    ("name = \"acme\"", "name = \"a-name-of-more-than-twenty\"", "invalid-value"),
    ("region = \"us-east-1\"", "region = \"Virginia\"", "invalid-value"),
    ("region = \"us-east-1\"", "region = \"us-east-1a\"", "invalid-value"),
    ("zone = \"us-east-1a\"", "zone = \"a\"", "invalid-value"),
    ("size = \"medium_3_0\"", "size = \"Medium 3.0\"", "invalid-value"),
    ("image = \"debian_12\"", "image = \"../../etc/passwd\"", "invalid-value"),
    ("address = \"deploy@192.0.2.9\"", "address = \"-oProxyCommand=reboot\"", "invalid-value"),
    ("address = \"deploy@192.0.2.9\"", "address = \"deploy @192.0.2.9\"", "invalid-value"),
    ("[hosts.worker.disks.cache]", "[hosts.worker.disks.Cache_1]", "invalid-name"),
    ("[hosts.old]", "[hosts.\"old server\"]", "invalid-name"),
    ("MODE =", "mode =", "invalid-name"),
    ("MODE =", "\"1MODE\" =", "invalid-name"),
    ("mount = \"/srv/pgdata\"", "mount = \"srv/pgdata\"", "invalid-value"),
    ("mount = \"/srv/pgdata\"", "mount = \"/\"", "invalid-value"),
    ("mount = \"/srv/pgdata\"", "mount = \"/srv/../etc\"", "invalid-value"),
    ("mount = \"/srv/pgdata\"", "mount = \"/srv/pgdata/\"", "invalid-value"),
    ("mount = \"/srv/pgdata\"", "mount = \"/srv/pg data\"", "invalid-value"),
    ("203.0.113.0/24", "203.0.113.7/24", "invalid-value"),
    ("203.0.113.0/24", "203.0.113.7", "invalid-value"),
    ("203.0.113.0/24", "203.0.113.0/33", "invalid-value"),
    ("203.0.113.0/24", "example.com", "invalid-value"),
    ("::/0", "::1/0", "invalid-value"),
    ("port = \"8000-8010\"", "port = \"8010-8000\"", "invalid-value"),
    ("port = \"8000-8010\"", "port = \"http\"", "invalid-value"),
    ("port = \"8000-8010\"", "port = \"8000-99999\"", "invalid-value"),
    ("email = [\"ops@example.com\"]", "email = [\"ops\"]", "invalid-value"),
    ("secrets = [\"POSTGRES_PASSWORD\"", "secrets = [\"postgres_password\"", "invalid-value"),
    ("service = \"db\"", "service = \"the db\"", "invalid-value"),
    ("name = \"telemetry\"", "name = \"tele-metry\"", "invalid-value"),
    ("for = \"15m\"", "for = \"15 minutes\"", "invalid-value"),
    ("for = \"15m\"", "for = \"99999999999999999999d\"", "invalid-value"),
    ("class = \"db.m7g.large\"", "class = \"m7g.large\"", "invalid-value"),
    ("to = \"s3://acme-backups\"", "to = \"acme-backups\"", "invalid-value"),
    ("to = \"s3://acme-backups\"", "to = \"s3://Acme\"", "invalid-value"),
    ("full = \"daily 02:00\"", "full = \"daily 25:00\"", "invalid-value"),
    ("full = \"daily 02:00\"", "full = \"nightly\"", "invalid-value"),
    ("incremental = \"hourly\"", "incremental = \"every hour\"", "invalid-value"),
    // Ranges.
    ("port = 443", "port = 0", "out-of-range"),
    ("port = 443", "port = 65536", "out-of-range"),
    ("port = 443", "port = -1", "out-of-range"),
    ("size_gb = 80", "size_gb = 0", "out-of-range"),
    ("size_gb = 80", "size_gb = -80", "out-of-range"),
    ("size_gb = 80", "size_gb = 99999999999999999999", "out-of-range"),
    ("iops = 3500", "iops = 4294967296", "out-of-range"),
    ("[migrate.rds]", "[migrate.aurora]\nmin_acu = 0\n[migrate.rds]", "out-of-range"),
    ("[migrate.rds]", "[migrate.aurora]\nmax_acu = 8.2\n[migrate.rds]", "out-of-range"),
    ("[migrate.rds]", "[migrate.aurora]\nmax_acu = 0.5\n[migrate.rds]", "out-of-range"),
    ("[migrate.rds]", "[migrate.aurora]\nmin_acu = 9\n[migrate.rds]", "out-of-range"),
    ("warn = 25", "warn = 125", "out-of-range"),
    ("warn = 10", "warn = -10", "out-of-range"),
    ("warn = 10", "warn = nan", "out-of-range"),
    ("migrate = 20", "migrate = inf", "out-of-range"),
    ("for = \"15m\"", "for = \"10s\"", "out-of-range"),
    ("for = \"15m\"", "for = \"2d\"", "out-of-range"),
    ("storage_gb = 200", "storage_gb = 10", "out-of-range"),
    ("health_timeout = \"4m\"", "health_timeout = \"0s\"", "out-of-range"),
    ("health_timeout = \"4m\"", "health_timeout = \"3d\"", "out-of-range"),
    // Disks.
    ("size_gb = 80", "size_gb = 4", "disk-size"),
    ("size_gb = 80", "size_gb = 20000", "disk-size"),
    ("type = \"gp3\"\niops = 3500\nthroughput = 250", "type = \"st1\"", "disk-size"),
    ("iops = 3500", "iops = 100", "disk-setting"),
    ("throughput = 250", "throughput = 5000", "disk-setting"),
    ("type = \"gp3\"\niops = 3500", "type = \"io1\"\niops = 3500", "disk-setting"),
    ("type = \"gp3\"\niops = 3500\nthroughput = 250", "type = \"gp2\"\niops = 3500", "disk-setting"),
    ("mount = \"/srv/pgdata\"", "mount = \"/srv/pgdata\"\ntype = \"gp3\"", "wrong-provider"),
    ("mount = \"/srv/pgdata\"", "mount = \"/srv/pgdata\"\niops = 3000", "wrong-provider"),
    ("mount = \"/srv/pgdata\"", "mount = \"/etc\"", "system-mount"),
    ("mount = \"/srv/pgdata\"", "mount = \"/usr/local/data\"", "system-mount"),
    ("mount = \"/srv/pgdata\"", "mount = \"/var\"", "system-mount"),
    ("mount = \"/srv/pgdata\"", "mount = \"/var/lib/docker/volumes\"", "system-mount"),
    ("mount = \"/srv/pgdata\"", "mount = \"/srv/models\"", "duplicate-mount"),
    ("mount = \"/srv/pgdata\"", "mount = \"/srv/models/pgdata\"", "nested-mount"),
    ("mount = \"/srv/pgdata\"", "mount = \"/srv\"", "nested-mount"),
    (
        "[hosts.worker]\n",
        "[hosts.vault-pg]\nprovider = \"lightsail\"\nsize = \"medium_3_0\"\nimage = \"debian_12\"\n\
      disks = { data = { size_gb = 8, mount = \"/srv/a\" } }\n[hosts.vault.disks.pg-data]\nsize_gb = 8\nmount = \"/srv/b\"\n[hosts.worker]\n",
        "same-name",
    ),
    // Hosts.
    ("size = \"medium_3_0\"", "size = \"t3.medium\"", "foreign-size"),
    ("size = \"t3.large\"", "size = \"large_3_0\"", "foreign-size"),
    ("size = \"medium_3_0\"", "size = \"medium\"", "foreign-size"),
    ("size = \"medium_3_0\"", "size = \"medum_3_0\"", "unknown-size"),
    ("size = \"medium_3_0\"", "size = \"micro_3_0\"", "small-host"),
    ("image = \"ubuntu_24_04\"", "image = \"ubuntu-24.04\"", "foreign-image"),
    ("image = \"ubuntu_24_04\"", "image = \"ami-0abcdef12\"", "foreign-image"),
    ("image = \"ubuntu_24_04\"", "image = \"windows_server_2022\"", "unknown-system"),
    ("image = \"ubuntu_24_04\"", "image = \"centos_7\"", "unknown-system"),
    ("zone = \"us-east-1a\"", "zone = \"eu-central-1a\"", "zone-outside-region"),
    ("address = \"deploy@192.0.2.9\"", "address = \"deploy@192.0.2.9\"\nsize = \"t3.large\"", "wrong-provider"),
    ("address = \"deploy@192.0.2.9\"", "address = \"deploy@192.0.2.9\"\nports = []", "wrong-provider"),
    ("static_ip = true", "static_ip = true\naddress = \"192.0.2.1\"", "wrong-provider"),
    // Ports.
    ("port = 443", "port = 22", "duplicate-port"),
    ("port = 443", "port = \"20-30\"", "overlapping-ports"),
    ("[\"203.0.113.0/24\"]", "[]", "no-source"),
    ("[\"0.0.0.0/0\", \"::/0\"]", "[\"0.0.0.0/0\", \"0.0.0.0/0\"]", "duplicate"),
    ("[\"203.0.113.0/24\"]", "[\"0.0.0.0/0\"]", "ssh-open"),
    ("port = 22, from = [\"203.0.113.0/24\"]", "port = 23, from = [\"203.0.113.0/24\"]", "ssh-closed"),
    ("port = 443", "port = 5432", "database-open"),
    ("port = 443", "port = \"5000-7000\"", "database-open"),
    // The bundle and its database.
    ("host = \"vault\"", "host = \"valt\"", "unknown-host"),
    ("host = \"old\"", "host = \"new\"", "unknown-host"),
    ("source = \"../templates/phoenix\"", "source = \"\"", "invalid-value"),
    ("source = \"../templates/phoenix\"", "source = \"a\\u0000b\"", "invalid-value"),
    ("push = [\"ingest\", \"adapters\"]", "push = [\"ingest\", \"ingest\"]", "duplicate"),
    ("\"INGEST_TOKEN\"]", "\"POSTGRES_PASSWORD\"]", "duplicate"),
    ("clients = [\"ingest\"]", "clients = [\"ingest\", \"ingest\"]", "duplicate"),
    ("clients = [\"ingest\"]", "clients = [\"db\"]", "database-client"),
    ("MODE = \"full\"", "INGEST_TOKEN = \"x\"", "secret-and-variable"),
    ("MODE = \"full\"", "INFRA_MODE = \"full\"", "reserved-name"),
    ("MODE = \"full\"", "COMPOSE_PROJECT_NAME = \"x\"", "reserved-name"),
    ("MODE = \"full\"", "API_KEY = \"abc\"", "secret-in-plan"),
    ("MODE = \"full\"", "MODE = \"a\\nb\"", "invalid-value"),
    // Alerts and thresholds.
    ("email = [\"ops@example.com\"]", "email = [\"a@example.com\", \"b@example.com\"]", "one-contact"),
    ("email = [\"ops@example.com\"]", "email = []", "nobody-told"),
    ("warn = 10\nmigrate = 20", "", "no-limit"),
    ("warn = 10\nmigrate = 20", "warn = 20\nmigrate = 10", "limit-order"),
    ("warn = 10\nmigrate = 20", "warn = 20\nmigrate = 20", "limit-order"),
    ("warn = 25", "warn = 1", "limit-order"),
    (
        "metric = \"disk.queue_depth\"\nwarn = 10\nmigrate = 20",
        "metric = \"cpu.burst_percent\"\nbelow = true\nwarn = 10",
        "no-metric",
    ),
    ("for = \"15m\"", "for = \"16m\"", "alarm-period"),
    ("warn = 10\nmigrate = 20", "warn = 20\nmigrate = 10\nbelow = true", "limit-direction"),
    (
        "[migrate.rds]",
        "[[thresholds]]\nmetric = \"disk.queue_depth\"\nwarn = 1\nfor = \"5m\"\nhost = \"old\"\n[migrate.rds]",
        "duplicate-threshold",
    ),
    ("warn = 10\nmigrate = 20", "warn = 10\nmigrate = 101\naction = \"rebot\"", "unknown-word"),
    ("metric = \"api.p95_ms\"", "metric = \"api.latency\"", "unknown-word"),
    ("metric = \"api.p95_ms\"", "metric = \"error_rate\"", "unknown-word"),
    ("metric = \"api.p95_ms\"\nwarn = 900", "metric = \"cpu.percent\"\nwarn = 101", "out-of-range"),
    ("metric = \"api.p95_ms\"\nwarn = 900", "metric = \"cpu.percent\"\nwarn = 0", "always-trips"),
    ("metric = \"api.p95_ms\"\nwarn = 900", "metric = \"disk.burst_percent\"\nbelow = true\nwarn = 20", "no-metric"),
    ("for = \"11m\"\naction = \"restart\"", "for = \"11m\"\nhost = \"old\"", "no-metric"),
    ("for = \"15m\"", "for = \"2m\"", "short-period"),
    ("all = [\n", "warn = 3\nall = [\n", "mixed-conditions"),
    ("all = [\n", "any = [{ metric = \"cpu.percent\", warn = 71 }]\nall = [\n", "mixed-conditions"),
    ("{ metric = \"memory.percent\", migrate = 91 }", "{ metric = \"memory.percent\" }", "no-limit"),
    ("{ metric = \"memory.percent\", migrate = 91 }", "{ metric = \"memory.percent\", warn = 91 }", "never-trips"),
    ("{ metric = \"memory.percent\", migrate = 91 }", "{ metric = \"disk.used_percent\", migrate = 91 }", "duplicate"),
    (
        "{ metric = \"memory.percent\", migrate = 91 }",
        "{ metric = \"disk.used_percent\", below = true, migrate = 30 }",
        "never-trips",
    ),
    (
        "{ metric = \"memory.percent\", migrate = 91 }",
        "{ metric = \"memory.percent\", migrate = \"91\" }",
        "wrong-type",
    ),
    (
        "{ metric = \"memory.percent\", migrate = 91 }",
        "{ metric = \"memory.percent\", migrate = 91, limit = 91 }",
        "unknown-key",
    ),
    ("action = \"migrate\"", "action = \"resize\"\nhost = \"old\"", "no-action"),
    // Migration and backup.
    ("mode = \"online\"", "mode = \"on-line\"", "unknown-word"),
    ("mode = \"online\"", "offline = true", "unknown-key"),
    ("cutover = \"at 02:30\"", "cutover = \"02:30\"", "invalid-value"),
    ("cutover = \"at 02:30\"", "cutover = \"at 2026-11-22T02:30:00\"", "invalid-value"),
    ("cutover = \"at 02:30\"", "cutover = 230", "wrong-type"),
    ("max_rate = \"20MB/s\"", "max_rate = \"20 MB/s\"", "invalid-value"),
    ("max_rate = \"20MB/s\"", "max_rate = 20", "wrong-type"),
    ("accept = [\"no-replica-identity\"", "accept = [\"No Replica Identity\"", "invalid-value"),
    ("\"unlogged\"]", "\"no-replica-identity\"]", "duplicate"),
    ("storage_gb = 200", "storage_gb = 40", "rds-room"),
    ("full = \"daily 02:00\"", "full = \"hourly\"", "schedule"),
    ("incremental = \"hourly\"", "incremental = \"daily 03:00\"", "schedule"),
    ("incremental = \"hourly\"", "incremental = \"every 10s\"", "schedule"),
    ("keep = \"7d\"", "keep = \"12h\"", "keep"),
    ("to = \"s3://acme-backups\"", "to = \"/srv/pgdata/backups\"", "backup-on-disk"),
];
