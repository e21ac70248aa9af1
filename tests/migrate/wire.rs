//! The protocol against real servers: logging in by each method, TLS that verifies, COPY from one to the other.

use infra::postgres::wire::{Connection, Meter, SessionKind, Side, pass};
use infra::postgres::{Endpoint, PostgresError, Secret, Tls, connect};

use crate::servers::{SUPERUSER, Server};

/// Counts, and never makes wait.
struct Free;

impl Meter for Free {
    async fn pass(&self, _bytes: usize) {}
}

fn endpoint(server: &Server) -> Endpoint {
    Endpoint::parse(&server.url(SUPERUSER)).unwrap()
}

async fn wire(server: &Server) -> Connection {
    Connection::open(&endpoint(server), "infra test", SessionKind::Sql).await.unwrap()
}

/// Lets `user` in by this line of pg_hba.conf only.
fn let_in(server: &Server, lines: &str) {
    let path = server.psql(SUPERUSER, "SHOW hba_file");
    let sql = format!("COPY (SELECT regexp_split_to_table($x${lines}$x$, ';')) TO '{path}'; SELECT pg_reload_conf()");
    server.psql(SUPERUSER, &sql);
}

async fn both_log_in(endpoint: &Endpoint) -> Result<(), PostgresError> {
    connect(endpoint, "infra test").await?.run("selecting", "SELECT 1").await?;
    let answer = Connection::open(endpoint, "infra test", SessionKind::Sql)
        .await?
        .query("selecting", "SELECT 'ü', NULL")
        .await?;
    assert_eq!(answer.rows, [[Some("ü".to_owned()), None]]);
    Ok(())
}

#[tokio::test]
async fn passwords_are_proven_by_each_method() {
    let server = Server::v15();
    server.psql(
        SUPERUSER,
        "CREATE ROLE s LOGIN PASSWORD 'süß'; SET password_encryption = md5; CREATE ROLE m LOGIN PASSWORD 'süß'",
    );
    let_in(
        &server,
        "host all s 127.0.0.1/32 scram-sha-256;host all m 127.0.0.1/32 md5;host all postgres 127.0.0.1/32 trust",
    );
    for user in ["s", "m"] {
        let right = Endpoint { user: user.into(), password: Secret::new("süß"), ..endpoint(&server) };
        both_log_in(&right).await.unwrap();
        let wrong = Endpoint { password: Secret::new("planted"), ..right };
        let error = both_log_in(&wrong).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some("28P01"), "{error}");
        assert!(!format!("{error} {error:?}").contains("planted") && !error.is_transient());
    }
}

#[tokio::test]
async fn a_password_is_not_said_aloud() {
    let server = Server::v15();
    let_in(&server, "host all postgres 127.0.0.1/32 password");
    let known = Endpoint { password: Secret::new("x"), ..endpoint(&server) };
    let error = Connection::open(&known, "infra test", SessionKind::Sql).await.err().unwrap();
    assert!(matches!(error, PostgresError::Authentication { .. }), "{error}");
}

/// A root of our own, and a server that has a certificate by it for `localhost`.
fn give_certificate(server: &Server, folder: &std::path::Path) {
    let script = "set -e
        openssl req -x509 -newkey ed25519 -nodes -days 1 -subj /CN=root -keyout root.key -out root.pem
        openssl req -new -newkey ed25519 -nodes -subj /CN=localhost -keyout key -out request
        printf 'subjectAltName=DNS:localhost' >names
        openssl x509 -req -in request -CA root.pem -CAkey root.key -days 1 -extfile names -out certificate
        openssl req -x509 -newkey ed25519 -nodes -days 1 -subj /CN=root -keyout other.key -out other.pem";
    let made = std::process::Command::new("sh").args(["-c", script]).current_dir(folder).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let data = server.psql(SUPERUSER, "SHOW data_directory");
    for (file, name) in [("key", "server.key"), ("certificate", "server.crt")] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let program = format!("install -m 600 /dev/stdin {data}/{name}");
        server.psql(
            SUPERUSER,
            &format!("COPY (SELECT regexp_split_to_table($x${}$x$, '\\n')) TO PROGRAM '{program}'", text.trim()),
        );
    }
    server.psql(SUPERUSER, "ALTER SYSTEM SET ssl = on");
    server.psql(SUPERUSER, "SELECT pg_reload_conf(), pg_sleep(0.5)");
}

#[tokio::test]
async fn tls_proves_who_answers() {
    let server = Server::v15();
    let folder = tempfile::tempdir().unwrap();
    let tls = |root: &str| Tls::VerifyFull { ca: folder.path().join(root) };
    let plain = endpoint(&server);
    std::fs::write(folder.path().join("root.pem"), "").unwrap();
    let no_roots = both_log_in(&Endpoint { tls: tls("root.pem"), ..plain.clone() }).await.unwrap_err();
    assert!(matches!(no_roots, PostgresError::NoRoots { .. }), "{no_roots}");
    give_certificate(&server, folder.path());
    let good = Endpoint { host: "localhost".into(), tls: tls("root.pem"), ..plain.clone() };
    both_log_in(&good).await.unwrap();
    for bad in
        [Endpoint { tls: tls("other.pem"), ..good.clone() }, Endpoint { host: "127.0.0.1".into(), ..good.clone() }]
    {
        let error = both_log_in(&bad).await.unwrap_err();
        assert!(matches!(error, PostgresError::Tls { .. }) && !error.is_transient(), "{error:?}");
    }
}

#[tokio::test]
async fn rows_go_from_one_server_to_another() {
    let (old, new) = (Server::v15(), Server::v17());
    old.psql(SUPERUSER, "CREATE TABLE t AS SELECT i, repeat(i::text, i % 50) AS x FROM generate_series(1, 100000) i");
    new.psql(SUPERUSER, "CREATE TABLE t (i int, x text)");
    let (mut source, mut target) = (wire(&old).await, wire(&new).await);
    for (format, rows) in [("binary", 100_000), ("text", 200_000)] {
        let from = format!("COPY public.t TO STDOUT (FORMAT {format})");
        let into = format!("COPY public.t FROM STDIN (FORMAT {format})");
        let passed = pass(&mut source, &from, &mut target, &into, "copying t", &Free).await.unwrap();
        assert_eq!(passed.rows, 100_000);
        assert_eq!(new.psql(SUPERUSER, "SELECT count(*) FROM t"), rows.to_string());
    }
    let sum = "SELECT sum(hashtextextended(t::text, 0)) FROM (SELECT DISTINCT * FROM t) t";
    assert_eq!(old.psql(SUPERUSER, sum), new.psql(SUPERUSER, sum));
}

#[tokio::test]
async fn the_end_that_fails_is_named_and_nothing_is_half_done() {
    let server = Server::v15();
    server.psql(SUPERUSER, "CREATE TABLE a AS SELECT i, 10 / (i - 150000) AS x FROM generate_series(1, 100000) i; CREATE TABLE b (i int CHECK (i <> 5000))");
    let (mut source, mut target) = (wire(&server).await, wire(&server).await);
    let into = "COPY public.b FROM STDIN";
    let failing = "COPY (SELECT 10 / (i - 50000) FROM public.a) TO STDOUT";
    let failed = pass(&mut source, failing, &mut target, into, "copying", &Free).await.unwrap_err();
    assert_eq!((failed.side, failed.error.sqlstate()), (Side::Source, Some("22012")));
    assert_eq!(target.query("counting", "SELECT count(*) FROM public.b").await.unwrap().rows, [[Some("0".to_owned())]]);
    let mut source = wire(&server).await;
    let from = "COPY (SELECT i FROM public.a) TO STDOUT";
    let failed = pass(&mut source, from, &mut target, into, "copying", &Free).await.unwrap_err();
    assert_eq!((failed.side, failed.error.sqlstate()), (Side::Target, Some("23514")), "{}", failed.error);
}

#[tokio::test]
async fn a_statement_is_cancelled_from_outside() {
    let server = Server::v15();
    let mut connection = wire(&server).await;
    let client = connect(&endpoint(&server), "infra test").await.unwrap();
    let sleeping = client.run("sleeping", "SELECT pg_sleep(60)");
    let cancelled = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        client.cancel().await.unwrap();
    };
    assert_eq!(tokio::join!(sleeping, cancelled).0.unwrap_err().sqlstate(), Some("57014"));
    let killed = format!("SELECT pg_terminate_backend({})", connection.process_id());
    client.rows("ending the other one", &killed, &[]).await.unwrap();
    let error = connection.query("selecting", "SELECT 1").await.unwrap_err();
    assert!(error.is_transient() && error.sqlstate() == Some("57P01"), "{error}");
}

/// Compiling the one query that describes all objects took minutes where running it took two seconds.
#[tokio::test]
async fn nothing_that_sessions_ask_is_compiled() {
    let server = Server::v15();
    server.psql(SUPERUSER, "ALTER DATABASE postgres SET jit = on");
    let client = connect(&endpoint(&server), "infra test").await.unwrap();
    let row = client.row("asking for a setting", "SHOW jit", &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "off");
    assert_eq!(
        wire(&server).await.query("asking for a setting", "SHOW jit").await.unwrap().rows,
        [[Some("off".to_owned())]]
    );
}
