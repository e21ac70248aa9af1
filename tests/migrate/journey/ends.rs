//! An old server and a new one as RDS offers it, for many databases, one after the other. Roles belong to a whole server:
//! what a database brought of them goes with it.

use infra::postgres::{Client, Endpoint, Secret, connect};

use crate::servers::{SUPERUSER, Server, run};

/// Who owns the new database: no superuser, but all that RDS lets its master user do.
pub const MASTER: &str = "master";
/// By whom the new server reads changes at the old one. Who is no superuser must subscribe with a password.
pub const READER: &str = "infra_replication";
/// All that can be printed.
const PASSWORD: &str =
    " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";

const LIKE_RDS: &str = "CREATE ROLE rds_superuser; CREATE ROLE rds_replication; CREATE ROLE rds_password;
    GRANT pg_monitor, pg_signal_backend, pg_checkpoint, pg_create_subscription, pg_use_reserved_connections, rds_replication,
      rds_password TO rds_superuser WITH ADMIN OPTION;
    GRANT SET ON PARAMETER session_replication_role, log_statement, log_min_duration_statement, track_functions TO rds_superuser;
    CREATE ROLE master LOGIN CREATEROLE CREATEDB REPLICATION;
    GRANT rds_superuser TO master WITH ADMIN OPTION";
const PLENTY: [&str; 4] =
    ["max_worker_processes=16", "max_logical_replication_workers=8", "max_connections=200", "shared_buffers=64MB"];
/// All that a database brought, and nothing that was there before.
const ROLES: &str = "SELECT coalesce(string_agg(format('DROP ROLE %I', rolname), '; '), 'SELECT 1') FROM pg_roles
    WHERE oid >= 16384 AND rolname !~ '^(rds_|master$|postgres$|bootstrap$)'";

/// Who reads from one ends a moment after being told to.
const SLOTS: &str = "DO $$ BEGIN
      FOR attempt IN 1..200 LOOP
        PERFORM pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active;
        BEGIN PERFORM pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active;
        EXCEPTION WHEN object_in_use THEN NULL; END;
        EXIT WHEN NOT EXISTS (SELECT FROM pg_replication_slots);
        PERFORM pg_sleep(0.05);
      END LOOP; END $$";

pub struct Ends {
    pub old: Server,
    pub new: Server,
}

impl Ends {
    /// From 15, or from a server of somebody's that runs (`versions`), to 17.
    pub fn new() -> Self {
        Self::from(Server::running("INFRA_TEST_SOURCE").unwrap_or_else(|| Server::v15_with(&PLENTY)))
    }

    pub fn from(old: Server) -> Self {
        let log = ["logging_collector=on", "log_directory=log"];
        let ends = Self { old, new: Server::rds_with(&[&PLENTY[..], &log].concat()) };
        ends.new.psql(SUPERUSER, LIKE_RDS);
        // The rest of the file trusts everybody.
        let file = ends.old.psql(SUPERUSER, "SHOW hba_file");
        let rules = format!(
            "COPY (SELECT unnest(ARRAY['host all {READER} 127.0.0.1/32 scram-sha-256', 'host all all 127.0.0.1/32 trust',
             'host replication all 127.0.0.1/32 trust'])) TO '{file}'; SELECT pg_reload_conf()"
        );
        ends.old.psql(SUPERUSER, &rules);
        ends
    }

    /// A database of these statements, each for itself: what the server refused comes back.
    pub fn make(&self, database: &str, sql: &str) -> Vec<String> {
        self.old.psql(SUPERUSER, &format!("CREATE DATABASE {database} TEMPLATE template0"));
        self.new.psql(SUPERUSER, &format!("CREATE DATABASE {database} OWNER {MASTER} TEMPLATE template0"));
        let url = self.old.url(database).replace("?sslmode=disable", "");
        let sql = format!("SET client_min_messages = warning;\n{sql}");
        let output =
            run(&self.old.tool("psql", &["-XqAt", "-v", &format!("DBNAME={database}"), "-d", &url]), sql.as_bytes());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        said.lines().filter(|line| line.contains("ERROR:")).map(str::to_owned).collect()
    }

    /// Both ends are as they were before `make`.
    pub fn forget(&self, database: &str) {
        for server in [&self.new, &self.old] {
            drop_subscriptions(server, database);
            server.psql(SUPERUSER, SLOTS);
            server.psql(SUPERUSER, &format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"));
        }
        for server in [&self.new, &self.old] {
            server.psql(SUPERUSER, &server.psql(SUPERUSER, ROLES));
        }
    }

    /// Of either server's log, the newest few.
    pub fn last_errors(&self) -> String {
        let sql = "SELECT string_agg(line, ' | ') FROM (SELECT line FROM regexp_split_to_table(pg_read_file(pg_current_logfile()), '\\n')
            WITH ORDINALITY AS l (line, place) WHERE line ~ 'ERROR|DETAIL|CONTEXT' ORDER BY place DESC LIMIT 3) AS last";
        self.new.psql(SUPERUSER, sql)
    }

    pub async fn at_old(&self, database: &str) -> Client {
        connect(&endpoint(&self.old.url(database)), "infra journey").await.unwrap()
    }

    pub async fn at_new(&self, database: &str) -> Client {
        connect(&self.target(database), "infra journey").await.unwrap()
    }

    pub fn source(&self, database: &str) -> Endpoint {
        endpoint(&self.old.url(database))
    }

    pub fn target(&self, database: &str) -> Endpoint {
        endpoint(&self.new.url_as(MASTER, database))
    }

    /// The old database for the subscription; its role is made, as `prepare` does.
    pub fn for_subscription(&self, database: &str) -> Endpoint {
        let role = format!(
            "SET password_encryption = 'scram-sha-256'; CREATE ROLE {READER} LOGIN REPLICATION BYPASSRLS PASSWORD '{}';
             GRANT pg_read_all_data TO {READER}; GRANT CONNECT ON DATABASE {database} TO {READER}",
            PASSWORD.replace('\'', "''")
        );
        self.old.psql(database, &role);
        Endpoint { password: Secret::new(PASSWORD), ..endpoint(&self.old.url_as(READER, database)) }
    }
}

fn drop_subscriptions(server: &Server, database: &str) {
    let exists = server.psql(SUPERUSER, &format!("SELECT count(*) FROM pg_database WHERE datname = '{database}'"));
    if exists == "0" {
        return;
    }
    let all = "SELECT coalesce(string_agg(format('ALTER SUBSCRIPTION %1$I DISABLE; ALTER SUBSCRIPTION %1$I SET (slot_name = NONE);
        DROP SUBSCRIPTION %1$I', subname), '; '), 'SELECT 1') FROM pg_subscription
        WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
    server.psql(database, &server.psql(database, all));
}

fn endpoint(url: &str) -> Endpoint {
    Endpoint::parse(url).unwrap()
}
