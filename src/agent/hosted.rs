//! What the host of a database that migrates there is asked for, by the operator's side. No migration is under way on it.

use std::net::IpAddr;

use super::{AgentError, NewDatabase};
use crate::migrate::hosted::{self, HostedRequest, Served};
use crate::migrate::relay;

/// Only its route is asked for: any port will do.
const ANY_PORT: u16 = 9;

/// Of this host, as that one sees it.
pub async fn own_address(toward: &str) -> Result<IpAddr, AgentError> {
    let address = relay::own_address((toward, ANY_PORT)).await;
    address.map_err(|source| AgentError::Route { toward: toward.to_owned(), source })
}

/// The service, which runs here already, lets its clients in; by its superuser's password, which stays in this process.
pub async fn host_database(request: &[u8]) -> Result<NewDatabase, AgentError> {
    let request: HostedRequest = serde_json::from_slice(request)?;
    let Served { endpoint, authority } = hosted::serve(&request).await?;
    Ok(NewDatabase { endpoint, ca: Some(authority) })
}

/// Where a copy is of what it holds.
pub async fn save_hosted(request: &[u8]) -> Result<String, AgentError> {
    let request: HostedRequest = serde_json::from_slice(request)?;
    let copy = hosted::save(&request).await?;
    Ok(format!("{} on host {}", copy.path.display(), request.site.host))
}
