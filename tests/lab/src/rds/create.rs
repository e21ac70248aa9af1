//! CreateDBInstance and CreateDBCluster: what the lab adds to the request, and what it takes back if MiniStack refuses it.

use rand::Rng;
use rand::distr::Alphanumeric;

use super::Rds;
use super::checks::{AURORA_VERSION, VERSION};
use super::records::{Key, Record};
use crate::behind::Caller;
use crate::form::Form;

/// As long as RDS makes them.
const PASSWORD_LENGTH: usize = 28;

/// What was made for a request before it was passed on.
#[derive(Debug, Default)]
pub struct Creation {
    key: Option<Key>,
    secret: Option<String>,
}

impl Rds {
    /// Completes the request, and notes the instance before MiniStack makes it.
    pub(super) async fn prepare(&self, caller: &Caller, form: &mut Form) -> anyhow::Result<Creation> {
        let key = Key::instance(&caller.region, form.get("DBInstanceIdentifier").unwrap_or_default());
        if self.records.get(&key).is_some() {
            // MiniStack refuses it.
            return Ok(Creation::default());
        }
        let unnamed = form.get("DBName").is_none();
        if unnamed {
            form.set("DBName", "postgres");
        }
        if form.get("EngineVersion").is_none_or(|version| version == VERSION.0) {
            form.set("EngineVersion", VERSION.1);
        }
        let secret = self.manage_password(caller, form).await?;
        self.note(caller, key, secret, unnamed).await
    }

    /// The same for a cluster. MiniStack makes the secret of its master user itself.
    pub(super) async fn prepare_cluster(&self, caller: &Caller, form: &mut Form) -> anyhow::Result<Creation> {
        let key = Key::cluster(&caller.region, form.get("DBClusterIdentifier").unwrap_or_default());
        if self.records.get(&key).is_some() {
            return Ok(Creation::default());
        }
        let unnamed = form.get("DatabaseName").is_none();
        if unnamed {
            form.set("DatabaseName", "postgres");
        }
        if form.get("EngineVersion").is_none_or(|version| version == AURORA_VERSION.0) {
            form.set("EngineVersion", AURORA_VERSION.1);
        }
        self.note(caller, key, None, unnamed).await
    }

    async fn note(&self, caller: &Caller, key: Key, secret: Option<String>, unnamed: bool) -> anyhow::Result<Creation> {
        let record = |address| Record {
            address,
            secret: secret.clone(),
            access_key: caller.access_key.clone(),
            unnamed,
            started_with: None,
            container: None,
            volume: None,
        };
        if self.records.add(&key, record).is_none() {
            self.undo(caller, Creation { key: None, secret }).await?;
            anyhow::bail!("all addresses for databases are taken");
        }
        Ok(Creation { key: Some(key), secret })
    }

    /// The secret, where RDS is to manage the master user's password.
    async fn manage_password(&self, caller: &Caller, form: &mut Form) -> anyhow::Result<Option<String>> {
        if !form.is_true("ManageMasterUserPassword") {
            return Ok(None);
        }
        let password: String = rand::rng().sample_iter(Alphanumeric).take(PASSWORD_LENGTH).map(char::from).collect();
        let user = form.get("MasterUsername").unwrap_or_default();
        let secret = self.behind.create_secret(caller, user, &password).await?;
        form.remove("ManageMasterUserPassword");
        form.remove("MasterUserSecretKmsKeyId");
        form.set("MasterUserPassword", &password);
        Ok(Some(secret))
    }

    pub(super) async fn undo(&self, caller: &Caller, creation: Creation) -> anyhow::Result<()> {
        if let Some(key) = creation.key {
            self.records.remove(&key);
        }
        match creation.secret {
            Some(secret) => self.behind.delete_secret(caller, &secret).await,
            None => Ok(()),
        }
    }
}
