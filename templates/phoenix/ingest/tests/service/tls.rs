//! HTTPS to clients, and verified TLS to the database.

use crate::support::{Postgres, Service, eventually, free_port, trace};
use phoenix_tls::Certificate;
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::Command;

#[tokio::test]
async fn serves_https_and_checks_its_own_health() {
    let postgres = Postgres::start();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (cert, key, listen) = (path("cert.pem"), path("key.pem"), format!("127.0.0.1:{}", free_port()));
    let tls = [("TLS_CERT", &*cert), ("TLS_KEY", &*key), ("TLS_NAMES", "localhost,127.0.0.1"), ("LISTEN", &*listen)];
    let _service = Service::start(&postgres, &tls).await;
    let healthcheck = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ingest"));
        command.arg("healthcheck").env_clear().env("LISTEN", &listen).status().unwrap().success()
    };
    assert!(healthcheck());
    postgres.stop();
    eventually("the health check to fail", async || !healthcheck()).await;
    assert_eq!(std::fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
}

/// A server with a certificate for `name`, which PostgreSQL accepts to read.
fn postgres_with_certificate(name: &str) -> (Postgres, String) {
    let postgres = Postgres::start();
    let (cert, key) = (postgres.data().join("server.crt"), postgres.data().join("server.key"));
    Certificate { cert: cert.clone(), key: key.clone(), names: vec![name.to_owned()] }.ensure().unwrap();
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(postgres.data()).unwrap());
    for file in [&cert, &key] {
        chown(file, Some(owner), None).unwrap();
    }
    postgres.stop();
    let settings = postgres.data().join("postgresql.conf");
    std::fs::write(&settings, std::fs::read_to_string(&settings).unwrap() + "\nssl = on\n").unwrap();
    // Only TLS gets in.
    std::fs::write(postgres.data().join("pg_hba.conf"), "hostssl all all 127.0.0.1/32 trust\n").unwrap();
    postgres.boot();
    (postgres, cert.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn verifies_the_database() {
    let (postgres, roots) = postgres_with_certificate("127.0.0.1");
    let verified = [("PGSSLMODE", "verify-full"), ("PGSSLROOTCERT", &*roots)];
    let service = Service::start(&postgres, &verified).await;
    assert_eq!(service.send(format!("[{}]", trace("{}"))).await.status, 200);
    let plain = Service::spawn(free_port(), &postgres, &[]);
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(plain.get("/healthz").await, 503, "the server lets only TLS in");
}

#[tokio::test]
async fn refuses_a_database_with_another_name() {
    let (postgres, roots) = postgres_with_certificate("db.example");
    let verified = [("PGSSLMODE", "verify-full"), ("PGSSLROOTCERT", &*roots)];
    let service = Service::spawn(free_port(), &postgres, &verified);
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(service.get("/healthz").await, 503);
}
