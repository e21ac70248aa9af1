//! Answers the server's question who we are.

use fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::{AuthenticationSaslBody, Message};
use postgres_protocol::message::frontend;

use super::connection::{Connection, server, unexpected, unfit};
use crate::postgres::endpoint::{Endpoint, Tls};
use crate::postgres::error::PostgresError;

pub async fn answer(connection: &mut Connection, operation: &str, endpoint: &Endpoint) -> Result<(), PostgresError> {
    let password = endpoint.password.expose().as_bytes();
    loop {
        match connection.message(operation).await? {
            Message::AuthenticationOk => return Ok(()),
            // Somebody on the way could ask for it too.
            Message::AuthenticationCleartextPassword if endpoint.tls == Tls::Off => {
                return Err(refused(endpoint, "the password in clear text without TLS"));
            }
            Message::AuthenticationCleartextPassword => send_password(connection, operation, password).await?,
            Message::AuthenticationMd5Password(body) => {
                let hash = md5_hash(endpoint.login().as_bytes(), password, body.salt());
                send_password(connection, operation, hash.as_bytes()).await?;
            }
            Message::AuthenticationSasl(body) => scram(connection, operation, endpoint, &body).await?,
            Message::ErrorResponse(body) => return Err(server(operation, &body)),
            Message::AuthenticationGss | Message::AuthenticationSspi | Message::AuthenticationKerberosV5 => {
                return Err(refused(endpoint, "GSSAPI"));
            }
            _ => return Err(unexpected(operation)),
        }
    }
}

fn refused(endpoint: &Endpoint, method: &'static str) -> PostgresError {
    PostgresError::Authentication { address: endpoint.address(), method }
}

async fn send_password(connection: &mut Connection, operation: &str, password: &[u8]) -> Result<(), PostgresError> {
    frontend::password_message(password, &mut connection.output).map_err(|error| unfit(operation, &error))?;
    connection.send(operation).await
}

/// RFC 5802. Without channel binding: the certificate was verified against its host, which is what binding is for.
async fn scram(
    connection: &mut Connection,
    operation: &str,
    endpoint: &Endpoint,
    body: &AuthenticationSaslBody,
) -> Result<(), PostgresError> {
    let unfit = |error| unfit(operation, &error);
    if !body.mechanisms().any(|mechanism| Ok(mechanism == SCRAM_SHA_256)).map_err(unfit)? {
        return Err(refused(endpoint, "a SASL mechanism other than SCRAM-SHA-256"));
    }
    let mut scram = ScramSha256::new(endpoint.password.expose().as_bytes(), ChannelBinding::unsupported());
    frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), &mut connection.output).map_err(unfit)?;
    connection.send(operation).await?;
    match connection.message(operation).await? {
        Message::AuthenticationSaslContinue(body) => scram.update(body.data()).map_err(unfit)?,
        Message::ErrorResponse(body) => return Err(server(operation, &body)),
        _ => return Err(unexpected(operation)),
    }
    frontend::sasl_response(scram.message(), &mut connection.output).map_err(unfit)?;
    connection.send(operation).await?;
    match connection.message(operation).await? {
        // The server proves that it knows the password too.
        Message::AuthenticationSaslFinal(body) => scram.finish(body.data()).map_err(unfit),
        Message::ErrorResponse(body) => Err(server(operation, &body)),
        _ => Err(unexpected(operation)),
    }
}
