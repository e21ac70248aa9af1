//! What logical decoding says of each change: pgoutput's messages, protocol version 1, values as text, as "Logical
//! Replication Message Formats" of PostgreSQL's manual lists them. Pure.

use crate::migrate::catalog::{QualifiedName, ReplicaIdentity};

/// A change, or the description of a table that comes before its changes. Begin, commit, origins and types say nothing
/// that is needed here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    Table(Described),
    Insert { table: u32, new: Tuple },
    Update { table: u32, old: Option<Tuple>, new: Tuple },
    Delete { table: u32, old: Tuple },
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
pub type Tuple = Vec<Value>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Null,
    /// Kept out of line, and not touched by the update.
    Unchanged,
    Text(String),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a change in the log cannot be read: {what} at byte {at}")]
pub struct MessageError {
    what: &'static str,
    at: usize,
}

pub fn parse(bytes: &[u8]) -> Result<Message, MessageError> {
    let mut reader = Reader { bytes, at: 0 };
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

fn update(reader: &mut Reader<'_>) -> Result<Message, MessageError> {
    let table = reader.number()?;
    let old = if reader.peek() == Some(b'N') {
        None
    } else {
        reader.old()?;
        Some(tuple(reader)?)
    };
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

fn tuple(reader: &mut Reader<'_>) -> Result<Tuple, MessageError> {
    let count = reader.short()?;
    (0..count).map(|_| value(reader)).collect()
}

fn value(reader: &mut Reader<'_>) -> Result<Value, MessageError> {
    match reader.byte()? {
        b'n' => Ok(Value::Null),
        b'u' => Ok(Value::Unchanged),
        b't' => {
            let length = reader.number()? as usize;
            let bytes = reader.take(length)?;
            let text = std::str::from_utf8(bytes).map_err(|_| reader.wrong("a text that is no UTF-8"))?;
            Ok(Value::Text(text.to_owned()))
        }
        _ => Err(reader.wrong("an unknown kind of value")),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn wrong(&self, what: &'static str) -> MessageError {
        MessageError { what, at: self.at }
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

    fn text(value: &str) -> Value {
        Value::Text(value.to_owned())
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
}
