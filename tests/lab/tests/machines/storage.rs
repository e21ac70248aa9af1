//! Disks: exact sizes, data that outlives hosts, snapshots of what is in use.

use lab::machines::{DiskId, Machines, SeenAs, SnapshotId};

use crate::fixture::with_lab;

const GIB: u64 = 1 << 30;

#[tokio::test]
async fn a_disk_is_blank_has_its_exact_size_and_moves_with_its_files() {
    with_lab(async |lab| {
        let disk = DiskId("vol-1".into());
        let mut first = lab.boot("i-1").await;
        lab.machines.create_disk(&disk, 8, None).await.unwrap();
        lab.machines.attach_disk(&first.id, &disk, &SeenAs::path("/dev/xvdf")).await.unwrap();

        let size = first.ssh("lsblk --bytes --noheadings --nodeps --output SIZE $(readlink -f /dev/xvdf)").await;
        assert_eq!(size.trim(), (8 * GIB).to_string());
        assert_eq!(first.ssh("sudo wipefs --no-act /dev/xvdf; sudo blkid --probe /dev/xvdf || true").await, "");

        first.ssh("sudo mkfs.ext4 -q /dev/xvdf && sudo mkdir -p /srv/data").await;
        first
            .ssh("echo \"UUID=$(sudo blkid -o value -s UUID /dev/xvdf) /srv/data ext4 nofail,noatime 0 2\" | sudo tee -a /etc/fstab")
            .await;
        first.ssh("sudo mount /srv/data && echo precious | sudo tee /srv/data/file").await;
        lab.machines.reboot(&first.id).await.map(|booted| first.booted = booted).unwrap();
        assert_eq!(first.ssh("cat /srv/data/file; findmnt -no FSTYPE /srv/data").await, "precious\next4");

        first.stop().await;
        lab.machines.detach_disk(&first.id, &disk).await.unwrap();
        let second = lab.boot("i-2").await;
        lab.machines.attach_disk(&second.id, &disk, &SeenAs::path("/dev/xvdg")).await.unwrap();
        assert_eq!(second.ssh("sudo mount /dev/xvdg /mnt && cat /mnt/file").await, "precious");

        first.start().await;
        assert_eq!(first.ssh("ls /dev/xvdf /dev/loop[0-9]* 2>/dev/null; findmnt -no FSTYPE /srv/data || true").await, "");
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_of_a_busy_disk_becomes_a_larger_one() {
    with_lab(async |lab| {
        let (disk, snapshot, grown) = (DiskId("vol-1".into()), SnapshotId("snap-1".into()), DiskId("vol-2".into()));
        let host = lab.boot("i-1").await;
        lab.machines.create_disk(&disk, 8, None).await.unwrap();
        lab.machines.attach_disk(&host.id, &disk, &SeenAs::path("/dev/xvdf")).await.unwrap();
        host.ssh("sudo mkfs.ext4 -q /dev/xvdf && sudo mount /dev/xvdf /mnt && sudo chown ubuntu /mnt").await;
        // A writer that never stops: each line is on disk before the next one.
        host.ssh(
            "nohup sh -c 'i=0; while :; do i=$((i+1)); echo $i >> /mnt/log; sync /mnt/log; done' >/dev/null 2>&1 &",
        )
        .await;
        host.ssh("until [ $(wc -l < /mnt/log) -gt 50 ]; do sleep 0.1; done").await;
        let before: u64 = host.ssh("wc -l < /mnt/log").await.parse().unwrap();
        lab.machines.snapshot_disk(&disk, &snapshot).await.unwrap();
        host.ssh(&format!("until [ $(wc -l < /mnt/log) -gt {} ]; do sleep 0.1; done", before + 50)).await;

        lab.machines.create_disk(&grown, 16, Some(&snapshot)).await.unwrap();
        lab.machines.attach_disk(&host.id, &grown, &SeenAs::path("/dev/xvdg")).await.unwrap();
        // Clean but for its journal, as after a power cut; then it takes the room that it was given.
        host.ssh("sudo mkdir /grown && sudo mount /dev/xvdg /grown && sudo umount /grown").await;
        host.ssh("sudo e2fsck -f -p /dev/xvdg && sudo resize2fs /dev/xvdg && sudo mount /dev/xvdg /grown").await;
        assert!(host.ssh("df --output=size -BG /grown | tail -1").await.trim() > "15G");
        let kept: u64 = host.ssh("tail -1 /grown/log").await.parse().unwrap();
        assert!(kept >= before, "{kept} lines in the snapshot, {before} were written before it");
        assert_eq!(host.ssh("wc -l < /grown/log").await.parse::<u64>().unwrap(), kept);
    })
    .await;
}
