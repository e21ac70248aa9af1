//! Seeing everything: one list call a kind (more only when there are more pages), all at the same time.

use aws_sdk_lightsail::Client;
use jiff::Timestamp;

use super::convert;
use super::errors::error;
use crate::cloud::api::CloudError;
use crate::inventory::Inventory;

/// Follows `nextPageToken` to the end: `$call` is the operation's builder, `$items` the list in its answer.
macro_rules! pages {
    ($client:expr, $call:ident, $items:ident, $name:literal) => {
        async {
            let mut all = Vec::new();
            let mut token: Option<String> = None;
            loop {
                let answer = $client.$call().set_page_token(token).send().await.map_err(|e| error($name, e))?;
                all.extend(answer.$items.unwrap_or_default());
                token = answer.next_page_token;
                if token.is_none() {
                    break Ok::<_, CloudError>(all);
                }
            }
        }
    };
}

pub(super) async fn observe(client: &Client) -> Result<Inventory, CloudError> {
    let (instances, disks, snapshots, addresses, key_pairs, alarms, bundles, contacts) = tokio::try_join!(
        pages!(client, get_instances, instances, "GetInstances"),
        pages!(client, get_disks, disks, "GetDisks"),
        pages!(client, get_disk_snapshots, disk_snapshots, "GetDiskSnapshots"),
        pages!(client, get_static_ips, static_ips, "GetStaticIps"),
        pages!(client, get_key_pairs, key_pairs, "GetKeyPairs"),
        pages!(client, get_alarms, alarms, "GetAlarms"),
        pages!(client, get_bundles, bundles, "GetBundles"),
        async {
            let answer = client.get_contact_methods().send().await.map_err(|e| error("GetContactMethods", e))?;
            Ok(answer.contact_methods.unwrap_or_default())
        },
    )?;
    Ok(Inventory {
        instances: instances.iter().map(convert::instance).collect(),
        disks: disks.iter().filter(|d| d.is_system_disk != Some(true)).map(convert::disk).collect(),
        snapshots: snapshots.iter().map(convert::snapshot).collect(),
        addresses: addresses.iter().map(convert::address).collect(),
        key_pairs: key_pairs.iter().map(convert::key_pair).collect(),
        contacts: contacts.iter().filter_map(convert::contact).collect(),
        alarms: alarms.iter().map(convert::alarm).collect(),
        sizes: bundles.iter().filter_map(convert::size).collect(),
        ..Inventory::empty(Timestamp::now())
    })
}
