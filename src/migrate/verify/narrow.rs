//! From buckets that differ to rows, and to their columns.

use std::collections::{BTreeMap, HashMap};

use super::end::VerifyError;
use super::hash::{Subject, Sums};
use super::report::{RowDifference, RowFault};
use super::row;
use crate::postgres::Client;

/// Buckets that are looked into; one row that changed differs in two.
const MOST_BUCKETS: usize = 32;

/// Rows that are read of one end, and differences that are told of one table: who has more reads the count.
const MOST_ROWS: usize = 200_000;
const MOST_TOLD: usize = 20;

pub fn differing(source: &Sums, target: &Sums) -> Vec<i32> {
    let all = source.keys().chain(target.keys()).collect::<std::collections::BTreeSet<_>>();
    all.into_iter().filter(|bucket| source.get(bucket) != target.get(bucket)).copied().collect()
}

/// Rows of one end by hash: their places and keys.
type Rows = HashMap<i64, Vec<(String, Option<String>)>>;

/// What differs, and whether there is more than is told.
pub async fn narrow(
    source: &Client,
    target: &Client,
    subject: &Subject,
    buckets: &[i32],
) -> Result<(Vec<RowDifference>, bool), VerifyError> {
    let theirs = &subject.at_its_own();
    let looked_into = &buckets[..buckets.len().min(MOST_BUCKETS)];
    let (here, there) = tokio::try_join!(rows(source, subject, looked_into), rows(target, theirs, looked_into))?;
    let missing = excess(&here, &there);
    let extra = excess(&there, &here);
    let more = buckets.len() > looked_into.len() || missing.len().max(extra.len()) > MOST_TOLD;
    let paired = pair(missing, extra);
    let mut differences = Vec::new();
    for (key, missing, extra) in paired.into_iter().take(MOST_TOLD) {
        differences.push(match (missing, extra) {
            (Some(here), Some(there)) => {
                let columns = columns(source, target, subject, &here, &there).await?;
                RowDifference {
                    fault: RowFault::Changed,
                    key: Some(key),
                    source_place: Some(here),
                    target_place: Some(there),
                    columns,
                }
            }
            (source_place, target_place) => {
                let fault = if source_place.is_some() { RowFault::Missing } else { RowFault::Extra };
                let key = (!subject.relation.key.is_empty()).then_some(key);
                RowDifference { fault, key, source_place, target_place, columns: vec![] }
            }
        });
    }
    Ok((differences, more))
}

async fn rows(client: &Client, subject: &Subject, buckets: &[i32]) -> Result<Rows, VerifyError> {
    let sql = row::rows_of_buckets(&subject.relation, subject.buckets, buckets, MOST_ROWS);
    let operation = format!("looking for rows of {} that differ", subject.relation.name.plain());
    let mut found = Rows::new();
    for row in client.rows(&operation, &sql, &[]).await? {
        found.entry(row.get(0)).or_default().push((row.get(1), row.get(2)));
    }
    Ok(found)
}

/// Rows that the first has more often than the second.
fn excess(rows: &Rows, others: &Rows) -> Vec<(String, Option<String>)> {
    let beyond = rows.iter().flat_map(|(hash, found)| found.iter().skip(others.get(hash).map_or(0, Vec::len)));
    let mut list: Vec<_> = beyond.cloned().collect();
    list.sort_by(|a, b| (&a.1, &a.0).cmp(&(&b.1, &b.0)));
    list
}

/// By key: the place at the source, the place at the target. Rows without a key stand for themselves.
fn pair(
    missing: Vec<(String, Option<String>)>,
    extra: Vec<(String, Option<String>)>,
) -> Vec<(String, Option<String>, Option<String>)> {
    let mut pairs: BTreeMap<String, (Option<String>, Option<String>)> = BTreeMap::new();
    for (place, key) in missing {
        let key = key.unwrap_or_else(|| format!("source {place}"));
        pairs.entry(key).or_default().0 = Some(place);
    }
    for (place, key) in extra {
        let key = key.unwrap_or_else(|| format!("target {place}"));
        pairs.entry(key).or_default().1 = Some(place);
    }
    pairs.into_iter().map(|(key, (source, target))| (key, source, target)).collect()
}

async fn columns(
    source: &Client,
    target: &Client,
    subject: &Subject,
    here: &str,
    there: &str,
) -> Result<Vec<String>, VerifyError> {
    let operation = format!("comparing columns of a row of {}", subject.relation.name.plain());
    if !subject.relation.places {
        return Ok(vec![]);
    }
    let (here, there) = (row::columns_at(&subject.relation, here), row::columns_at(&subject.relation, there));
    let (here, there) = tokio::try_join!(source.row(&operation, &here, &[]), target.row(&operation, &there, &[]))?;
    let (here, there): (Vec<i64>, Vec<i64>) = (here.get(0), there.get(0));
    let names = subject.relation.columns.iter().map(|(name, _)| name.clone());
    Ok(names.zip(here.iter().zip(&there)).filter(|(_, (a, b))| a != b).map(|(name, _)| name).collect())
}
