//! `lab host`: one host for somebody else's test.

use std::process::Command;

use lab::host::{Host, HostOptions, down, up};

fn ssh(host: &Host, command: &str) -> String {
    let output = Command::new("ssh")
        .args(["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"])
        .arg("-i")
        .arg(&host.identity)
        .arg("-o")
        .arg(format!("UserKnownHostsFile={}", host.known_hosts.display()))
        .args([&format!("{}@{}", host.user, host.address), command])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_plain_host_has_its_disks_and_is_a_new_one_each_time() {
    let state = tempfile::tempdir().unwrap();
    let options = HostOptions {
        name: "one".into(),
        blueprint: "ubuntu_24_04".into(),
        disks: vec![8, 10],
        user_data: None,
        memory_mb: 1024,
    };
    let host = up(&options, state.path()).await.unwrap();
    assert_eq!(host.disks, ["/dev/xvdf", "/dev/xvdg"]);
    assert_eq!(ssh(&host, "sudo blockdev --getsize64 /dev/xvdg; echo x | sudo tee /mark"), "10737418240\nx\n");
    let again = up(&options, state.path()).await.unwrap();
    assert_eq!(ssh(&again, "ls /mark 2>/dev/null || echo none"), "none\n");
    down("one", state.path()).await.unwrap();
}
