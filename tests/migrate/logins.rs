//! The roles by which a managed database is entered, at a server whose master user is no superuser, with passwords that it asks for.

use infra::migrate::logins::{Logins, Passwords, make, retire};
use infra::postgres::{Endpoint, Secret, connect};

use crate::servers::{SUPERUSER, Server};

const MASTER: &str = "CREATE ROLE rds_superuser; CREATE ROLE rds_replication;
    GRANT pg_monitor, pg_signal_backend, pg_create_subscription, rds_replication TO rds_superuser WITH ADMIN OPTION;
    GRANT SET ON PARAMETER session_replication_role TO rds_superuser;
    CREATE ROLE infra_master LOGIN CREATEROLE CREATEDB; GRANT rds_superuser TO infra_master WITH ADMIN OPTION;
    CREATE DATABASE app OWNER infra_master";

fn server() -> Server {
    let server = Server::v17();
    server.psql(SUPERUSER, MASTER);
    let file = server.psql(SUPERUSER, "SHOW hba_file");
    let rules = format!(
        "COPY (SELECT unnest(ARRAY['host all infra_migrate,shop 127.0.0.1/32 scram-sha-256', 'host all all 127.0.0.1/32 trust'])) TO '{file}';
         SELECT pg_reload_conf()"
    );
    server.psql(SUPERUSER, &rules);
    server
}

#[tokio::test]
async fn clients_and_infra_enter_without_the_master() {
    let server = server();
    let master = Endpoint::parse(&server.url_as("infra_master", "app")).unwrap();
    let passwords = Passwords::random();
    let first = make(&master, "shop", &passwords).await.unwrap();
    let Logins { clients, infra } = make(&master, "shop", &passwords).await.unwrap();
    assert_eq!(first, Logins { clients: clients.clone(), infra: infra.clone() });

    // The provider takes the master's password away, and all that could be done with it.
    server.psql(SUPERUSER, "ALTER ROLE infra_master NOLOGIN");
    let (own, ours) = (connect(&clients, "test").await.unwrap(), connect(&infra, "test").await.unwrap());
    let who =
        "SELECT session_user::text, current_user::text, has_parameter_privilege('session_replication_role', 'SET')";
    let row = ours.query_one(who, &[]).await.unwrap();
    assert_eq!((row.get(0), row.get(1), row.get(2)), ("infra_migrate", "shop", true));
    // What either makes is the clients', and each may change it.
    ours.batch_execute("CREATE TABLE public.made (id int); CREATE ROLE maker; GRANT CREATE ON SCHEMA public TO maker; GRANT maker TO CURRENT_USER WITH SET TRUE; CREATE EXTENSION citext").await.unwrap();
    own.batch_execute("ALTER TABLE public.made ADD COLUMN more text; CREATE TABLE public.own (id int)").await.unwrap();
    ours.batch_execute("ALTER TABLE public.own OWNER TO maker; ALTER DATABASE app ALLOW_CONNECTIONS true")
        .await
        .unwrap();
    assert_eq!(server.psql("app", "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'app'"), "shop");

    for endpoint in [&clients, &infra] {
        let wrong = Endpoint { password: Secret::new("wrong"), ..endpoint.clone() };
        assert!(connect(&wrong, "test").await.is_err(), "a password is asked for");
    }
    // Nobody's word is in the server's log or catalogue.
    let known = server
        .psql("app", "SELECT string_agg(rolpassword, ' ') FROM pg_authid WHERE rolname IN ('shop', 'infra_migrate')");
    assert!(known.matches("SCRAM-SHA-256$").count() == 2 && !known.contains(passwords.clients.expose()));

    retire(&infra).await.unwrap();
    assert!(connect(&infra, "test").await.is_err(), "nobody enters as infra after the end");
    connect(&clients, "test").await.unwrap();
    retire(&clients).await.unwrap();
    connect(&clients, "test").await.unwrap();
}

/// A server of the bundle's own, where the master is a superuser whose password nobody changes.
#[tokio::test]
async fn beside_a_superuser_infra_has_a_login_and_the_clients_are_the_superuser() {
    for server in [Server::v15(), Server::v17()] {
        let file = server.psql(SUPERUSER, "SHOW hba_file");
        let rules = format!(
            "COPY (SELECT unnest(ARRAY['host all infra_migrate 127.0.0.1/32 scram-sha-256', 'host all all 127.0.0.1/32 trust'])) TO '{file}';
             SELECT pg_reload_conf()"
        );
        server.psql(SUPERUSER, &rules);
        let master = Endpoint::parse(&server.url_as(SUPERUSER, SUPERUSER)).unwrap();
        let passwords = Passwords::random();
        let first = make(&master, SUPERUSER, &passwords).await.unwrap();
        let Logins { clients, infra } = make(&master, SUPERUSER, &passwords).await.unwrap();
        assert_eq!(first, Logins { clients: clients.clone(), infra: infra.clone() });
        assert_eq!(clients, master);
        let ours = connect(&infra, "test").await.unwrap();
        let who = "SELECT session_user::text, current_user::text, rolsuper FROM pg_roles WHERE rolname = current_user";
        let row = ours.query_one(who, &[]).await.unwrap();
        assert_eq!((row.get(0), row.get(1), row.get(2)), ("infra_migrate", SUPERUSER, true));
        let replicates = server
            .psql(SUPERUSER, "SELECT rolreplication AND NOT rolsuper FROM pg_roles WHERE rolname = 'infra_migrate'");
        assert_eq!(replicates, "t");
        retire(&infra).await.unwrap();
        assert!(connect(&infra, "test").await.is_err(), "nobody enters as infra after the end");
    }
}
