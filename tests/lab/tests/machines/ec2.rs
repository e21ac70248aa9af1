//! An instance of EC2 that is a real host: SSH with keys from its console, metadata, volumes, addresses, security groups.

use std::net::TcpListener;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use lab::machines::{ContainerMachines, Machines};
use lab::ministack::MiniStack;
use lab::{Gateway, Options};
use tokio::process::Command;

use crate::fixture::keygen;

#[tokio::test]
async fn a_host_of_ec2_lives_as_one_of_the_cloud() {
    let folder = tempfile::tempdir().unwrap();
    keygen(&folder.path().join("id")).await;
    let state = folder.path().join("lab");
    let machines = Arc::new(ContainerMachines::open(state.clone()).await.unwrap());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ministack = MiniStack::start(&state, port, false).await.unwrap();
    wait_for(&ministack.url()).await;
    let options = Options {
        machines: Arc::clone(&machines) as Arc<dyn Machines>,
        ministack: Some(ministack.url()),
        ..Options::new(&state)
    };
    let gateway = Gateway::start(options).await.unwrap();
    let outcome = AssertUnwindSafe(live(&gateway.url, folder.path())).catch_unwind().await;
    drop(gateway);
    machines.remove_all().await.unwrap();
    ministack.stop().await;
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

async fn wait_for(url: &str) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for _ in 0..300 {
        if client.get(format!("{url}/_ministack/health")).send().await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("MiniStack does not answer");
}

async fn live(url: &str, folder: &std::path::Path) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/machines/ec2.py");
    let output = Command::new(lab::paths::venv().join("bin/python"))
        .args([script, url])
        .arg(folder)
        .env("AWS_CONFIG_FILE", "/nonexistent")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        .env("NO_PROXY", "*")
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let violations = client.get(format!("{url}/_lab/violations")).send().await.unwrap().text().await.unwrap();
    assert!(violations.contains("\"response_count\":0"), "{violations}");
}
