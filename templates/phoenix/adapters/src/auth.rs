//! Bearer tokens: one that publishes and reads, and one that only reads.

use std::fmt;

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::error::ApiError;

/// A token, kept as its hash: comparing takes the same time for every guess, and there is nothing to print.
pub struct Token([u8; 32]);

impl Token {
    /// Takes the token's text.
    pub fn new(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Who may do what.
#[derive(Debug)]
pub struct Access {
    pub publish: Token,
    pub read: Option<Token>,
    /// Reading needs no token.
    pub public_read: bool,
}

impl Access {
    /// Lets readers and publishers pass.
    pub fn to_read(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        if self.public_read {
            return Ok(());
        }
        let token = bearer(headers)?;
        let known = self.publish.is(&token) | self.read.as_ref().is_some_and(|read| read.is(&token));
        if known { Ok(()) } else { Err(ApiError::Unauthorized) }
    }

    /// Lets publishers pass.
    pub fn to_publish(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let token = bearer(headers)?;
        if self.publish.is(&token) {
            Ok(())
        } else if self.read.as_ref().is_some_and(|read| read.is(&token)) {
            Err(ApiError::Forbidden)
        } else {
            Err(ApiError::Unauthorized)
        }
    }
}

fn bearer(headers: &HeaderMap) -> Result<Token, ApiError> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match value.and_then(|value| value.split_once(' ')) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Token::new(token.trim())),
        _ => Err(ApiError::Unauthorized),
    }
}
