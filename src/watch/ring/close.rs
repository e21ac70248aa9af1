//! What is over is packed: five minutes of readings into a block and a summary, six hours of summaries into another block; and
//! what is too old makes room. All of it within the transaction of the reading that began the next five minutes.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::block::{Block, Codec};
use super::moment::{Moment, slot_seconds};
use super::store::{MOST_PAGES, pragma};

/// 48 hours of readings. By number and not by time: a clock that is a year ahead for a minute must not cost everything.
const MOST_READINGS: i64 = 48 * 3600 / 10;
/// 90 days of summaries.
const MOST_SLOTS: i64 = 90 * 24 * 12;

/// Packs whatever is over at `now`. Returns how many rows could not be read and are gone.
pub fn close(db: &Connection, codec: &mut Codec, now: Moment) -> rusqlite::Result<u32> {
    let mut damaged = 0;
    while let Some(oldest) = oldest(db, "reading")?.map(Moment::slot).filter(|oldest| *oldest < now.slot()) {
        damaged += close_slot(db, codec, oldest)?;
    }
    while let Some(oldest) = oldest(db, "summary")?.map(Moment::period).filter(|oldest| *oldest < now.period()) {
        damaged += close_period(db, codec, oldest)?;
    }
    make_room(db)?;
    Ok(damaged)
}

fn oldest(db: &Connection, table: &str) -> rusqlite::Result<Option<Moment>> {
    let key: Option<i64> = db.query_row(&format!("SELECT min(key) FROM {table}"), [], |row| row.get(0))?;
    Ok(key.map(Moment::of_key))
}

/// What the rows hold, in order, with their distance from the beginning of the range; and how many are damaged.
fn rows(
    db: &Connection,
    codec: &mut Codec,
    table: &str,
    keys: (i64, i64),
) -> rusqlite::Result<(Vec<(i64, Block)>, u32)> {
    let mut statement =
        db.prepare(&format!("SELECT key, cells FROM {table} WHERE key >= ?1 AND key < ?2 ORDER BY key"))?;
    let mut found = statement.query(params![keys.0, keys.1])?;
    let (mut blocks, mut damaged) = (vec![], 0);
    while let Some(row) = found.next()? {
        match codec.unpack(row.get_ref(1)?.as_blob().unwrap_or_default()) {
            Ok(block) => blocks.push((row.get::<_, i64>(0)? - keys.0, block)),
            Err(_) => damaged += 1,
        }
    }
    Ok((blocks, damaged))
}

fn close_slot(db: &Connection, codec: &mut Codec, slot: Moment) -> rusqlite::Result<u32> {
    let keys = slot.keys_of_slot();
    let (readings, damaged) = rows(db, codec, "reading", keys)?;
    if !readings.is_empty() {
        let fine = joined(1, &readings, 1);
        let summary = codec.pack(&summarized(&fine));
        db.prepare("INSERT INTO fine (key, readings, cells) VALUES (?1, ?2, ?3)")?.execute(params![
            slot.key(),
            readings.len() as i64,
            codec.pack(&fine)
        ])?;
        db.prepare("INSERT INTO summary (key, cells) VALUES (?1, ?2)")?.execute(params![slot.key(), summary])?;
    }
    db.prepare("DELETE FROM reading WHERE key >= ?1 AND key < ?2")?.execute(params![keys.0, keys.1])?;
    Ok(damaged)
}

fn close_period(db: &Connection, codec: &mut Codec, period: Moment) -> rusqlite::Result<u32> {
    let keys = period.keys_of_period();
    let (summaries, damaged) = rows(db, codec, "summary", keys)?;
    if !summaries.is_empty() {
        let coarse = joined(SUMMARY_WIDTH, &summaries, slot_seconds());
        db.prepare("INSERT INTO coarse (key, slots, cells) VALUES (?1, ?2, ?3)")?.execute(params![
            period.key(),
            summaries.len() as i64,
            codec.pack(&coarse)
        ])?;
    }
    db.prepare("DELETE FROM summary WHERE key >= ?1 AND key < ?2")?.execute(params![keys.0, keys.1])?;
    Ok(damaged)
}

/// Blocks of one time each as one block of all; times in `unit` seconds.
fn joined(width: usize, rows: &[(i64, Block)], unit: i64) -> Block {
    let times = rows.iter().map(|(at, _)| u16::try_from(at / unit).expect("a range has fewer units")).collect();
    let mut columns: BTreeMap<String, Vec<f32>> = BTreeMap::new();
    for (index, (_, row)) in rows.iter().enumerate() {
        for (name, values) in &row.columns {
            let column = columns.entry(name.clone()).or_insert_with(|| vec![f32::NAN; width * rows.len()]);
            for (kind, value) in values.iter().take(width).enumerate() {
                column[kind * rows.len() + index] = *value;
            }
        }
    }
    Block { width, times, columns }
}

/// Minimum, mean, maximum and number of values.
pub const SUMMARY_WIDTH: usize = 4;

/// Of a block of readings. A peak of one reading is its maximum.
fn summarized(fine: &Block) -> Block {
    let columns = fine.columns.iter().filter_map(|(name, values)| Some((name.clone(), summary(values)?.to_vec())));
    Block { width: SUMMARY_WIDTH, times: vec![0], columns: columns.collect() }
}

fn summary(values: &[f32]) -> Option<[f32; SUMMARY_WIDTH]> {
    let present = || values.iter().copied().filter(|value| !value.is_nan());
    let count = present().count();
    let mean = present().map(f64::from).sum::<f64>() / count as f64;
    let (least, most) = (present().reduce(f32::min)?, present().reduce(f32::max)?);
    Some([least, (mean as f32).clamp(least, most), most, count as f32])
}

fn make_room(db: &Connection) -> rusqlite::Result<()> {
    while surplus(db, "fine", "readings", MOST_READINGS)? {
        drop_oldest(db, "fine")?;
    }
    while surplus(db, "coarse", "slots", MOST_SLOTS)? {
        drop_oldest(db, "coarse")?;
    }
    // More series than planned for: then they are kept for a shorter time. Summaries take most of the room.
    while pragma(db, "page_count")? - pragma(db, "freelist_count")? > MOST_PAGES {
        if drop_oldest(db, "coarse")? == 0 && drop_oldest(db, "fine")? == 0 {
            break;
        }
    }
    Ok(())
}

/// As many would be left without the oldest block.
fn surplus(db: &Connection, table: &str, counted: &str, most: i64) -> rusqlite::Result<bool> {
    let all: i64 = db.query_row(&format!("SELECT COALESCE(sum({counted}), 0) FROM {table}"), [], |row| row.get(0))?;
    let oldest = format!("SELECT {counted} FROM {table} ORDER BY key LIMIT 1");
    let oldest: Option<i64> = db.query_row(&oldest, [], |row| row.get(0)).optional()?;
    Ok(oldest.is_some_and(|oldest| all - oldest >= most))
}

fn drop_oldest(db: &Connection, table: &str) -> rusqlite::Result<usize> {
    db.execute(&format!("DELETE FROM {table} WHERE key = (SELECT min(key) FROM {table})"), [])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_keeps_the_peak_and_counts_only_what_was_there() {
        assert_eq!(summary(&[1.0, f32::NAN, 9.0, 2.0]), Some([1.0, 4.0, 9.0, 3.0]));
        assert_eq!(summary(&[f32::NAN]), None);
        // Rounding must not bring the mean out of its bounds.
        assert_eq!(summary(&[0.1; 30]), Some([0.1, 0.1, 0.1, 30.0]));
    }

    #[test]
    fn a_series_that_comes_late_has_gaps_before() {
        let row =
            |name: &str, value| Block { width: 1, times: vec![0], columns: [(name.to_owned(), vec![value])].into() };
        let block = joined(1, &[(0, row("a", 1.0)), (10, row("b", 2.0))], 1);
        assert_eq!(block.times, [0, 10]);
        assert!(block.columns["a"][0] == 1.0 && block.columns["a"][1].is_nan());
        assert!(block.columns["b"][0].is_nan() && block.columns["b"][1] == 2.0);
    }
}
