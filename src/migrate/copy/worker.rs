//! One part, from its first statement to its commit, and again when the connection fails.

use std::collections::HashMap;

use super::error::CopyError;
use super::event::Tell;
use super::ledger;
use super::limit::Limit;
use super::patience::Patience;
use super::plan::{Blocks, Part, Relation, Work};
use super::rewrite::{File, Rewritten, rewritten, still_shown};
use super::session::{Ends, Pair, enter_snapshot};
use super::sql;
use crate::migrate::catalog::QualifiedName;
use crate::postgres::PostgresError;
use crate::postgres::wire::{PassError, Passed, pass};

/// What a worker works with; its connections live from part to part.
pub struct Worker<'a> {
    pub ends: &'a Ends,
    pub plan: &'a str,
    /// Of tables that were started over.
    pub files: &'a HashMap<QualifiedName, File>,
    pub block_size: u64,
    pub limit: &'a Limit,
    pub tell: &'a Tell,
    pub pair: Option<Pair>,
}

/// Why one attempt failed.
enum Failure {
    /// An earlier attempt, or an earlier copier, committed it.
    Done,
    Postgres(PostgresError),
    Other(CopyError),
}

impl From<PostgresError> for Failure {
    fn from(error: PostgresError) -> Self {
        Self::Postgres(error)
    }
}

impl From<CopyError> for Failure {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Postgres(error) => Self::Postgres(error),
            other => Self::Other(other),
        }
    }
}

impl From<PassError> for Failure {
    fn from(error: PassError) -> Self {
        Self::Postgres(error.error)
    }
}

impl Worker<'_> {
    /// Until it is committed, or cannot be.
    pub async fn copy(&mut self, part: &Part) -> Result<Passed, CopyError> {
        let mut patience = Patience::new();
        loop {
            let source = match self.attempt(part).await {
                Ok(passed) => return Ok(passed),
                Err(Failure::Done) => return Ok(Passed::default()),
                Err(Failure::Other(error)) => return Err(error),
                Err(Failure::Postgres(source)) => source,
            };
            let what = part.work.describe();
            if !source.is_transient() {
                return Err(CopyError::Part { what, source });
            }
            patience.wait(&what, source, self.tell).await?;
        }
    }

    /// The connections come back only when nothing failed: after an error they may be in the middle of anything.
    async fn attempt(&mut self, part: &Part) -> Result<Passed, Failure> {
        let mut pair = match self.pair.take() {
            Some(pair) => pair,
            None => self.ends.open().await?,
        };
        let operation = format!("copying {}", part.work.describe());
        begin(&mut pair, &operation, self.plan, part.number).await?;
        let passed = self.work(&mut pair, &operation, &part.work).await?;
        self.same_file(&mut pair, &operation, &part.work).await?;
        pair.target.query(&operation, "COMMIT").await?;
        // Whoever wants to drop a table that was copied must not wait for the end of the copy, and everybody behind him.
        let let_go = format!("ROLLBACK; {}", enter_snapshot(&self.ends.held));
        if pair.source.query(&operation, &let_go).await.is_ok() {
            self.pair = Some(pair);
        }
        Ok(passed)
    }

    async fn work(&self, pair: &mut Pair, operation: &str, work: &Work) -> Result<Passed, Failure> {
        match work {
            Work::Whole(relation) => {
                let into = format!("{}; {}", sql::truncate([&relation.name]), sql::write(relation, true));
                self.pass(pair, operation, &sql::read(relation, None), &into).await
            }
            Work::Range(relation, blocks) => self.table(pair, operation, relation, Some(*blocks)).await,
            Work::Group(relations) => {
                let mut sum = Passed::default();
                for relation in relations {
                    let operation = format!("copying {}", relation.name.plain());
                    let passed = self.table(pair, &operation, relation, None).await?;
                    sum = Passed { bytes: sum.bytes + passed.bytes, rows: sum.rows + passed.rows };
                }
                Ok(sum)
            }
            Work::LargeObjects(first, last) => {
                let passed = self.pass(pair, operation, &sql::read_objects(*first, *last), sql::STAGE_OBJECTS).await?;
                pair.target.query(operation, &sql::write_objects(self.block_size)).await?;
                Ok(passed)
            }
        }
    }

    /// What was read is all that there is: a range has the addresses of the file that its table's other ranges come from.
    async fn same_file(&self, pair: &mut Pair, operation: &str, work: &Work) -> Result<(), Failure> {
        let rewritten = rewritten(&mut pair.source, operation, work.relations()).await?;
        // One that is read at once is read from one file.
        if let Work::Range(relation, blocks) = work
            && *blocks != (Blocks { from: 0, to: None })
        {
            let found = rewritten.into_iter().next();
            return match (found, self.files.get(&relation.name)) {
                (Some(Rewritten { file, .. }), Some(wanted)) if file == *wanted => Ok(()),
                (Some(rewritten), _) => Err(Failure::Other(CopyError::Rewritten { rewritten })),
                (None, _) => Ok(()),
            };
        }
        for Rewritten { table, .. } in rewritten {
            still_shown(pair, self.ends, &table).await?;
        }
        Ok(())
    }

    async fn table(
        &self,
        pair: &mut Pair,
        operation: &str,
        relation: &Relation,
        blocks: Option<Blocks>,
    ) -> Result<Passed, Failure> {
        self.pass(pair, operation, &sql::read(relation, blocks), &sql::write(relation, false)).await
    }

    async fn pass(&self, pair: &mut Pair, operation: &str, from: &str, into: &str) -> Result<Passed, Failure> {
        Ok(pass(&mut pair.source, from, &mut pair.target, into, operation, self.limit).await?)
    }
}

async fn begin(pair: &mut Pair, operation: &str, plan: &str, part: i32) -> Result<(), Failure> {
    let sql = format!("BEGIN; {}", ledger::enter(plan, part));
    match pair.target.query(operation, &sql).await {
        Err(error) if error.sqlstate() == Some("23505") => Err(Failure::Done),
        other => other.map(drop).map_err(Failure::from),
    }
}
