//! The database that infra made gets the old one's encoding and order of text, by a user who is no superuser.

use infra::migrate::alike::make_alike;
use infra::postgres::{Client, Endpoint, connect};

use crate::servers::{SUPERUSER, Server};

const DESCRIBED: &str = "SELECT pg_encoding_to_char(encoding), datcollate, datctype, pg_get_userbyid(datdba)
    FROM pg_database WHERE datname = 'moved'";

struct Pair {
    source: Server,
    target: Server,
}

impl Pair {
    fn new() -> Self {
        let pair = Self { source: Server::v15(), target: Server::v15() };
        pair.source
            .psql(SUPERUSER, "CREATE DATABASE moved TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'");
        pair.target.psql(SUPERUSER, "CREATE ROLE master LOGIN CREATEDB CREATEROLE");
        pair.target.psql(SUPERUSER, "CREATE DATABASE moved OWNER master");
        pair
    }

    async fn source(&self) -> Client {
        connect(&Endpoint::parse(&self.source.url("moved")).unwrap(), "test").await.unwrap()
    }

    async fn make_alike(&self) {
        let target = Endpoint::parse(&self.target.url_as("master", "moved")).unwrap();
        make_alike(&self.source().await, &target).await.unwrap();
    }

    fn described(&self) -> String {
        self.target.psql(SUPERUSER, DESCRIBED)
    }

    fn drafts(&self) -> String {
        self.target.psql(SUPERUSER, "SELECT count(*) FROM pg_database WHERE datname LIKE 'infra%'")
    }
}

#[tokio::test]
async fn an_empty_database_is_made_as_the_old_one_was() {
    let pair = Pair::new();
    assert!(pair.described().starts_with("UTF8|"), "{}", pair.described());
    pair.make_alike().await;
    assert_eq!(pair.described(), "LATIN1|C|C|master");
    pair.make_alike().await;
    assert_eq!((pair.described().as_str(), pair.drafts().as_str()), ("LATIN1|C|C|master", "0"));
}

#[tokio::test]
async fn killed_at_either_step_it_goes_on() {
    let pair = Pair::new();
    let draft =
        "CREATE DATABASE infra_alike OWNER master TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'";
    pair.target.psql(SUPERUSER, draft);
    pair.make_alike().await;
    assert_eq!((pair.described().as_str(), pair.drafts().as_str()), ("LATIN1|C|C|master", "0"));
    pair.target.psql(SUPERUSER, "ALTER DATABASE moved RENAME TO infra_alike");
    pair.make_alike().await;
    assert_eq!((pair.described().as_str(), pair.drafts().as_str()), ("LATIN1|C|C|master", "0"));
}

#[tokio::test]
async fn what_somebody_uses_or_the_user_may_not_make_stays() {
    let pair = Pair::new();
    let before = pair.described();
    pair.target.psql("moved", "CREATE TABLE public.theirs (id int)");
    pair.make_alike().await;
    assert_eq!(pair.described(), before, "somebody has a table there");
    pair.target.psql("moved", "DROP TABLE public.theirs");
    pair.target.psql(SUPERUSER, "ALTER ROLE master NOCREATEDB");
    pair.make_alike().await;
    assert_eq!((pair.described(), pair.drafts().as_str()), (before, "0"), "preflight tells the difference");
}
