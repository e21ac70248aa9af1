//! What has no place, or no way, at the old database. Both catalogues are read for it, which takes a second with thousands of tables, only
//! when a definition is another than at a look that changed none.

use serde::{Deserialize, Serialize};

use super::context::{BACK, Context};
use super::{StageError, identity};
use crate::migrate::carried;
use crate::migrate::catalog;
use crate::migrate::drift::fingerprint;
use crate::migrate::files;
use crate::migrate::replicate::{Channel, Lack, have_rows, placeless};
use crate::postgres::Client;

/// One look's. `state` was read when every table had been given an identity.
pub struct Places<'a> {
    context: &'a Context,
    ends: (&'a Client, &'a Client),
    state: String,
    known: Option<Vec<Lack>>,
}

#[derive(Serialize, Deserialize)]
struct Known {
    /// Of both databases.
    state: String,
    /// With rows and without.
    placeless: Vec<Lack>,
}

impl<'a> Places<'a> {
    /// Tables that came since the last look get an identity, at both ends. `applier` is a session of the old database.
    pub async fn begin(
        context: &'a Context,
        applier: &Client,
        (new, old): (&'a Client, &'a Client),
    ) -> Result<Self, StageError> {
        let state = state(new, old).await?;
        let known = context.folder.read::<Known>(files::WAY_BACK_PLACES)?.filter(|known| known.state == state);
        let (state, known) = match known {
            Some(known) => (state, Some(known.placeless)),
            None => {
                identity::of_new_tables(context, applier, new).await?;
                (self::state(new, old).await?, None)
            }
        };
        Ok(Self { context, ends: (new, old), state, known })
    }

    /// Definitions were made meanwhile.
    pub fn forget(&mut self) {
        self.known = None;
    }

    /// Those that have rows.
    pub async fn lacking(self) -> Result<Vec<Lack>, StageError> {
        let (new, old) = self.ends;
        let placeless = match self.known {
            Some(known) => known,
            None => {
                let now = state(new, old).await?;
                let carried = carried::with_roots(&catalog::read(new).await?);
                let placeless = placeless(new, old, BACK, &carried).await?;
                // What changed during this look may need an identity.
                if now == self.state {
                    self.context
                        .folder
                        .write(files::WAY_BACK_PLACES, &Known { state: now, placeless: placeless.clone() })?;
                }
                placeless
            }
        };
        Ok(have_rows(new, placeless).await?)
    }
}

/// Changes with every definition of either, and with what is sent.
async fn state(new: &Client, old: &Client) -> Result<String, StageError> {
    let back = Channel { name: BACK, publisher: new, subscriber: old };
    let (here, there) = tokio::try_join!(fingerprint(new), fingerprint(old))?;
    Ok(format!("{here}/{there}/{}", back.sent().await?))
}
