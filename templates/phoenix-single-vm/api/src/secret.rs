//! The bearer token: compared in constant time, never printed.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A secret that clients present as `Authorization: Bearer …`. Only its digest is kept.
#[derive(Clone, Default)]
pub struct Token([u8; 32]);

impl Token {
    pub fn new(secret: &str) -> Self {
        Self(digest(secret))
    }

    /// Digests are compared, so that neither content nor length shows in the time taken.
    pub fn matches(&self, presented: &str) -> bool {
        self.0.ct_eq(&digest(presented)).into()
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_only_itself_and_is_not_shown() {
        let token = Token::new("correct horse");
        assert!(token.matches("correct horse"));
        for other in ["", "correct", "correct horse "] {
            assert!(!token.matches(other), "{other:?}");
        }
        assert_eq!(format!("{token:?}"), "Token(…)");
    }
}
