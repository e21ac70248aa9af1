//! Pushing images without a registry: only missing layers travel, and what arrives is what was sent.

use infra::host::Progress;

use crate::bundle::TestBundle;
use crate::machine::{Machine, site_without_disk};

#[tokio::test]
async fn of_a_changed_image_one_layer_travels() {
    let machine = Machine::boot("images");
    let session = machine.connect().await;
    session.wait_prepared(std::time::Duration::from_secs(60)).await.unwrap();
    let bundle = TestBundle::new(site_without_disk(), "echo one");
    let (_, first) = bundle.release().await;
    let report = session.push_images(&first, &Progress::none()).await.unwrap();
    assert_eq!((report.layers, report.layers_sent), (3, 3));
    assert!(report.bytes_sent > 1 << 20, "{report:?}");

    bundle.program("echo two");
    let (_, second) = bundle.release().await;
    assert_ne!(first[0].reference, second[0].reference);
    let report = session.push_images(&second, &Progress::none()).await.unwrap();
    assert_eq!((report.layers, report.layers_sent), (3, 1));
    assert!(report.bytes_sent < 64 << 10, "{report:?}");
    let output = machine.shell(&format!("docker run --rm {} sh /program", second[0].reference));
    assert_eq!(output, "two");
    assert_eq!(
        machine.shell(&format!("docker image inspect --format '{{{{.Id}}}}' {}", second[0].reference)),
        second[0].id
    );

    let report = session.push_images(&[first, second].concat(), &Progress::none()).await.unwrap();
    assert_eq!((report.layers_sent, report.bytes_sent), (0, 0));
}
