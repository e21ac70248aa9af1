//! The provider of managed databases, as verbs use it.

use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinHandle;

use super::args::Global;
use crate::error::CommandError;
use crate::stack::{DatabaseError, ManagedDatabase, Stack};
use crate::ui;

/// The provider, with a display of what it does.
pub struct Provider<'a> {
    pub database: ManagedDatabase<'a>,
    showing: JoinHandle<()>,
}

impl<'a> Provider<'a> {
    pub async fn connect(global: &Global, stack: &'a Stack) -> Result<Self, CommandError> {
        let (events, mut shown) = unbounded_channel();
        let mut display = ui::display(global.mode(), global.verbose);
        let showing = tokio::spawn(async move {
            while let Some(event) = shown.recv().await {
                display.event(&event);
            }
        });
        let database = ManagedDatabase::connect(stack, events).await;
        let database = database.ok_or_else(|| CommandError::usage("the plan names no region"))?;
        Ok(Self { database, showing })
    }

    /// What was said is read before anything stands below it.
    pub async fn end(self) {
        drop(self.database);
        drop(self.showing.await);
    }
}

impl From<DatabaseError> for CommandError {
    fn from(error: DatabaseError) -> Self {
        let hint = error.hint();
        Self::failed(error).hints(hint)
    }
}
