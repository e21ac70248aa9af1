//! A machine to test against: a container of the lab's host image, with sshd on a loopback port, and loop devices as
//! its disks. It is removed at the end of the test that made it, also when the test fails.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use infra::host::{DiskSpec, HostKey, Session, Site, Target, known_hosts};

/// Made by tests/lab/setup.
const IMAGE: &str = "infra-lab-host";
/// Everything that systemd, mounts and an inner Docker need, and this machine may have.
const CAPABILITIES: [&str; 21] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "KILL",
    "LINUX_IMMUTABLE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_CHROOT",
    "SYS_PTRACE",
];

pub struct Machine {
    pub name: String,
    folder: tempfile::TempDir,
    port: u16,
    disks: Vec<Loop>,
}

/// A loop device of this machine.
pub struct Loop {
    pub device: String,
    file: PathBuf,
}

/// Runs a command that must succeed, and returns what it printed.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Machine {
    pub fn boot(purpose: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = format!("infra-host-test-{purpose}-{}", std::process::id());
        write_seed(folder.path());
        let mut arguments: Vec<String> = [
            "run",
            "--detach",
            "--publish=127.0.0.1::22",
            "--cgroupns=private",
            "--security-opt=seccomp=unconfined",
            "--security-opt=apparmor=unconfined",
            "--device-cgroup-rule=a *:* rwm",
            "--tmpfs=/run:exec",
            "--tmpfs=/run/lock",
            "--tmpfs=/tmp:exec",
            "--cap-drop=ALL",
        ]
        .map(str::to_owned)
        .into();
        arguments.extend(CAPABILITIES.map(|capability| format!("--cap-add={capability}")));
        arguments.extend([
            format!("--name={name}"),
            format!("--volume={name}:/var/lib/docker"),
            format!("--volume={}/seed:/var/lib/cloud/seed/nocloud:ro", folder.path().display()),
            format!("--volume={}/lab:/lab:ro", folder.path().display()),
            IMAGE.to_owned(),
        ]);
        run("docker", &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let mut machine = Self { name, folder, port: 0, disks: vec![] };
        machine.read_port();
        machine
    }

    fn read_port(&mut self) {
        let published = run("docker", &["port", &self.name, "22/tcp"]);
        self.port = published.lines().next().unwrap().rsplit(':').next().unwrap().parse().unwrap();
    }

    /// Root's shell, from outside: for looking at and preparing what infra must find.
    pub fn shell(&self, script: &str) -> String {
        run("docker", &["exec", &self.name, "sh", "-ec", script])
    }

    /// A disk of `gib` GiB that appears under its kernel name, and under `path` if one is given.
    pub fn attach(&mut self, gib: u64, path: Option<&str>) -> String {
        let file = self.folder.path().join(format!("disk-{}", self.disks.len()));
        std::fs::File::create(&file).unwrap().set_len(gib << 30).unwrap();
        self.attach_file(file, path)
    }

    pub fn attach_file(&mut self, file: PathBuf, path: Option<&str>) -> String {
        let device = run("losetup", &["--find", "--show", file.to_str().unwrap()]);
        let numbers = run("stat", &["-c", "0x%t 0x%T", &device]);
        let link = path.map(|path| format!("; ln -sf {device} {path}")).unwrap_or_default();
        self.shell(&format!("set -- {numbers}; rm -f {device}; mknod -m 660 {device} b $(($1)) $(($2)){link}"));
        self.disks.push(Loop { device: device.clone(), file });
        device
    }

    /// Takes the device away; returns the file behind it.
    pub fn detach(&mut self, device: &str) -> PathBuf {
        let at = self.disks.iter().position(|disk| disk.device == device).unwrap();
        let disk = self.disks.remove(at);
        self.shell(&format!("rm -f {device}; find /dev -maxdepth 1 -lname {device} -delete"));
        // Partitions that the kernel has read would come back with the next device of this name.
        let _ = Command::new("partx").args(["--delete", device]).output();
        run("losetup", &["--detach", device]);
        disk.file
    }

    pub fn target(&self) -> Target {
        let key = run("docker", &["exec", &self.name, "cat", "/etc/ssh/ssh_host_ed25519_key.pub"]);
        let mut words = key.split_whitespace().map(str::to_owned);
        let key = HostKey { algorithm: words.next().unwrap(), public_key: words.next().unwrap() };
        let file = self.folder.path().join("known_hosts");
        std::fs::write(&file, known_hosts("127.0.0.1", self.port, &[key])).unwrap();
        Target {
            host: "vault".parse().unwrap(),
            address: "127.0.0.1".to_owned(),
            port: self.port,
            user: "ubuntu".to_owned(),
            identity: Some(self.folder.path().join("id")),
            certificate: None,
            known_hosts: Some(file),
        }
    }

    pub async fn connect(&self) -> Session {
        self.wait_for_host_key();
        Session::connect(&self.target(), Duration::from_secs(60)).await.unwrap()
    }

    pub fn wait_for_host_key(&self) {
        for _ in 0..300 {
            let found = Command::new("docker")
                .args(["exec", &self.name, "test", "-s", "/etc/ssh/ssh_host_ed25519_key.pub"])
                .status();
            if found.unwrap().success() {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the machine made no host key");
    }
}

/// Collects the command lines of all processes, of a machine and of this one, while it lives: a container of the machine
/// runs inside it, and the machine inside this one.
pub struct CommandLines {
    sampler: std::process::Child,
    file: tempfile::NamedTempFile,
}

impl CommandLines {
    pub fn sample() -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        let script = "while sleep 0.02; do cat /proc/[0-9]*/cmdline 2>/dev/null; done | tr '\\0' ' '";
        let out = file.reopen().unwrap();
        let sampler = Command::new("sh").args(["-c", script]).stdout(out).process_group(0).spawn().unwrap();
        Self { sampler, file }
    }

    pub fn stop(mut self) -> String {
        run("kill", &["--", &format!("-{}", self.sampler.id())]);
        self.sampler.wait().unwrap();
        String::from_utf8_lossy(&std::fs::read(self.file.path()).unwrap()).into_owned()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "--force", "--volumes", &self.name]).output();
        let _ = Command::new("docker").args(["volume", "rm", "--force", &self.name]).output();
        for disk in &self.disks {
            let _ = Command::new("losetup").args(["--detach", &disk.device]).output();
        }
    }
}

fn write_seed(folder: &Path) {
    let key = folder.join("id");
    run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", key.to_str().unwrap()]);
    let public = std::fs::read_to_string(folder.join("id.pub")).unwrap();
    std::fs::create_dir_all(folder.join("seed")).unwrap();
    std::fs::create_dir_all(folder.join("lab")).unwrap();
    let user = format!(
        "#cloud-config\nusers:\n  - name: ubuntu\n    sudo: ALL=(ALL) NOPASSWD:ALL\n    shell: /bin/bash\n    ssh_authorized_keys: [\"{}\"]\n",
        public.trim()
    );
    for (name, text) in [
        ("seed/user-data", user.as_str()),
        ("seed/meta-data", "instance-id: i-test\nlocal-hostname: vault\n"),
        ("lab/addresses", ""),
        ("lab/disks", ""),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

/// A plan's place on a machine, with one disk of `gib` GiB.
pub fn site_with_disk(gib: u32, cloud_path: Option<&str>) -> Site {
    let disk = DiskSpec {
        disk: "pgdata".parse().unwrap(),
        size_gb: gib,
        mount: "/srv/pgdata".to_owned(),
        cloud_path: cloud_path.map(str::to_owned),
        serial: None,
    };
    Site::new("phase1".parse().unwrap(), "vault".parse().unwrap(), vec![disk])
}

pub fn site_without_disk() -> Site {
    Site::new("phase1".parse().unwrap(), "vault".parse().unwrap(), vec![])
}
