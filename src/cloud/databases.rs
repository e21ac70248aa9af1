//! What a provider of managed databases must answer.

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::api::{CloudError, Probe};
use crate::inventory::DatabaseInventory;
use crate::plan::PlanName;
use crate::steps::DatabaseAction;

#[async_trait]
pub trait Databases: Send + Sync {
    /// What there is under the names of this plan's database, in a constant number of calls.
    async fn observe(&self, plan: &PlanName) -> Result<DatabaseInventory, CloudError>;

    /// The same if there is a database: None otherwise, after two calls.
    async fn find(&self, plan: &PlanName) -> Result<Option<DatabaseInventory>, CloudError>;

    /// Asks for the change. It is not done when this returns: see `probe`.
    async fn submit(&self, action: &DatabaseAction) -> Result<(), CloudError>;

    /// Is the effect of this action there?
    async fn probe(&self, action: &DatabaseAction) -> Result<Probe, CloudError>;

    /// The master user's password, by the secret that the database names. The provider may change it at any time.
    async fn password(&self, secret: &str) -> Result<Zeroizing<String>, CloudError>;

    /// The authorities that sign the databases' certificates, as PEM.
    async fn authorities(&self) -> Result<String, CloudError>;
}
