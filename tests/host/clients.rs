//! Clients of a database are started again by themselves: one that has done its work is well, one that dies is named with what it said;
//! and whom they are connected to is seen from outside.

use std::net::SocketAddr;
use std::time::Duration;

use infra::host::{DatabaseLocation, Progress};

use crate::bundle::TestBundle;
use crate::machine::{Machine, site_without_disk};

const CLIENTS: &str = r#"
  job:
    image: "infra-host-test/${APP:?}:${INFRA_TAG:-dev}"
    command: [ "sh", "-c", "exit 0" ]
    healthcheck: { disable: true }
  beside:
    image: "infra-host-test/${APP:?}:${INFRA_TAG:-dev}"
    healthcheck: { disable: true }
    command: [ "perl", "-MSocket", "-e", "socket(S, PF_INET, SOCK_STREAM, 0); bind(S, sockaddr_in(5432, INADDR_ANY)); listen(S, 5); sleep 100000" ]
  connected:
    image: "infra-host-test/${APP:?}:${INFRA_TAG:-dev}"
    healthcheck: { disable: true }
    command: [ "bash", "-c", "until exec 3<>/dev/tcp/beside/5432; do sleep 0.1; done; exec sleep 100000" ]
  reader:
    image: "infra-host-test/${APP:?}:${INFRA_TAG:-dev}"
    env_file: [ { path: "${INFRA_DATABASE}/password.env", required: false } ]
    volumes: [ "./etc:/etc/app:ro" ]
    healthcheck: { disable: true }
    command: [ "sh", "-c", "test ! -f /etc/app/closed || { echo cannot log in; exit 3; }; exec sleep 100000" ]
"#;
const PRINTABLE: &str =
    " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";
const PATIENCE: Duration = Duration::from_secs(20);

fn elsewhere() -> DatabaseLocation {
    DatabaseLocation {
        host: "db.example".into(),
        port: 5432,
        name: "app".into(),
        user: "app".into(),
        password: ("DB_PASSWORD".into(), PRINTABLE.to_owned().into()),
        ca: None,
    }
}

#[tokio::test]
async fn clients_that_do_not_come_up_are_named_with_what_they_said() {
    let machine = Machine::boot("clients");
    let session = machine.connect().await;
    session.wait_prepared(Duration::from_secs(60)).await.unwrap();
    let site = site_without_disk();
    let bundle = TestBundle::new(site.clone(), "test -f /etc/app/ok");
    bundle.write("compose.yaml", &format!("{}{CLIENTS}", bundle.read("compose.yaml").trim_end()));
    let (spec, images) = bundle.release().await;
    let lock = session.lock("ada@desk", "deploy").await.unwrap();
    session.push_images(&images, &Progress::none()).await.unwrap();
    session.deploy(&lock, &spec, &Progress::none()).await.unwrap();
    lock.release().await;

    let found = session.connections(&site, &["app", "connected", "job"].map(str::to_owned), "beside").await.unwrap();
    let [beside] = found.beside.iter().copied().collect::<Vec<_>>()[..] else { panic!("{found:?}") };
    assert_eq!(found.peers.keys().collect::<Vec<_>>(), ["app", "connected"], "a job that has ended is not there");
    assert!(found.peers["connected"].contains(&SocketAddr::new(beside, 5432)), "{found:?}");
    assert!(found.peers["app"].is_empty(), "{found:?}");

    let clients = ["app", "job", "reader"].map(str::to_owned);
    session.stop_clients(&site, &clients).await.unwrap();
    session.serve_clients(&site, &clients, PATIENCE).await.unwrap();
    assert_eq!(machine.shell("docker inspect --format '{{.State.Running}}' phase1-reader-1"), "true");

    session.stop_clients(&site, &clients).await.unwrap();
    session.point_clients(&site, Some(&elsewhere())).await.unwrap();
    session.serve_clients(&site, &clients, PATIENCE).await.unwrap();
    let printed = machine.shell("docker exec phase1-reader-1 sh -c 'printf \"<%s>\" \"$DB_PASSWORD\"'");
    assert_eq!(printed, format!("<{PRINTABLE}>"));

    session.stop_clients(&site, &clients).await.unwrap();
    machine.shell("touch /var/lib/infra/state/current/etc/closed");
    let error = session.serve_clients(&site, &clients, PATIENCE).await.unwrap_err().to_string();
    assert!(error.contains("--- reader, last lines of its log") && error.contains("cannot log in"), "{error}");
    assert!(!error.contains("--- job") && !error.contains("--- app"), "{error}");
}
