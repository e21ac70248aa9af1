//! The table of contents of pg_dump's custom format (`pg_dump -Fc`), as `ReadHead` and `ReadToc` of PostgreSQL's
//! pg_backup_archiver.c read it. It has what text output has not: where a statement ends, what it belongs to, and what
//! it needs. A function's body may look like anything; here nothing is searched for in text.

use std::collections::BTreeSet;

use crate::migrate::catalog::Oid;

/// The number that other entries name it by, within one archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DumpId(pub i64);

/// One object, or one thing said about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub id: DumpId,
    /// Of the object in its system catalogue; 0 if it has none.
    pub oid: Oid,
    /// Its name; with its kind before it for comments and grants, with its table for what belongs to one.
    pub tag: String,
    /// pg_dump's word for its kind: `TABLE`, `FK CONSTRAINT`, `ACL`.
    pub kind: String,
    /// Statements, each ended by a semicolon. Names are qualified.
    pub definition: String,
    pub drop: String,
    pub schema: Option<String>,
    pub owner: Option<String>,
    pub needs: BTreeSet<DumpId>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    #[error("what pg_dump wrote is no archive")]
    NoArchive,
    #[error("pg_dump writes archives of version {major}.{minor}, this infra reads 1.14 to 1.16")]
    Version { major: u8, minor: u8 },
    #[error("the archive of pg_dump ends in its middle, at byte {at}")]
    Short { at: usize },
    #[error("the archive of pg_dump has text that is no UTF-8, at byte {at}")]
    Text { at: usize },
}

/// Items in the order in which pg_dump would write them: what is needed comes first.
pub fn parse(archive: &[u8]) -> Result<Vec<Item>, ArchiveError> {
    let mut reader = Reader { bytes: archive, at: 0, integer: 4, offset: 8 };
    let minor = head(&mut reader)?;
    let count = reader.integer()?;
    (0..count).map(|_| item(&mut reader, minor)).collect()
}

fn head(reader: &mut Reader<'_>) -> Result<u8, ArchiveError> {
    if reader.bytes.get(..5) != Some(b"PGDMP") {
        return Err(ArchiveError::NoArchive);
    }
    reader.at = 5;
    let (major, minor, _revision) = (reader.byte()?, reader.byte()?, reader.byte()?);
    // 1.14 came with PostgreSQL 12, 1.15 with 16, 1.16 with 17.
    if major != 1 || !(14..=16).contains(&minor) {
        return Err(ArchiveError::Version { major, minor });
    }
    reader.integer = reader.byte()?.into();
    reader.offset = reader.byte()?.into();
    let custom = 1;
    if reader.byte()? != custom {
        return Err(ArchiveError::NoArchive);
    }
    if minor >= 15 {
        reader.byte().map(drop)?
    } else {
        reader.integer().map(drop)?
    } // compression
    for _part_of_time in 0..7 {
        reader.integer()?;
    }
    for _database_and_versions in 0..3 {
        reader.text()?;
    }
    Ok(minor)
}

fn item(reader: &mut Reader<'_>, minor: u8) -> Result<Item, ArchiveError> {
    let id = DumpId(reader.integer()?);
    let _has_data = reader.integer()?;
    let _catalogue = reader.text()?;
    let oid = Oid(reader.text()?.and_then(|text| text.parse().ok()).unwrap_or(0));
    let tag = reader.text()?.unwrap_or_default();
    let kind = reader.text()?.unwrap_or_default();
    let _section = reader.integer()?;
    let definition = reader.text()?.unwrap_or_default();
    let drop = reader.text()?.unwrap_or_default();
    let _copy = reader.text()?;
    let schema = reader.text()?.filter(|schema| !schema.is_empty());
    let _tablespace = reader.text()?;
    let _access_method = reader.text()?;
    if minor >= 16 {
        let _relation_kind = reader.integer()?;
    }
    let owner = reader.text()?.filter(|owner| !owner.is_empty());
    let _with_oids = reader.text()?;
    let mut needs = BTreeSet::new();
    while let Some(number) = reader.text()? {
        needs.extend(number.parse().ok().map(DumpId));
    }
    reader.skip(1 + reader.offset)?; // where its data would be
    Ok(Item { id, oid, tag, kind, definition, drop, schema, owner, needs })
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Bytes of an integer and of an offset, as the header tells.
    integer: usize,
    offset: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], ArchiveError> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or(ArchiveError::Short { at: self.at })?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn skip(&mut self, count: usize) -> Result<(), ArchiveError> {
        self.take(count).map(drop)
    }

    fn byte(&mut self) -> Result<u8, ArchiveError> {
        Ok(self.take(1)?[0])
    }

    /// A sign, then the bytes from the lowest.
    fn integer(&mut self) -> Result<i64, ArchiveError> {
        let negative = self.byte()? != 0;
        let size = self.integer;
        let value = self.take(size)?.iter().rev().fold(0_i64, |value, byte| (value << 8) | i64::from(*byte));
        Ok(if negative { -value } else { value })
    }

    /// A length, then the text. A negative length is no text.
    fn text(&mut self) -> Result<Option<String>, ArchiveError> {
        let Ok(length) = usize::try_from(self.integer()?) else { return Ok(None) };
        let at = self.at;
        let bytes = self.take(length)?.to_vec();
        String::from_utf8(bytes).map(Some).map_err(|_| ArchiveError::Text { at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_archive_is_refused() {
        assert_eq!(parse(b""), Err(ArchiveError::NoArchive));
        assert_eq!(parse(b"--\n-- PostgreSQL database dump"), Err(ArchiveError::NoArchive));
        assert_eq!(parse(b"PGDMP\x01\x0d\x00\x04\x08\x01"), Err(ArchiveError::Version { major: 1, minor: 13 }));
        assert_eq!(parse(b"PGDMP\x01\x0e\x00\x04\x08\x01\x00"), Err(ArchiveError::Short { at: 12 }));
    }
}
