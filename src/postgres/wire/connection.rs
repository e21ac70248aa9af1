//! One raw connection: startup, simple queries, messages. What the server says beside the matter (notices, changed
//! parameters) goes to the log.

use std::io;

use bytes::BytesMut;
use postgres_protocol::message::backend::{DataRowBody, ErrorResponseBody, Header, Message};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::auth;
use crate::postgres::dial::{CONNECT_TIMEOUT, Stream, dial};
use crate::postgres::endpoint::Endpoint;
use crate::postgres::error::{PostgresError, ServerReport};
use crate::postgres::settings;

/// Large enough that a turn of the loop moves much, small enough for dozens of connections in 128 MB.
const CHUNK: usize = 256 * 1024;
/// Of a message that is held whole. Rows of tables never are; this is for answers about them.
const LONGEST_MESSAGE: i32 = 64 * 1024 * 1024;
const CANCEL_REQUEST_ANSWER: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    Sql,
    /// `replication=database`: also takes the commands of the replication protocol.
    Replication,
}

/// What a query answered; of several statements all rows, and the last one's command tag.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    pub rows: Vec<Vec<Option<String>>>,
    pub tag: String,
}

/// It ends with this value; the server rolls back what was not committed.
pub struct Connection {
    pub(super) stream: Stream,
    pub(super) input: BytesMut,
    pub(super) output: BytesMut,
    endpoint: Endpoint,
    process_id: i32,
    secret_key: i32,
}

impl Connection {
    /// A session with the pinned settings.
    pub async fn open(endpoint: &Endpoint, application_name: &str, kind: SessionKind) -> Result<Self, PostgresError> {
        let silent = |_| PostgresError::Silent { address: endpoint.address(), waited: CONNECT_TIMEOUT };
        let start = Self::start(endpoint, application_name, kind);
        tokio::time::timeout(CONNECT_TIMEOUT, start).await.map_err(silent)?
    }

    async fn start(endpoint: &Endpoint, application_name: &str, kind: SessionKind) -> Result<Self, PostgresError> {
        let stream = dial(endpoint).await?;
        let (input, output) = (BytesMut::new(), BytesMut::new());
        let mut connection = Self { stream, input, output, endpoint: endpoint.clone(), process_id: 0, secret_key: 0 };
        let operation = format!("logging in as {} at {}", endpoint.login(), endpoint.address());
        connection.greet(&operation, application_name, kind).await?;
        connection.query("pinning the session's settings", &settings::pin()).await?;
        Ok(connection)
    }

    async fn greet(&mut self, operation: &str, application_name: &str, kind: SessionKind) -> Result<(), PostgresError> {
        let endpoint = self.endpoint.clone();
        let mut parameters = vec![
            ("user", endpoint.login()),
            ("database", endpoint.database.as_str()),
            ("application_name", application_name),
            ("client_encoding", "UTF8"),
        ];
        if kind == SessionKind::Replication {
            parameters.push(("replication", "database"));
        }
        frontend::startup_message(parameters, &mut self.output).map_err(|error| unfit(operation, &error))?;
        self.send(operation).await?;
        auth::answer(self, operation, &endpoint).await?;
        loop {
            match self.message(operation).await? {
                Message::BackendKeyData(key) => {
                    (self.process_id, self.secret_key) = (key.process_id(), key.secret_key());
                }
                Message::ReadyForQuery(_) => return Ok(()),
                Message::ErrorResponse(body) => return Err(server(operation, &body)),
                _ => return Err(unexpected(operation)),
            }
        }
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The process at the server: what `pg_stat_activity` calls pid.
    pub fn process_id(&self) -> i32 {
        self.process_id
    }

    /// Runs statements to their end. After an error of the server the connection can be used again.
    pub async fn query(&mut self, operation: &str, sql: &str) -> Result<Answer, PostgresError> {
        self.start_query(operation, sql).await?;
        self.answer(operation).await
    }

    /// Sends statements without waiting.
    pub(super) async fn start_query(&mut self, operation: &str, sql: &str) -> Result<(), PostgresError> {
        frontend::query(sql, &mut self.output).map_err(|error| unfit(operation, &error))?;
        self.send(operation).await
    }

    /// Everything up to the server's being ready for the next query.
    pub(super) async fn answer(&mut self, operation: &str) -> Result<Answer, PostgresError> {
        let mut answer = Answer::default();
        let mut failed = None;
        loop {
            let message = match (self.message(operation).await, &mut failed) {
                (Ok(message), _) => message,
                // A server that ends the connection says why before; that is the error.
                (Err(lost), failed) => return Err(failed.take().unwrap_or(lost)),
            };
            match message {
                Message::DataRow(row) => answer.rows.push(texts(operation, &row)?),
                Message::CommandComplete(body) => {
                    answer.tag = body.tag().map_err(|error| unfit(operation, &error))?.to_owned();
                }
                Message::ErrorResponse(body) => failed = Some(server(operation, &body)),
                Message::ReadyForQuery(_) => return failed.map_or(Ok(answer), Err),
                Message::RowDescription(_) | Message::EmptyQueryResponse => {}
                _ => return Err(unexpected(operation)),
            }
        }
    }

    /// Asks the server, over a connection of its own, to stop what this one does.
    pub async fn cancel(&self) -> Result<(), PostgresError> {
        let operation = "cancelling a statement";
        let mut stream = dial(&self.endpoint).await?;
        let mut request = BytesMut::with_capacity(CANCEL_REQUEST_ANSWER);
        frontend::cancel_request(self.process_id, self.secret_key, &mut request);
        stream.write_all(&request).await.map_err(|error| lost(operation, error))?;
        // The server closes without a word; until then the request may not have arrived.
        stream.read_to_end(&mut vec![]).await.map_err(|error| lost(operation, error))?;
        Ok(())
    }

    /// Waits for the server to end the connection, and returns what it said.
    pub async fn until_closed(&mut self, operation: &str) -> PostgresError {
        loop {
            match self.message(operation).await {
                Ok(Message::ErrorResponse(body)) => return server(operation, &body),
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    }

    pub(super) async fn send(&mut self, operation: &str) -> Result<(), PostgresError> {
        let sent = async {
            self.stream.write_all(&self.output).await?;
            self.stream.flush().await
        };
        let sent = sent.await;
        self.output.clear();
        match sent {
            Ok(()) => Ok(()),
            Err(error) => Err(self.last_words(operation, error).await),
        }
    }

    /// A server that ends a connection says why before it does; the reason is still in our buffers when writing fails.
    pub(super) async fn last_words(&mut self, operation: &str, error: io::Error) -> PostgresError {
        loop {
            match self.message(operation).await {
                Ok(Message::ErrorResponse(body)) => return server(operation, &body),
                Ok(_) => {}
                Err(_) => return lost(operation, error),
            }
        }
    }

    /// The next message that says something about the matter. May be dropped in mid-wait: nothing is lost.
    pub(super) async fn message(&mut self, operation: &str) -> Result<Message, PostgresError> {
        loop {
            let header = Header::parse(&self.input).map_err(|error| unfit(operation, &error))?;
            if header.is_some_and(|header| header.len() > LONGEST_MESSAGE) {
                return Err(PostgresError::Protocol {
                    operation: operation.to_owned(),
                    detail: "a message too long".into(),
                });
            }
            match Message::parse(&mut self.input).map_err(|error| unfit(operation, &error))? {
                None => self.fill(operation).await?,
                Some(Message::NoticeResponse(notice)) => {
                    tracing::debug!(address = self.endpoint.address(), "{}", report(notice.fields()));
                }
                Some(Message::ParameterStatus(_) | Message::NotificationResponse(_)) => {}
                Some(message) => return Ok(message),
            }
        }
    }

    /// Waits for more input.
    pub(super) async fn fill(&mut self, operation: &str) -> Result<(), PostgresError> {
        self.input.reserve(CHUNK);
        match self.stream.read_buf(&mut self.input).await {
            Ok(0) => Err(PostgresError::Lost { operation: operation.to_owned(), source: None }),
            Ok(_) => Ok(()),
            Err(error) => Err(lost(operation, error)),
        }
    }
}

fn texts(operation: &str, row: &DataRowBody) -> Result<Vec<Option<String>>, PostgresError> {
    use fallible_iterator::FallibleIterator;

    let text = |range: Option<std::ops::Range<usize>>| match range {
        None => Ok(None),
        Some(range) => {
            std::str::from_utf8(&row.buffer()[range]).map(|text| Some(text.to_owned())).map_err(io::Error::other)
        }
    };
    row.ranges().map(text).collect().map_err(|error| unfit(operation, &error))
}

pub(super) fn server(operation: &str, body: &ErrorResponseBody) -> PostgresError {
    PostgresError::Server { operation: operation.to_owned(), report: Box::new(report(body.fields())) }
}

fn report(mut fields: postgres_protocol::message::backend::ErrorFields<'_>) -> ServerReport {
    use fallible_iterator::FallibleIterator;

    let mut report = ServerReport::default();
    while let Ok(Some(field)) = fields.next() {
        report.field(field.type_(), &String::from_utf8_lossy(field.value_bytes()));
    }
    report
}

pub(super) fn lost(operation: &str, source: io::Error) -> PostgresError {
    PostgresError::Lost { operation: operation.to_owned(), source: Some(source) }
}

pub(super) fn unfit(operation: &str, error: &io::Error) -> PostgresError {
    PostgresError::Protocol { operation: operation.to_owned(), detail: error.to_string() }
}

pub(super) fn unexpected(operation: &str) -> PostgresError {
    PostgresError::Protocol { operation: operation.to_owned(), detail: "a message out of turn".to_owned() }
}
