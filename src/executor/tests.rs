//! Runs of real steps against a cloud in memory that fails.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use super::{LiveRunner, Outcome, Policy, StepError, run};
use crate::cloud::fake::{FakeCloud, Fault, World};
use crate::cloud::{Cloud, CloudErrorKind, Clouds};
use crate::graph::fixture::{ec2, vault};
use crate::inventory::CloudKind;
use crate::journal::{Entry, Journal};
use crate::steps::Step;
use crate::steps::tests::planned;

/// As the real one, a hundred times as fast.
const POLICY: Policy = Policy {
    step_timeout: Some(Duration::from_secs(20)),
    poll_start: Duration::from_millis(1),
    poll_max: Duration::from_millis(5),
    backoff_start: Duration::from_millis(1),
    backoff_max: Duration::from_millis(5),
};

struct Ran {
    outcome: Outcome,
    world: World,
    journal: Vec<Entry>,
}

async fn run_with(
    world: World,
    fault: impl Fn(usize) -> Fault + Send + Sync + 'static,
    stop: CancellationToken,
) -> Ran {
    run_at(CloudKind::Lightsail, world, fault, stop).await
}

async fn run_at(
    at: CloudKind,
    world: World,
    fault: impl Fn(usize) -> Fault + Send + Sync + 'static,
    stop: CancellationToken,
) -> Ran {
    let (graph, cloud) = match at {
        CloudKind::Lightsail => (vault(&[]), FakeCloud::new(world, fault)),
        CloudKind::Ec2 => (ec2(&[]), FakeCloud::ec2(world, fault)),
    };
    let steps: Vec<Step> = planned(&graph, &cloud.world());
    let cloud = Arc::new(cloud);
    let clouds = Clouds::new([(at, cloud.clone() as Arc<dyn Cloud>)]);
    let runner = LiveRunner { cloud: clouds, databases: None, hosts: cloud.clone(), policy: POLICY };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let journal = Journal::open(folder.path(), "run".into()).expect("opens");
    let (events, _listening) = unbounded_channel();
    let outcome = run(&steps, Arc::new(runner), &journal, &events, &stop).await.expect("the journal can be written");
    let journal = crate::journal::read(&folder.path().join("journal.jsonl")).expect("reads");
    Ran { outcome, world: cloud.world(), journal: journal.into_iter().map(|r| r.entry).collect() }
}

async fn run_under(fault: impl Fn(usize) -> Fault + Send + Sync + 'static) -> Ran {
    run_with(World::new(), fault, CancellationToken::new()).await
}

async fn undisturbed() -> World {
    let ran = run_under(|_| Fault::None).await;
    assert!(ran.outcome.is_complete(), "{:?}", ran.outcome);
    ran.world
}

#[tokio::test]
async fn what_passes_is_outlasted_in_one_run() {
    let expected = undisturbed().await.comparable();
    for kind in [CloudErrorKind::Throttled, CloudErrorKind::Transient] {
        for every in 2..5 {
            let before = run_under(move |n| if n % every == 0 { Fault::Before(kind) } else { Fault::None }).await;
            assert!(before.outcome.is_complete(), "{:?}", before.outcome);
            assert_eq!(before.world.comparable(), expected);
        }
    }
    for every in 1..5 {
        let lost = move |n| if n % every == 0 { Fault::After(CloudErrorKind::Transient) } else { Fault::None };
        let after = run_under(lost).await;
        assert!(after.outcome.is_complete(), "{:?}", after.outcome);
        assert_eq!(after.world.comparable(), expected);
    }
}

#[tokio::test]
async fn a_failure_anywhere_stops_the_run_and_the_next_completes_it() {
    let expected = undisturbed().await.comparable();
    for broken in 0..8 {
        let first = run_under(move |n| if n == broken { Fault::Fails } else { Fault::None }).await;
        let [(step, error)] = &first.outcome.failed[..] else { panic!("{:?}", first.outcome) };
        assert!(matches!(error, StepError::Operation { .. }), "{step}: {error}");
        assert!(error.to_string().contains("Broken: a part is missing"), "{error}");
        assert!(!first.outcome.is_complete());
        let second = run_with(first.world, |_| Fault::None, CancellationToken::new()).await;
        assert!(second.outcome.is_complete(), "{:?}", second.outcome);
        assert_eq!(second.world.comparable(), expected, "after {step}");
    }
}

/// The same of EC2: its calls fail, are lost, or fail for good, each of them.
#[tokio::test]
async fn what_passes_at_ec2_is_outlasted_too_and_what_does_not_is_completed_by_the_next_run() {
    let run = |world, fault: Box<dyn Fn(usize) -> Fault + Send + Sync>| {
        run_at(CloudKind::Ec2, world, fault, CancellationToken::new())
    };
    let whole = run(World::new(), Box::new(|_| Fault::None)).await;
    assert!(whole.outcome.is_complete(), "{:?}", whole.outcome);
    let expected = whole.world.comparable();
    for every in 2..5 {
        let throttled = Fault::Before(CloudErrorKind::Throttled);
        let ran = run(World::new(), Box::new(move |n| if n % every == 0 { throttled } else { Fault::None })).await;
        assert!(ran.outcome.is_complete(), "{:?}", ran.outcome);
        assert_eq!(ran.world.comparable(), expected);
        let lost = Fault::After(CloudErrorKind::Transient);
        let ran = run(World::new(), Box::new(move |n| if n % every == 1 { lost } else { Fault::None })).await;
        assert!(ran.outcome.is_complete(), "{:?}", ran.outcome);
        assert_eq!(ran.world.comparable(), expected);
    }
    for broken in 0..12 {
        let first = run(World::new(), Box::new(move |n| if n == broken { Fault::Fails } else { Fault::None })).await;
        assert_eq!(first.outcome.failed.len(), 1, "{broken}: {:?}", first.outcome);
        let second = run(first.world, Box::new(|_| Fault::None)).await;
        assert!(second.outcome.is_complete(), "{:?}", second.outcome);
        assert_eq!(second.world.comparable(), expected, "{broken}");
    }
}

#[tokio::test]
async fn what_is_denied_is_asked_for_once() {
    let ran = run_under(|_| Fault::Before(CloudErrorKind::Denied)).await;
    let begun = ran.journal.iter().filter(|e| matches!(e, Entry::StepStarted { .. })).count();
    assert_eq!(ran.outcome.failed.len(), begun);
    assert_eq!(ran.world.comparable(), World::new().comparable());
}

#[tokio::test]
async fn a_stopped_run_begins_nothing_and_the_next_completes_it() {
    let stop = CancellationToken::new();
    let (trigger, expected) = (stop.clone(), undisturbed().await.comparable());
    let stop_at_third = move |n| {
        if n == 3 {
            trigger.cancel();
        }
        Fault::None
    };
    let first = run_with(World::new(), stop_at_third, stop).await;
    assert!(first.outcome.stopped && first.outcome.failed.is_empty() && !first.outcome.left.is_empty());
    let ended = first.journal.iter().filter(|e| matches!(e, Entry::StepDone { .. })).count();
    let begun = first.journal.iter().filter(|e| matches!(e, Entry::StepStarted { .. })).count();
    assert_eq!(begun, ended, "what had begun was seen to its end");
    let second = run_with(first.world, |_| Fault::None, CancellationToken::new()).await;
    assert_eq!(second.world.comparable(), expected);
}
