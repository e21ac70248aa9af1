//! Real servers on free ports of the loopback address, trusted there, gone when dropped. Both can reach each other, which
//! replication needs. Durability is off: what dies here is thrown away.

mod container;
mod local;

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use tokio_postgres::{Client, NoTls};

/// One server. `SUPERUSER` owns it.
pub struct Server {
    port: u16,
    settings: Vec<String>,
    place: Place,
}

enum Place {
    Local(local::Local),
    Container(container::Container),
    /// Somebody else's, with a folder of its programs.
    Running(String),
}

pub const SUPERUSER: &str = "postgres";
pub use container::{BOOTSTRAP, BUNDLE};

impl Server {
    /// PostgreSQL 15 of this machine's Debian.
    pub fn v15() -> Self {
        Self::v15_with(&[])
    }

    /// With further lines of postgresql.conf, which win over the usual ones.
    pub fn v15_with(settings: &[&str]) -> Self {
        let port = free_port();
        let settings = settings_for(port, settings);
        Self { port, place: Place::Local(local::Local::start(&settings)), settings }
    }

    /// PostgreSQL 17 of the bundle's image.
    pub fn v17() -> Self {
        Self::v17_with(&[])
    }

    pub fn v17_with(settings: &[&str]) -> Self {
        Self::in_container(container::BUNDLE, settings)
    }

    /// PostgreSQL 17 of another image that is made like the bundle's.
    pub fn of_image(image: &str, settings: &[&str]) -> Self {
        Self::in_container(image, settings)
    }

    /// PostgreSQL 17 with the extensions that RDS has.
    pub fn rds_with(settings: &[&str]) -> Self {
        Self::in_container(container::RDS, settings)
    }

    /// One that runs already, named by this variable as `PORT:FOLDER`: a superuser `postgres` is trusted on that port of
    /// the loopback address, and the folder holds psql and pg_dump of its version, or of a later one.
    pub fn running(variable: &str) -> Option<Self> {
        let named = std::env::var(variable).ok()?;
        let (port, programs) = named.split_once(':').unwrap_or_else(|| panic!("{variable} is no PORT:FOLDER"));
        Some(Self { port: port.parse().unwrap(), place: Place::Running(programs.to_owned()), settings: vec![] })
    }

    /// Another's, on this port, for sessions alone.
    pub fn at(port: u16) -> Self {
        Self { port, place: Place::Running(String::new()), settings: vec![] }
    }

    fn in_container(image: &str, settings: &[&str]) -> Self {
        let port = free_port();
        let settings = settings_for(port, settings);
        Self { port, place: Place::Container(container::Container::start(image, port, &settings)), settings }
    }

    /// An extension that the server does not come with: its control file and its script. In containers only.
    pub fn add_extension(&self, name: &str, version: &str, script: &str) {
        let Place::Container(container) = &self.place else { panic!("this machine's own files stay as they are") };
        container.add_extension_file(&format!("{name}--{version}.sql"), script);
        self.add_extension_default(name, version);
    }

    /// The version that is made when none is asked for.
    pub fn add_extension_default(&self, name: &str, version: &str) {
        let Place::Container(container) = &self.place else { panic!("this machine's own files stay as they are") };
        let control = format!("default_version = '{version}'\nrelocatable = false\nschema = public\ntrusted = true\n");
        container.add_extension_file(&format!("{name}.control"), &control);
    }

    /// From a version that was added to another.
    pub fn add_extension_update(&self, name: &str, from: &str, to: &str, script: &str) {
        let Place::Container(container) = &self.place else { panic!("this machine's own files stay as they are") };
        container.add_extension_file(&format!("{name}--{from}--{to}.sql"), script);
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// For the superuser, without TLS.
    pub fn url(&self, database: &str) -> String {
        self.url_as(SUPERUSER, database)
    }

    pub fn url_as(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    pub async fn connect(&self, database: &str) -> Client {
        self.connect_as(SUPERUSER, database).await
    }

    pub async fn connect_as(&self, user: &str, database: &str) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url_as(user, database), NoTls).await.unwrap();
        // Servers are stopped under their connections: how one ends is what the test looks at, not this task.
        tokio::spawn(async move { drop(connection.await) });
        client
    }

    /// A command of PostgreSQL of this server's version, which reaches every server by its port.
    pub fn tool(&self, program: &str, arguments: &[&str]) -> Vec<String> {
        let mut argv = match &self.place {
            Place::Local(local) => local.tool(program),
            Place::Container(container) => container.tool(program),
            Place::Running(programs) => vec![format!("{programs}/{program}")],
        };
        argv.extend(arguments.iter().map(ToString::to_string));
        argv
    }

    /// Runs SQL as the superuser through psql, which stops at the first error. Returns rows without decoration.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        self.psql_as(SUPERUSER, database, sql)
    }

    pub fn psql_as(&self, user: &str, database: &str, sql: &str) -> String {
        let port = self.port.to_string();
        let arguments =
            ["-h", "127.0.0.1", "-p", &port, "-U", user, "-d", database, "-XqAt", "-v", "ON_ERROR_STOP=1", "-f", "-"];
        let output = run(&self.tool("psql", &arguments), sql.as_bytes());
        assert!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Stopped as by a crash. The data stays.
    pub fn stop(&self) {
        match &self.place {
            Place::Local(local) => local.stop(),
            Place::Container(container) => container.stop(),
            Place::Running(_) => panic!("a server that the test did not start is not stopped by it"),
        }
    }

    /// After `stop`: the same server, on the same port.
    pub fn start(&self) {
        match &self.place {
            Place::Local(local) => local.run(&self.settings),
            Place::Container(container) => container.start_again(),
            Place::Running(_) => {}
        }
    }
}

/// Runs a command with this as its standard input.
pub fn run(argv: &[String], input: &[u8]) -> Output {
    let mut child = Command::new(&argv[0])
        .args(&argv[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", argv[0]));
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // A command that ends before it has read everything says why itself.
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().unwrap()
    })
}

fn settings_for(port: u16, more: &[&str]) -> Vec<String> {
    let usual = [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "fsync=off",
        "full_page_writes=off",
        "wal_level=logical",
        "max_prepared_transactions=5",
        "max_wal_size=2GB",
        "max_locks_per_transaction=256",
    ];
    let port = format!("port={port}");
    usual.iter().map(ToString::to_string).chain([port]).chain(more.iter().map(ToString::to_string)).collect()
}

/// Below the ports that the kernel gives to connections: such a one could be taken before the server is up. It is this
/// process's until its end: a server takes seconds to listen, and other tests look for a port meanwhile.
fn free_port() -> u16 {
    let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok() && is_claimed(*port);
    std::iter::repeat_with(|| rand::random_range(20_000..32_000)).find(free).unwrap()
}

/// The lock goes with the process, however that ends; a server that a test left running still has the port itself.
fn is_claimed(port: u16) -> bool {
    let folder = std::env::temp_dir().join("infra-test-ports");
    std::fs::create_dir_all(&folder).unwrap();
    let file = std::fs::File::create(folder.join(port.to_string())).unwrap();
    let claimed = file.try_lock().is_ok();
    std::mem::forget(file);
    claimed
}

#[test]
fn a_stopped_server_starts_again_with_its_data() {
    for server in [Server::v15(), Server::v17()] {
        server.psql(SUPERUSER, "CREATE TABLE kept AS SELECT 1 AS n");
        server.stop();
        assert!(std::net::TcpStream::connect(("127.0.0.1", server.port())).is_err());
        server.start();
        let argv =
            server.tool("psql", &[&server.url(SUPERUSER).replace("?sslmode=disable", ""), "-qAtc", "TABLE kept"]);
        assert_eq!(run(&argv, b"").stdout, b"1\n");
    }
}
