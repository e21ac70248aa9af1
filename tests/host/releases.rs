//! Releases on a real host: healthy, broken, rolled back, cut off in the middle.

use std::time::Duration;

use infra::host::{Aftermath, HostError, LogOptions, Progress, Session};
use infra::inventory::host_facts::ReleaseState;

use crate::bundle::TestBundle;
use crate::machine::{CommandLines, Machine, site_without_disk};

const STATE: &str = "/var/lib/infra/state";

async fn deploy(session: &Session, bundle: &TestBundle) -> Result<(u32, bool), HostError> {
    let (spec, images) = bundle.release().await;
    let lock = session.lock("ada@desk", "deploy").await?;
    session.push_images(&images, &Progress::none()).await?;
    let deployed = session.deploy(&lock, &spec, &Progress::none()).await;
    lock.release().await;
    deployed.map(|deployed| (deployed.release, deployed.uploaded))
}

fn app(machine: &Machine, command: &str) -> String {
    machine.shell(&format!("docker exec phase1-app-1 sh -c '{command}'"))
}

#[tokio::test]
async fn a_broken_release_leaves_the_old_one_serving() {
    let machine = Machine::boot("release");
    let session = machine.connect().await;
    session.wait_prepared(Duration::from_secs(60)).await.unwrap();
    let site = site_without_disk();
    let bundle = TestBundle::new(site.clone(), "test -f /etc/app/ok");

    let command_lines = CommandLines::sample();
    assert_eq!(deploy(&session, &bundle).await.unwrap(), (1, true));
    let command_lines = command_lines.stop();
    assert_eq!(app(&machine, "echo $RELEASE $GREETING"), format!("1 {}", bundle.greeting));
    let password = machine.shell(&format!("cat {STATE}/secrets/APP_PASSWORD"));
    assert!(password.len() >= 43, "{password}");
    assert!(
        command_lines.contains("docker compose") && command_lines.contains("docker build"),
        "too little was sampled"
    );
    assert!(!command_lines.contains(&password), "a secret was an argument of a program");
    assert!(!command_lines.contains("$5 \"or\""), "a variable of the plan was an argument of a program");
    assert_eq!(app(&machine, "echo $APP_PASSWORD"), password);
    let modes =
        machine.shell(&format!("stat -c '%a %U' {STATE}/secrets {STATE}/secrets/* {STATE}/current/.env | sort -u"));
    assert_eq!(modes, "600 root\n700 root");
    assert_eq!(deploy(&session, &bundle).await.unwrap(), (1, false), "the same again is no new release");

    bundle.program("echo cannot find the door; exit 1");
    let error = deploy(&session, &bundle).await.unwrap_err();
    let HostError::Unhealthy { release: 2, aftermath: Aftermath::RolledBack(1), report, .. } = &error else {
        panic!("{error}")
    };
    assert!(report.contains("cannot find the door") && report.contains("started release 2"), "{report}");
    assert_eq!(app(&machine, "echo $RELEASE"), "1");

    bundle.program("test -f /etc/app/ok # third");
    assert_eq!(deploy(&session, &bundle).await.unwrap(), (3, true));
    let facts = session.facts(&site).await.unwrap();
    let states: Vec<_> = facts.releases.iter().map(|release| (release.number, release.state)).collect();
    assert_eq!(states, [(1, ReleaseState::Healthy), (2, ReleaseState::Failed), (3, ReleaseState::Healthy)]);
    assert_eq!(facts.current_release, Some(3));
    let service = &facts.services[0];
    assert_eq!((service.service.as_str(), service.health.as_deref()), ("app", Some("healthy")));
    assert!(service.memory_bytes.is_some() && service.restarts == Some(0), "{service:?}");

    // An image that cannot be had: known before anything stops.
    let compose = bundle.read("compose.yaml");
    bundle.write("compose.yaml", &format!("{compose}  extra: {{ image: \"127.0.0.1:1/nothing:1\" }}\n"));
    let error = deploy(&session, &bundle).await.unwrap_err();
    assert!(
        matches!(&error, HostError::NotPulled { release: 4, image, .. } if image.starts_with("127.0.0.1:1")),
        "{error}"
    );
    assert_eq!(app(&machine, "echo $RELEASE"), "3");
    bundle.write("compose.yaml", &compose);

    let lock = session.lock("ada@desk", "rollback").await.unwrap();
    let back =
        session.rollback(&lock, &site, None, "ada@desk", Duration::from_secs(30), &Progress::none()).await.unwrap();
    assert_eq!((back.release, back.from), (1, Some(3)));
    assert_eq!(app(&machine, "echo $RELEASE"), "1");
    let missing = session.rollback(&lock, &site, Some(2), "ada@desk", Duration::from_secs(30), &Progress::none()).await;
    assert!(matches!(missing, Err(HostError::NoRelease { available, .. }) if available == [3]));
    lock.release().await;

    assert_eq!(machine.shell(&format!("cat {STATE}/secrets/APP_PASSWORD")), password, "a secret is made once");
    let audit = machine.shell(&format!("cat {STATE}/audit.log"));
    let results: Vec<String> = audit
        .lines()
        .map(|line| {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            format!("{} {} {}", entry["verb"].as_str().unwrap(), entry["release"], entry["result"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        results,
        [
            "deploy 1 healthy",
            "deploy 1 healthy",
            "deploy 2 rolled-back",
            "deploy 3 healthy",
            "deploy 4 not-pulled",
            "rollback 1 healthy"
        ]
    );
    assert!(!machine.shell(&format!("cat {STATE}/audit.log {STATE}/releases/*/deploy.log")).contains(&password));

    let mut logs = Vec::new();
    session.logs(&site, &LogOptions { tail: Some(10), ..LogOptions::default() }, &mut logs).await.unwrap();
    assert!(String::from_utf8(logs).unwrap().contains("started release 1"));
    session.stop_bundle(&site).await.unwrap();
    assert_eq!(session.facts(&site).await.unwrap().services[0].state, "exited");
}

#[tokio::test]
async fn a_deployment_cut_off_anywhere_ends_as_an_undisturbed_one() {
    let machine = Machine::boot("release-cut");
    let site = site_without_disk();
    let session = machine.connect().await;
    session.wait_prepared(Duration::from_secs(60)).await.unwrap();
    let mut bundle = TestBundle::new(site.clone(), "exit 1");
    let error = deploy(&session, &bundle).await.unwrap_err();
    assert!(matches!(error, HostError::Unhealthy { release: 1, aftermath: Aftermath::Stopped, .. }), "{error}");

    bundle.program("test -f /etc/app/ok");
    bundle.write("etc/ok", "second");
    let (spec, images) = bundle.release().await;
    session.push_images(&images, &Progress::none()).await.unwrap();
    for cut_after in [100, 700, 1500, 3000] {
        let session = machine.connect().await;
        let lock = session.lock("ada@desk", "deploy").await.unwrap();
        let cut = async {
            tokio::time::sleep(Duration::from_millis(cut_after)).await;
            machine.shell("pkill -f '[s]shd.*ubuntu' || true");
        };
        let quiet = Progress::none();
        let (result, ()) = tokio::join!(session.deploy(&lock, &spec, &quiet), cut);
        if let Err(error) = result {
            assert!(matches!(error, HostError::ConnectionLost { .. } | HostError::LockLost { .. }), "{error}");
        }
    }
    let session = machine.connect().await;
    assert_eq!(deploy(&session, &bundle).await.unwrap(), (2, false));
    let facts = session.facts(&site).await.unwrap();
    assert_eq!(facts.releases.iter().map(|release| release.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((facts.current_release, facts.services.len()), (Some(2), 1));
    assert_eq!(machine.shell(&format!("ls {STATE}/releases")), "1\n2");

    let takeovers = machine.shell(&format!("grep -c 'take over the lock' {STATE}/audit.log"));
    assert_ne!(takeovers, "0", "a dead holder's lock is taken over, and that is noted");

    // Old releases go, and images that no other release uses.
    let images = || machine.shell("docker image ls --format '{{.Repository}}:{{.Tag}}'");
    bundle.program("true");
    for number in 3..=8 {
        bundle.greeting = format!("greeting {number}");
        assert_eq!(deploy(&session, &bundle).await.unwrap(), (number, true));
    }
    assert_eq!(machine.shell(&format!("ls {STATE}/releases | xargs")), "4 5 6 7 8");
    let kept = session.releases(&site).await.unwrap().pop().unwrap().images[0].reference.clone();
    assert_eq!(images(), kept, "of three images that were pushed, two belong to no release any more");
}

/// One-shot services by how they end, and by whether they are to be started again.
#[tokio::test]
async fn a_service_that_ends_is_done_or_has_failed() {
    let machine = Machine::boot("once");
    let session = machine.connect().await;
    session.wait_prepared(Duration::from_secs(60)).await.unwrap();
    let bundle = TestBundle::new(site_without_disk(), "test -f /etc/app/ok");
    let compose = bundle.read("compose.yaml");
    let with = |once: &str| {
        let once = format!("  once: {{ image: \"infra-host-test/${{APP:?}}:${{INFRA_TAG:-dev}}\", {once} }}\n");
        bundle.write("compose.yaml", &format!("{compose}{once}"));
    };
    assert!(deploy(&session, &bundle).await.is_ok());
    for well in [
        "command: [\"true\"]",
        "command: [sleep, \"0.3\"], restart: \"no\"",
        "command: [\"true\"], restart: on-failure",
        "command: [\"true\"], depends_on: { app: { condition: service_healthy } }",
    ] {
        with(well);
        let deployed = deploy(&session, &bundle).await;
        assert!(deployed.is_ok(), "{well}: {deployed:?}");
        let facts = session.facts(&bundle.site).await.unwrap();
        assert!(facts.services.len() == 2 && facts.services.iter().all(|s| s.is_serving()), "{well}: {facts:?}");
    }
    for ailing in [
        "command: [sh, -c, \"echo no way; exit 3\"]",
        "command: [sh, -c, \"echo no way; exit 3\"], restart: \"on-failure:2\"",
        "command: [sh, -c, \"echo no way; exit 3\"], restart: always",
    ] {
        with(ailing);
        let error = deploy(&session, &bundle).await.unwrap_err();
        let HostError::Unhealthy { aftermath: Aftermath::RolledBack(_), report, .. } = &error else {
            panic!("{ailing}: {error}")
        };
        assert!(report.contains("no way"), "{ailing}: {report}");
    }
    // Whoever waits for it does not start.
    with("command: [sh, -c, \"echo no way; exit 3\"]");
    let waiting = bundle
        .read("compose.yaml")
        .replace("init: true", "init: true\n    depends_on: { once: { condition: service_completed_successfully } }");
    bundle.write("compose.yaml", &waiting);
    let error = deploy(&session, &bundle).await.unwrap_err();
    assert!(matches!(&error, HostError::Unhealthy { report, .. } if report.contains("no way")), "{error}");
}

/// As after a switch without the old server, whose dead service the bundle still has.
#[tokio::test]
async fn where_going_back_fails_too_whoever_can_run_does() {
    let machine = Machine::boot("dead");
    let session = machine.connect().await;
    session.wait_prepared(Duration::from_secs(60)).await.unwrap();
    let bundle = TestBundle::new(site_without_disk(), "test -f /etc/app/ok");
    let waits = "init: true\n    depends_on: { dead: { condition: service_healthy } }";
    let dead = "  dead:\n    image: \"infra-host-test/${APP:?}:${INFRA_TAG:-dev}\"\n    volumes: [ \"/var/lib/dead:/dead:ro\" ]\n    \
                command: [ sh, -c, \"test ! -e /dead/gone && exec sleep 100000\" ]\n    init: true\n    \
                healthcheck: { test: [ CMD, \"true\" ], interval: 500ms }\n";
    bundle.write("compose.yaml", &format!("{}{dead}", bundle.read("compose.yaml").replace("init: true", waits)));
    let deployed = deploy(&session, &bundle).await;
    assert_eq!(deployed.unwrap(), (1, true));

    machine.shell("touch /var/lib/dead/gone; docker kill phase1-dead-1");
    bundle.write("etc/more", "of a second release");
    let error = deploy(&session, &bundle).await.unwrap_err();
    assert!(matches!(&error, HostError::RollbackFailed { release: 2, previous: 1, .. }), "{error}");
    assert_eq!(app(&machine, "echo $RELEASE"), "1", "it serves, although the other one cannot");
    // What is in service is started anew, as infra up does it.
    std::fs::remove_file(bundle.folder.path().join("etc/more")).unwrap();
    machine.shell("docker stop phase1-app-1");
    let error = deploy(&session, &bundle).await.unwrap_err();
    assert!(matches!(&error, HostError::Unhealthy { release: 1, aftermath: Aftermath::Left, .. }), "{error}");
    assert_eq!(app(&machine, "echo $RELEASE"), "1");
}
