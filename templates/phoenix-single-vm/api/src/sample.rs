//! What a host of the 200 sends: a measured value under an id that the sender chooses, by which it may send it again.

use serde::{Deserialize, Serialize};

/// A batch fits into one statement, and into the memory that the container has for many of them.
const BATCH_MOST: usize = 1000;
/// Of the id, the host's and the metric's name.
const TEXT_MOST: usize = 128;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    pub id: String,
    pub host: String,
    pub name: String,
    pub value: f64,
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum SampleError {
    #[error("a batch has 1 to {BATCH_MOST} samples, this one has {0}")]
    Count(usize),
    #[error("sample {index}: `{field}` must be text of 1 to {TEXT_MOST} characters without control characters")]
    Text { index: usize, field: &'static str },
}

/// Whether PostgreSQL will take them all.
pub fn check(samples: &[Sample]) -> Result<(), SampleError> {
    if samples.is_empty() || samples.len() > BATCH_MOST {
        return Err(SampleError::Count(samples.len()));
    }
    samples.iter().enumerate().try_for_each(|(index, sample)| {
        let fields = [("id", &sample.id), ("host", &sample.host), ("name", &sample.name)];
        let wrong = fields.into_iter().find(|(_, text)| !is_sound(text));
        wrong.map_or(Ok(()), |(field, _)| Err(SampleError::Text { index, field }))
    })
}

fn is_sound(text: &str) -> bool {
    (1..=TEXT_MOST).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(id: &str) -> Sample {
        Sample { id: id.into(), host: "web-1".into(), name: "cpu".into(), value: 0.5 }
    }

    #[test]
    fn what_the_database_would_refuse_is_refused_before() {
        assert_eq!(check(&[sample("a")]), Ok(()));
        assert_eq!(check(&[]), Err(SampleError::Count(0)));
        assert_eq!(check(&vec![sample("a"); BATCH_MOST + 1]), Err(SampleError::Count(BATCH_MOST + 1)));
        for id in ["", "a\0b", &"x".repeat(TEXT_MOST + 1)] {
            assert_eq!(check(&[sample("a"), sample(id)]), Err(SampleError::Text { index: 1, field: "id" }));
        }
    }
}
