//! COPY from one server into another. A server sends each row as a message of its own; what comes with one read is passed
//! on as one message, because taking a message in costs a server more than taking in a row's bytes. Only the borders of
//! messages are looked at. Memory does not depend on the size of rows.

use std::future::Future;

use bytes::Buf;
use futures::FutureExt;
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;

use super::connection::{Connection, server, unexpected, unfit};
use super::frames::{BadLength, Frames, message};
use crate::postgres::error::PostgresError;

/// Is told of bytes before they are written, and may make them wait.
pub trait Meter: Sync {
    fn pass(&self, bytes: usize) -> impl Future<Output = ()> + Send;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Source,
    Target,
}

/// Which end failed. Both connections are to be dropped: the other one is in the middle of its COPY.
#[derive(Debug)]
pub struct PassError {
    pub side: Side,
    pub error: PostgresError,
}

/// What one COPY moved; both servers counted the same number of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passed {
    pub bytes: u64,
    pub rows: u64,
}

/// Runs `from` (`COPY … TO STDOUT`) at the source and `into` (`COPY … FROM STDIN`, maybe after other statements) at the
/// target, and moves the data. Unless `into` is within a transaction, it is committed when this returns.
pub async fn pass(
    source: &mut Connection,
    from: &str,
    target: &mut Connection,
    into: &str,
    operation: &str,
    meter: &impl Meter,
) -> Result<Passed, PassError> {
    let at = |side| move |error| PassError { side, error };
    source.start_query(operation, from).await.map_err(at(Side::Source))?;
    target.start_query(operation, into).await.map_err(at(Side::Target))?;
    source.expect_copy(operation).await.map_err(at(Side::Source))?;
    target.expect_copy(operation).await.map_err(at(Side::Target))?;
    let bytes = match stream(source, target, operation, meter).await {
        Err(PassError { side: Side::Source, error }) => {
            target.fail_copy(operation).await;
            return Err(PassError { side: Side::Source, error });
        }
        other => other?,
    };
    // The source's last word comes before the target may commit.
    let sent = source.answer(operation).await.and_then(|answer| counted(operation, &answer.tag));
    let sent = match sent {
        Ok(rows) => rows,
        Err(error) => {
            target.fail_copy(operation).await;
            return Err(PassError { side: Side::Source, error });
        }
    };
    frontend::copy_done(&mut target.output);
    let ended = async {
        target.send(operation).await?;
        counted(operation, &target.answer(operation).await?.tag)
    };
    let rows = ended.await.map_err(at(Side::Target))?;
    if rows == sent {
        return Ok(Passed { bytes, rows });
    }
    let detail = format!("{sent} rows were sent, {rows} arrived");
    Err(PassError { side: Side::Target, error: PostgresError::Protocol { operation: operation.to_owned(), detail } })
}

/// Runs `from` (`COPY … TO STDOUT`) and throws the data away: how fast a server is read.
pub async fn discard(source: &mut Connection, from: &str, operation: &str) -> Result<Passed, PostgresError> {
    source.start_query(operation, from).await?;
    source.expect_copy(operation).await?;
    let (mut frames, mut bytes) = (Frames::default(), 0);
    loop {
        let data = frames.scan(&source.input, |_| ()).map_err(|bad| too_long(operation, &bad))?;
        source.input.advance(data);
        bytes += data as u64;
        if source.input.is_empty() {
            source.fill(operation).await?;
        } else if source.copy_ended(operation).await? {
            break;
        }
    }
    let rows = counted(operation, &source.answer(operation).await?.tag)?;
    Ok(Passed { bytes, rows })
}

fn too_long(operation: &str, bad: &BadLength) -> PostgresError {
    PostgresError::Protocol { operation: operation.to_owned(), detail: format!("a message of {} bytes", bad.0) }
}

/// Up to and with the source's CopyDone.
async fn stream(
    source: &mut Connection,
    target: &mut Connection,
    operation: &str,
    meter: &impl Meter,
) -> Result<u64, PassError> {
    let at = |side| move |error| PassError { side, error };
    let mut frames = Frames::default();
    let mut bytes = 0;
    loop {
        let data =
            message(&mut target.output, |output| frames.scan(&source.input, |piece| output.extend_from_slice(piece)));
        let data = data.map_err(|bad| at(Side::Source)(too_long(operation, &bad)))?;
        if data > 0 {
            source.input.advance(data);
            meter.pass(data).await;
            target.send(operation).await.map_err(at(Side::Target))?;
            bytes += data as u64;
            target.complain(operation).map_err(at(Side::Target))?;
        }
        if source.input.is_empty() {
            source.fill(operation).await.map_err(at(Side::Source))?;
        } else if source.copy_ended(operation).await.map_err(at(Side::Source))? {
            return Ok(bytes);
        }
    }
}

impl Connection {
    /// Waits for COPY to begin; statements before it may answer first.
    async fn expect_copy(&mut self, operation: &str) -> Result<(), PostgresError> {
        loop {
            match self.message(operation).await? {
                Message::CopyOutResponse(_) | Message::CopyInResponse(_) => return Ok(()),
                Message::ErrorResponse(body) => return Err(server(operation, &body)),
                Message::CommandComplete(_) | Message::RowDescription(_) | Message::DataRow(_) => {}
                _ => return Err(unexpected(operation)),
            }
        }
    }

    /// Something else than data arrived: the end, an error, or a notice between two rows.
    async fn copy_ended(&mut self, operation: &str) -> Result<bool, PostgresError> {
        const ASIDE: [u8; 3] = [b'N', b'S', b'A'];
        if self.input.first().is_some_and(|tag| ASIDE.contains(tag)) {
            self.skip(operation).await?;
            return Ok(false);
        }
        match self.message(operation).await? {
            Message::CopyDone => Ok(true),
            Message::ErrorResponse(body) => Err(server(operation, &body)),
            _ => Err(unexpected(operation)),
        }
    }

    /// Passes over one message.
    async fn skip(&mut self, operation: &str) -> Result<(), PostgresError> {
        loop {
            match Message::parse(&mut self.input).map_err(|error| unfit(operation, &error))? {
                Some(_) => return Ok(()),
                None => self.fill(operation).await?,
            }
        }
    }

    /// An error that the server told while it is being written to. It would read on and throw all away until the end.
    fn complain(&mut self, operation: &str) -> Result<(), PostgresError> {
        match self.message(operation).now_or_never() {
            None => Ok(()),
            Some(Ok(Message::ErrorResponse(body))) => Err(server(operation, &body)),
            Some(Ok(_)) => Err(unexpected(operation)),
            Some(Err(error)) => Err(error),
        }
    }

    /// Ends COPY without committing. The error that follows is the one that was asked for.
    async fn fail_copy(&mut self, operation: &str) {
        let asked = frontend::copy_fail("the source failed", &mut self.output);
        if asked.is_ok() && self.send(operation).await.is_ok() {
            drop(self.answer(operation).await);
        }
    }
}

/// `COPY 42`.
fn counted(operation: &str, tag: &str) -> Result<u64, PostgresError> {
    tag.strip_prefix("COPY ").and_then(|count| count.parse().ok()).ok_or_else(|| unexpected(operation))
}
