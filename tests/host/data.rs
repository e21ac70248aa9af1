//! What must not be lost: releases and secrets whatever becomes of the plan's disks, what a mount would hide, what lies on the
//! root disk of a host that is replaced.

use std::time::Duration;

use infra::host::{DiskSpec, Progress, Session, Site};
use infra::inventory::{HostFacts, RootData, RootDataKind};

use crate::bundle::TestBundle;
use crate::machine::{Machine, site_with_disk, site_without_disk};

fn site(disks: &[(&str, &str, u32)]) -> Site {
    let disks = disks.iter().map(|(name, mount, size_gb)| DiskSpec {
        disk: name.parse().unwrap(),
        size_gb: *size_gb,
        mount: (*mount).to_owned(),
        cloud_path: None,
        serial: None,
    });
    Site::new("phase1".parse().unwrap(), "vault".parse().unwrap(), disks.collect())
}

/// Deploys to a site and returns the secret that the service has, and what the host then says of itself.
async fn deployed(machine: &Machine, session: &Session, bundle: &mut TestBundle, site: &Site) -> (String, HostFacts) {
    bundle.site = site.clone();
    let (spec, images) = bundle.release().await;
    let lock = session.lock("ada@desk", "deploy").await.unwrap();
    session.push_images(&images, &Progress::none()).await.unwrap();
    session.deploy(&lock, &spec, &Progress::none()).await.unwrap();
    lock.release().await;
    let secret = machine.shell("docker exec phase1-app-1 sh -c 'echo $APP_PASSWORD'");
    (secret, session.facts(site).await.unwrap())
}

#[tokio::test]
async fn releases_and_secrets_survive_every_change_of_the_disks() {
    let mut machine = Machine::boot("state");
    let session = machine.connect().await;
    session.wait_prepared(Duration::from_secs(60)).await.unwrap();
    let mut bundle = TestBundle::new(site_without_disk(), "test -f /etc/app/ok");
    let (secret, facts) = deployed(&machine, &session, &mut bundle, &site_without_disk()).await;
    assert_eq!(facts.state_home.as_deref(), Some("/var/lib/infra/on-root"));

    // The first disk: they move there with the next release.
    machine.attach(1, None);
    let zeta = site(&[("zeta", "/srv/zeta", 1)]);
    session.ensure_disk(&zeta, &zeta.disks[0], true).await.unwrap();
    assert_eq!(session.facts(&zeta).await.unwrap().current_release, Some(1), "known before they move");
    let (same, facts) = deployed(&machine, &session, &mut bundle, &zeta).await;
    assert_eq!((same.as_str(), facts.state_home.as_deref()), (secret.as_str(), Some("/srv/zeta/.infra")));

    // One that comes before it changes nothing.
    machine.attach(2, None);
    let both = site(&[("alpha", "/srv/alpha", 2), ("zeta", "/srv/zeta", 1)]);
    session.ensure_disk(&both, &both.disks[0], true).await.unwrap();
    let (same, facts) = deployed(&machine, &session, &mut bundle, &both).await;
    assert_eq!((same.as_str(), facts.state_home.as_deref()), (secret.as_str(), Some("/srv/zeta/.infra")));

    // Theirs is taken out of the plan.
    let alpha = site(&[("alpha", "/srv/alpha", 2)]);
    let (same, facts) = deployed(&machine, &session, &mut bundle, &alpha).await;
    assert_eq!((same.as_str(), facts.state_home.as_deref()), (secret.as_str(), Some("/srv/alpha/.infra")));
    assert_eq!(facts.releases.iter().map(|release| release.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let lock = session.lock("ada@desk", "rollback").await.unwrap();
    let back = session.rollback(&lock, &alpha, Some(1), "ada@desk", Duration::from_secs(30), &Progress::none()).await;
    lock.release().await;
    assert_eq!(back.unwrap().release, 1, "a release that was made when they were on the root disk");

    // It is renamed; and the root disk is another, as after a replacement.
    session.rename_disk(&alpha, "/srv/alpha", "alpha", "beta").await.unwrap();
    session.rename_disk(&alpha, "/srv/alpha", "alpha", "beta").await.unwrap();
    machine.shell("rm /var/lib/infra/state");
    let beta = site(&[("beta", "/srv/alpha", 2)]);
    assert!(!session.ensure_disk(&beta, &beta.disks[0], false).await.unwrap().formatted);
    let facts = session.facts(&beta).await.unwrap();
    assert!(facts.disks[0].marked && facts.disks[0].holder.as_deref() == Some("beta"), "{facts:?}");
    assert_eq!((facts.state_home.as_deref(), facts.current_release), (Some("/srv/alpha/.infra"), Some(1)));
    assert_eq!(deployed(&machine, &session, &mut bundle, &beta).await.0, secret);

    // Two that claim to be it: nobody chooses.
    machine.shell("rm /var/lib/infra/state; cp -a /srv/alpha/.infra /srv/zeta/.infra");
    let error = session.facts(&beta).await.unwrap_err().to_string();
    assert!(error.contains("in several places") && error.contains("/srv/zeta/.infra"), "{error}");
}

#[tokio::test]
async fn a_mount_covers_no_directory_that_holds_something() {
    let mut machine = Machine::boot("cover");
    let session = machine.connect().await;
    let site = site_with_disk(1, None);
    machine.attach(1, None);
    machine.shell("mkdir -p /srv/pgdata; echo precious > /srv/pgdata/row");
    assert_eq!(session.facts(&site).await.unwrap().disks[0].covers, Some(1));
    let error = session.ensure_disk(&site, &site.disks[0], true).await.unwrap_err().to_string();
    assert!(error.contains("/srv/pgdata on the root disk is not empty"), "{error}");
    assert_eq!(machine.shell("cat /srv/pgdata/row"), "precious");
    machine.shell("mv /srv/pgdata /srv/pgdata.before");
    assert!(session.ensure_disk(&site, &site.disks[0], true).await.unwrap().mounted);
    assert_eq!(session.facts(&site).await.unwrap().disks[0].covers, None);
}

#[tokio::test]
async fn what_lies_on_the_root_disk_is_carried_to_the_next() {
    let (old, new) = (Machine::boot("carry-old"), Machine::boot("carry-new"));
    let (from, to) = (old.connect().await, new.connect().await);
    from.wait_prepared(Duration::from_secs(60)).await.unwrap();
    to.wait_prepared(Duration::from_secs(60)).await.unwrap();
    let site = site_without_disk();
    old.shell(
        "docker volume create --label com.docker.compose.volume=kept kept >/dev/null; docker volume create empty >/dev/null
         docker volume create >/dev/null; anonymous=$(docker volume ls -q | grep -xE '[0-9a-f]{64}')
         echo lost > \"$(docker volume inspect -f '{{.Mountpoint}}' \"$anonymous\")/row\"
         docker volume create --opt type=tmpfs --opt device=tmpfs odd >/dev/null
         cd \"$(docker volume inspect -f '{{.Mountpoint}}' kept)\"; mkdir 'a b'; echo precious > 'a b/row'; ln -s 'a b/row' link
         chown -R 999:998 'a b'; chmod 4750 'a b'; truncate -s 64M hole; mkfifo pipe; setfattr -n user.x -v y hole || true
         mkdir -p /srv/up/deep /var/lib/infra/on-root/secrets; echo row > /srv/up/deep/file; echo s3cret > /var/lib/infra/on-root/secrets/A",
    );
    let facts = from.facts(&site).await.unwrap();
    assert_eq!(facts.state_home.as_deref(), Some("/var/lib/infra/on-root"));
    let mut found = facts.root_data.unwrap();
    found.sort();
    let kinds: Vec<_> = found.iter().map(|item| item.kind).collect();
    assert_eq!(kinds, [RootDataKind::Volume, RootDataKind::AnonymousVolume, RootDataKind::Opaque], "{found:?}");

    let data = [found.remove(0), RootData { kind: RootDataKind::Folder, name: "/srv/up".into() }];
    to.carry(&from, &site, &data, true, &Progress::none()).await.unwrap();
    let look = "cd \"$(docker volume inspect -f '{{.Mountpoint}}' kept)\"
         cat link; stat -c '%a %u %g' 'a b'; stat -c '%s' hole; test -p pipe && echo pipe
         docker volume inspect -f '{{index .Labels \"com.docker.compose.volume\"}}' kept
         cat /srv/up/deep/file /var/lib/infra/state/secrets/A; du -k hole | cut -f 1";
    let carried = new.shell(look);
    assert!(carried.starts_with("precious\n4750 999 998\n67108864\npipe\nkept\nrow\ns3cret\n"), "{carried}");
    let blocks: u64 = carried.lines().last().unwrap().parse().unwrap();
    assert!(blocks < 1024, "a hole stays one: {blocks} KiB");

    // Cut off, it begins anew; what somebody else has put there is not touched.
    new.shell("echo half > \"$(docker volume inspect -f '{{.Mountpoint}}' kept)/half\"");
    to.carry(&from, &site, &data, true, &Progress::none()).await.unwrap();
    assert_eq!(new.shell("ls \"$(docker volume inspect -f '{{.Mountpoint}}' kept)\" | grep -c half || true"), "0");
    new.shell("rm -r /var/lib/infra/carrying");
    let error = to.carry(&from, &site, &data, false, &Progress::none()).await.unwrap_err().to_string();
    assert!(error.contains("is not empty"), "{error}");
}
