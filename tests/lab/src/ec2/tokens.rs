//! Client tokens: the same request with the same token makes nothing more and is answered alike.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::account::Call;
use super::error::ApiError;

/// What was asked with a token, and what was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Token {
    operation: String,
    asked: Value,
    pub made: Vec<String>,
}

impl Call<'_> {
    /// What an earlier request with this token has made.
    pub fn made_before(&self, operation: &str) -> Result<Option<Vec<String>>, ApiError> {
        let Some(token) = self.input.maybe("ClientToken") else { return Ok(None) };
        if token.is_empty() || token.len() > 64 || !token.is_ascii() {
            return Err(ApiError::value("clientToken", token, "It must have 1 to 64 ASCII characters."));
        }
        let Some(known) = self.region.tokens.get(token) else { return Ok(None) };
        if known.operation != operation || known.asked != *self.input.0 {
            let message = "The request uses the same client token as a previous, but non-identical request.";
            return Err(ApiError::new("IdempotentParameterMismatch", message));
        }
        Ok(Some(known.made.clone()))
    }

    /// Remembers what this request has made.
    pub fn remember(&mut self, operation: &str, made: Vec<String>) {
        if let Some(token) = self.input.maybe("ClientToken") {
            let known = Token { operation: operation.to_owned(), asked: self.input.0.clone(), made };
            self.region.tokens.insert(token.to_owned(), known);
        }
    }
}
