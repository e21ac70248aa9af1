//! What logical decoding says of each change: pgoutput's messages, protocol version 1, values as text, as "Logical
//! Replication Message Formats" of PostgreSQL's manual lists them. Pure.

use crate::migrate::catalog::{QualifiedName, ReplicaIdentity};

/// A change, or the description of a table that comes before its changes. Begin, commit, origins and types say nothing
/// that is needed here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message<'a> {
    Table(Described),
    Insert { table: u32, new: Tuple<'a> },
    Update { table: u32, old: Option<Tuple<'a>>, new: Tuple<'a> },
    Delete { table: u32, old: Tuple<'a> },
    Truncate { tables: Vec<u32> },
    Other,
}

/// A table, or the root of a partitioned one: its number stands in the changes that follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    pub number: u32,
    pub name: QualifiedName,
    pub identity: ReplicaIdentity,
    pub columns: Vec<DescribedColumn>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedColumn {
    pub name: String,
    /// Part of what a row is recognised by.
    pub identifies: bool,
}

/// Values in the order of the table's columns.
pub type Tuple<'a> = Vec<Value<'a>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    Null,
    /// Kept out of line, and not touched by the update.
    Unchanged,
    Text(&'a str),
    /// It was in the part of the message that was not read.
    CutOff,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a change in the log cannot be read: {what} at byte {at}")]
pub struct MessageError {
    what: &'static str,
    at: usize,
}

pub fn parse(bytes: &[u8]) -> Result<Message<'_>, MessageError> {
    message(Reader { bytes, at: 0, is_head: false })
}

/// The beginning of a message that is too long to be read whole: a change's table, and the values that are in it.
pub fn parse_head(bytes: &[u8]) -> Result<Message<'_>, MessageError> {
    message(Reader { bytes, at: 0, is_head: true })
}

/// The table of a row that was inserted, updated or deleted, without reading the row.
pub fn table_of_row(bytes: &[u8]) -> Option<u32> {
    let number = bytes.get(1..5).filter(|_| matches!(bytes[0], b'I' | b'U' | b'D'))?;
    Some(u32::from_be_bytes(number.try_into().ok()?))
}

fn message(mut reader: Reader<'_>) -> Result<Message<'_>, MessageError> {
    Ok(match reader.byte()? {
        b'R' => Message::Table(described(&mut reader)?),
        b'I' => {
            let table = reader.number()?;
            reader.expect(b'N')?;
            Message::Insert { table, new: tuple(&mut reader)? }
        }
        b'U' => update(&mut reader)?,
        b'D' => {
            let table = reader.number()?;
            reader.old()?;
            Message::Delete { table, old: tuple(&mut reader)? }
        }
        b'T' => {
            let count = reader.number()?;
            let _cascade_and_restart = reader.byte()?;
            Message::Truncate { tables: (0..count).map(|_| reader.number()).collect::<Result<_, _>>()? }
        }
        _ => Message::Other,
    })
}

fn update<'a>(reader: &mut Reader<'a>) -> Result<Message<'a>, MessageError> {
    let table = reader.number()?;
    let old = if reader.peek() == Some(b'N') {
        None
    } else {
        reader.old()?;
        Some(tuple(reader)?)
    };
    if reader.is_cut_off(1) {
        return Ok(Message::Update { table, old, new: vec![] });
    }
    reader.expect(b'N')?;
    Ok(Message::Update { table, old, new: tuple(reader)? })
}

fn described(reader: &mut Reader<'_>) -> Result<Described, MessageError> {
    let number = reader.number()?;
    let (schema, name) = (reader.text()?, reader.text()?);
    // Left out for the system's own.
    let schema = if schema.is_empty() { "pg_catalog".to_owned() } else { schema };
    let identity = match reader.byte()? {
        b'd' => ReplicaIdentity::Default,
        b'f' => ReplicaIdentity::Full,
        b'i' => ReplicaIdentity::Index,
        b'n' => ReplicaIdentity::Nothing,
        _ => return Err(reader.wrong("an unknown replica identity")),
    };
    let count = reader.short()?;
    let columns = (0..count).map(|_| column(reader)).collect::<Result<_, _>>()?;
    Ok(Described { number, name: QualifiedName::new(schema, name), identity, columns })
}

fn column(reader: &mut Reader<'_>) -> Result<DescribedColumn, MessageError> {
    let flags = reader.byte()?;
    let name = reader.text()?;
    let (_type, _modifier) = (reader.number()?, reader.number()?);
    Ok(DescribedColumn { name, identifies: flags & 1 == 1 })
}

fn tuple<'a>(reader: &mut Reader<'a>) -> Result<Tuple<'a>, MessageError> {
    if reader.is_cut_off(2) {
        return Ok(vec![]);
    }
    let count = reader.short()?;
    (0..count).map(|_| value(reader)).collect()
}

fn value<'a>(reader: &mut Reader<'a>) -> Result<Value<'a>, MessageError> {
    if reader.is_cut_off(1) {
        return Ok(Value::CutOff);
    }
    match reader.byte()? {
        b'n' => Ok(Value::Null),
        b'u' => Ok(Value::Unchanged),
        b't' => {
            if reader.is_cut_off(4) {
                return Ok(Value::CutOff);
            }
            let length = reader.number()? as usize;
            if reader.is_cut_off(length) {
                return Ok(Value::CutOff);
            }
            let bytes = reader.take(length)?;
            Ok(Value::Text(std::str::from_utf8(bytes).map_err(|_| reader.wrong("a text that is no UTF-8"))?))
        }
        _ => Err(reader.wrong("an unknown kind of value")),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The message is longer than these bytes.
    is_head: bool,
}

impl<'a> Reader<'a> {
    fn wrong(&self, what: &'static str) -> MessageError {
        MessageError { what, at: self.at }
    }

    /// So many bytes are not there because the message was not read whole. What follows them is not there either.
    fn is_cut_off(&mut self, length: usize) -> bool {
        let missing = self.is_head && self.bytes.len() - self.at < length;
        if missing {
            self.at = self.bytes.len();
        }
        missing
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], MessageError> {
        let end = self.at.checked_add(length).ok_or(self.wrong("an impossible length"))?;
        let taken = self.bytes.get(self.at..end).ok_or(self.wrong("its end in the middle"))?;
        self.at = end;
        Ok(taken)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn byte(&mut self) -> Result<u8, MessageError> {
        Ok(self.take(1)?[0])
    }

    fn short(&mut self) -> Result<u16, MessageError> {
        let bytes = self.take(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn number(&mut self) -> Result<u32, MessageError> {
        let bytes = self.take(4)?;
        Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// Ended by a zero byte.
    fn text(&mut self) -> Result<String, MessageError> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| *byte == 0).ok_or(self.wrong("a name without an end"))?;
        let text = std::str::from_utf8(&rest[..length]).map_err(|_| self.wrong("a name that is no UTF-8"))?;
        self.at += length + 1;
        Ok(text.to_owned())
    }

    fn expect(&mut self, letter: u8) -> Result<(), MessageError> {
        if self.byte()? == letter { Ok(()) } else { Err(self.wrong("another letter than expected")) }
    }

    /// The key alone, or the whole row.
    fn old(&mut self) -> Result<(), MessageError> {
        if matches!(self.byte()?, b'K' | b'O') { Ok(()) } else { Err(self.wrong("another letter than K or O")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Value<'_> {
        Value::Text(value)
    }

    #[test]
    fn a_table_names_what_identifies_its_rows() {
        let bytes =
            b"R\0\0\x40\x01public\0t\0d\0\x02\x01id\0\0\0\0\x17\xff\xff\xff\xff\0body\0\0\0\0\x19\xff\xff\xff\xff";
        let Message::Table(table) = parse(bytes).unwrap() else { panic!("no table") };
        assert_eq!((table.number, table.name.plain().as_str()), (0x4001, "public.t"));
        assert_eq!(table.identity, ReplicaIdentity::Default);
        let columns: Vec<_> = table.columns.iter().map(|column| (column.name.as_str(), column.identifies)).collect();
        assert_eq!(columns, [("id", true), ("body", false)]);
    }

    #[test]
    fn changes_have_values_nulls_and_what_was_left_alone() {
        let insert = parse(b"I\0\0\0\x05N\0\x02t\0\0\0\x017n").unwrap();
        assert_eq!(insert, Message::Insert { table: 5, new: vec![text("7"), Value::Null] });
        let update = parse(b"U\0\0\0\x05K\0\x02t\0\0\0\x017nN\0\x02t\0\0\0\x018u").unwrap();
        let (old, new) = (Some(vec![text("7"), Value::Null]), vec![text("8"), Value::Unchanged]);
        assert_eq!(update, Message::Update { table: 5, old, new });
        let update = parse(b"U\0\0\0\x05N\0\x01n").unwrap();
        assert_eq!(update, Message::Update { table: 5, old: None, new: vec![Value::Null] });
        let delete = parse(b"D\0\0\0\x05O\0\x01t\0\0\0\x02ab").unwrap();
        assert_eq!(delete, Message::Delete { table: 5, old: vec![text("ab")] });
        let truncate = parse(b"T\0\0\0\x02\x01\0\0\0\x05\0\0\0\x06").unwrap();
        assert_eq!(truncate, Message::Truncate { tables: vec![5, 6] });
        assert_eq!(parse(b"Banything").unwrap(), Message::Other);
    }

    #[test]
    fn what_is_cut_off_is_refused_wherever_it_is_cut() {
        let whole = b"U\0\0\0\x05K\0\x02t\0\0\0\x017nN\0\x02t\0\0\0\x018u";
        for end in 0..whole.len() {
            assert!(parse(&whole[..end]).is_err(), "{end}");
        }
    }

    /// A key before a large value is known, one behind it is not.
    #[test]
    fn of_a_message_that_is_too_long_its_head_is_read() {
        let whole = b"U\0\0\0\x05K\0\x02t\0\0\0\x017nN\0\x03t\0\0\0\x018t\0\0\0\x09123456789n";
        let head = |end: usize| parse_head(&whole[..end]).unwrap();
        let (old, new) = (Some(vec![text("7"), Value::Null]), vec![text("8"), Value::CutOff, Value::CutOff]);
        assert_eq!(head(28), Message::Update { table: 5, old, new });
        for end in 6..whole.len() {
            assert!(matches!(head(end), Message::Update { table: 5, .. }), "{end}");
        }
        assert_eq!(table_of_row(whole), Some(5));
        assert_eq!(table_of_row(b"C\0\0\0\x05"), None);
    }
}
