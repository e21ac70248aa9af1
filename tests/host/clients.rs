//! Clients of a database are started again by themselves: one that has done its work is well, one that dies is named with what it said.

use std::time::Duration;

use infra::host::Progress;

use crate::bundle::TestBundle;
use crate::machine::{Machine, site_without_disk};

const CLIENTS: &str = r#"
  job:
    image: "infra-host-test/${APP:?}:${INFRA_TAG:-dev}"
    command: [ "sh", "-c", "exit 0" ]
    healthcheck: { disable: true }
  reader:
    image: "infra-host-test/${APP:?}:${INFRA_TAG:-dev}"
    volumes: [ "./etc:/etc/app:ro" ]
    healthcheck: { disable: true }
    command: [ "sh", "-c", "test ! -f /etc/app/closed || { echo cannot log in; exit 3; }; exec sleep 100000" ]
"#;
const PATIENCE: Duration = Duration::from_secs(20);

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

    let clients = ["app", "job", "reader"].map(str::to_owned);
    session.stop_clients(&site, &clients).await.unwrap();
    session.serve_clients(&site, &clients, PATIENCE).await.unwrap();
    assert_eq!(machine.shell("docker inspect --format '{{.State.Running}}' phase1-reader-1"), "true");

    session.stop_clients(&site, &clients).await.unwrap();
    machine.shell("touch /var/lib/infra/state/current/etc/closed");
    let error = session.serve_clients(&site, &clients, PATIENCE).await.unwrap_err().to_string();
    assert!(error.contains("--- reader, last lines of its log") && error.contains("cannot log in"), "{error}");
    assert!(!error.contains("--- job") && !error.contains("--- app"), "{error}");
}
