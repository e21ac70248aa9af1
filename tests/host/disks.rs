//! Disks: real file systems, LVM, partition tables and a PostgreSQL data directory on real block devices.

use futures::future::join_all;
use infra::host::{DiskError, DiskSpec, HostError};

use crate::machine::{Machine, run, site_with_disk};

fn refused(error: HostError) -> DiskError {
    match error {
        HostError::Disk { source, .. } => source,
        other => panic!("not a refusal: {other}"),
    }
}

#[tokio::test]
async fn a_blank_disk_is_formatted_once_and_found_again_everywhere() {
    let mut machine = Machine::boot("disk");
    let session = machine.connect().await;
    let site = site_with_disk(1, Some("/dev/xvdf"));
    let disk = &site.disks[0];

    let error = refused(session.ensure_disk(&site, disk, true).await.unwrap_err());
    assert!(matches!(error, DiskError::NotFound { .. }), "{error}");
    assert!(!session.facts(&site).await.unwrap().state_mounted);

    let device = machine.attach(1, Some("/dev/xvdf"));
    let first = session.ensure_disk(&site, disk, true).await.unwrap();
    assert!(first.formatted && first.mounted && first.device == device, "{first:?}");
    machine.shell("echo precious > /srv/pgdata/row");
    let again = session.ensure_disk(&site, disk, true).await.unwrap();
    assert!(!again.formatted && !again.mounted && !again.grown, "{again:?}");
    let fstab = machine.shell("grep -c /srv/pgdata /etc/fstab; grep /srv/pgdata /etc/fstab");
    assert!(fstab.starts_with("1\nUUID=") && fstab.contains("nofail"), "{fstab}");
    let facts = session.facts(&site).await.unwrap();
    assert!(facts.state_mounted && facts.disks[0].marked, "{facts:?}");
    assert_eq!(facts.disks[0].device_bytes, Some(1 << 30));
    assert!(facts.disks[0].fs_bytes > Some(900 << 20), "{facts:?}");

    // Unmounted, nothing can be written below the mount point; then it comes back larger under another name.
    session.unmount_disk(disk).await.unwrap();
    assert_eq!(machine.shell("cat /etc/fstab | grep -c pgdata || true"), "0");
    let file = machine.detach(&device);
    std::fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(2 << 30).unwrap();
    let device = machine.attach_file(file, None);
    let grown = site_with_disk(2, Some("/dev/xvdf"));
    let outcome = session.ensure_disk(&grown, &grown.disks[0], true).await.unwrap();
    assert!(!outcome.formatted && outcome.mounted && outcome.grown && outcome.device == device, "{outcome:?}");
    assert_eq!(machine.shell("cat /srv/pgdata/row"), "precious");
    let facts = session.facts(&grown).await.unwrap();
    assert!(facts.disks[0].fs_bytes > Some(1900 << 20), "{facts:?}");
}

#[tokio::test]
async fn a_run_that_was_cut_off_is_taken_up() {
    let mut machine = Machine::boot("disk-cut");
    let session = machine.connect().await;
    let site = site_with_disk(1, None);
    let disk = &site.disks[0];
    machine.attach(1, None);
    session.ensure_disk(&site, disk, true).await.unwrap();
    // Killed between mkfs and fstab: the file system is there, and nothing else.
    machine.shell("rm /srv/pgdata/.infra-disk; umount /srv/pgdata; : > /etc/fstab");
    let outcome = session.ensure_disk(&site, disk, true).await.unwrap();
    assert!(!outcome.formatted && outcome.mounted, "{outcome:?}");
    // Killed between fstab and mount; fstab already held a foreign line for the same place.
    machine.shell("umount /srv/pgdata; echo '/dev/gone /srv/pgdata xfs defaults 0 0' >> /etc/fstab; echo '# note /srv/pgdata' >> /etc/fstab");
    let outcome = session.ensure_disk(&site, disk, true).await.unwrap();
    assert!(!outcome.formatted && outcome.mounted, "{outcome:?}");
    assert_eq!(machine.shell("grep -v '^#' /etc/fstab | grep -c /srv/pgdata"), "1");
    assert_eq!(machine.shell("grep -c '# note' /etc/fstab"), "1");
    // Another file system at the mount point is not ours to use.
    machine.shell("umount /srv/pgdata; mount -t tmpfs none /srv/pgdata");
    let error = refused(session.ensure_disk(&site, disk, true).await.unwrap_err());
    assert!(matches!(error, DiskError::OtherMounted { .. }), "{error}");
}

/// Puts something on a device.
type Prepare = fn(&Machine, &str);

const FOREIGN: [(&str, Prepare); 9] = [
    ("ext4", |_, device| drop(run("mkfs.ext4", &["-q", device]))),
    ("xfs", |_, device| drop(run("mkfs.xfs", &["-q", device]))),
    ("LVM2_member", |_, device| drop(run("pvcreate", &["-qq", "-y", device]))),
    ("gpt", |machine, device| drop(machine.shell(&format!("parted -s {device} mklabel gpt")))),
    ("dos", |machine, device| drop(machine.shell(&format!("parted -s {device} mklabel msdos mkpart primary 1 100")))),
    ("swap", |_, device| drop(run("mkswap", &["-q", device]))),
    ("PostgreSQL on ext4", |machine, device| {
        machine.shell(&format!(
            "mkfs.ext4 -q -L pgdata {device}; mount {device} /mnt; echo 17 > /mnt/PG_VERSION; umount /mnt"
        ));
    }),
    ("data at the start", |machine, device| poke(machine, device, 3_000_000)),
    ("data at the end", |machine, device| poke(machine, device, (1 << 30) - 3_000_000)),
];

fn poke(machine: &Machine, device: &str, at: u64) {
    machine.shell(&format!("echo x | dd of={device} bs=1 seek={at} conv=notrunc status=none"));
}

/// Fingerprint of where a format would write first and last.
fn ends(device: &str) -> String {
    run("sh", &["-c", &format!("sync; (head -c 32M {device}; tail -c 32M {device}) | sha256sum")])
}

#[tokio::test]
async fn what_holds_anything_is_never_formatted() {
    let mut machine = Machine::boot("disk-foreign");
    let session = machine.connect().await;
    for (what, prepare) in FOREIGN {
        for path in [Some("/dev/xvdf"), None] {
            let site = site_with_disk(1, path);
            let device = machine.attach(1, path);
            prepare(&machine, &device);
            let before = ends(&device);
            let error = refused(session.ensure_disk(&site, &site.disks[0], true).await.unwrap_err());
            let partitioned = what == "dos" && path.is_none();
            let named = matches!(&error, DiskError::NotBlank { .. } | DiskError::InUse { .. });
            assert!(named || partitioned, "{what}: {error}");
            assert!(error.to_string().contains(&device) && error.hint().is_some(), "{what}: {error}");
            assert_eq!(ends(&device), before, "{what} was touched");
            machine.detach(&device);
        }
    }
}

#[tokio::test]
async fn sizes_twins_and_users_of_a_device_are_told_apart() {
    let mut machine = Machine::boot("disk-alike");
    let session = machine.connect().await;
    let site = site_with_disk(1, None);
    let disk = &site.disks[0];
    let larger = machine.attach(2, None);
    let error = refused(session.ensure_disk(&site, disk, true).await.unwrap_err());
    assert!(matches!(&error, DiskError::NotFound { seen, .. } if seen.contains(&larger)), "{error}");
    let (first, second) = (machine.attach(1, None), machine.attach(1, None));
    let error = refused(session.ensure_disk(&site, disk, true).await.unwrap_err());
    assert!(matches!(&error, DiskError::Ambiguous { devices, .. } if devices.len() == 2), "{error}");
    // The one that somebody else has mounted is no candidate any more.
    machine.shell(&format!("mkfs.ext4 -q {first}; mkdir /mnt/other; mount {first} /mnt/other"));
    let outcome = session.ensure_disk(&site, disk, true).await.unwrap();
    assert!(outcome.formatted && outcome.device == second, "{outcome:?}");
    machine.shell("umount /mnt/other /srv/pgdata");
}

/// As a host gets its disks when it is replaced.
#[tokio::test]
async fn disks_side_by_side_keep_each_others_lines() {
    let mut machine = Machine::boot("disks-beside");
    let session = machine.connect().await;
    let mut site = site_with_disk(1, None);
    site.disks = ["f", "g", "h", "i"]
        .map(|letter| {
            let path = format!("/dev/xvd{letter}");
            machine.attach(1, Some(&path));
            DiskSpec {
                disk: format!("disk{letter}").parse().unwrap(),
                size_gb: 1,
                mount: format!("/srv/{letter}"),
                cloud_path: Some(path),
                serial: None,
            }
        })
        .into();
    let lines = || machine.shell("grep -c ^UUID= /etc/fstab || true");
    for _ in 0..5 {
        let ensured = join_all(site.disks.iter().map(|disk| session.ensure_disk(&site, disk, true))).await;
        assert!(ensured.iter().all(|disk| disk.as_ref().is_ok_and(|disk| disk.mounted)), "{ensured:?}");
        assert_eq!(lines(), "4");
        let unmounted = join_all(site.disks.iter().map(|disk| session.unmount_disk(disk))).await;
        assert!(unmounted.iter().all(Result::is_ok), "{unmounted:?}");
        assert_eq!(lines(), "0");
    }
}
