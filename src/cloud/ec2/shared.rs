//! One question for all that wait for its answer. Fifty hosts are looked for at the same time, and EC2 has a budget of calls
//! for the whole account: who looks gets a list that was asked for after he came, and all who came by then get the same one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::cloud::api::CloudError;

/// Between the beginnings of two questions: fifty steps that wait cost one call a second.
const GAP: Duration = Duration::from_secs(1);

type Ask<T> = Box<dyn Fn() -> BoxFuture<'static, Result<T, CloudError>> + Send + Sync>;

pub(super) struct Shared<T> {
    ask: Ask<T>,
    /// How many questions were begun.
    begun: AtomicU64,
    last: Mutex<Option<Answer<T>>>,
}

struct Answer<T> {
    number: u64,
    begun_at: Instant,
    result: Result<Arc<T>, CloudError>,
}

impl<T> Shared<T> {
    pub fn new(ask: impl Fn() -> BoxFuture<'static, Result<T, CloudError>> + Send + Sync + 'static) -> Self {
        Self { ask: Box::new(ask), begun: AtomicU64::new(0), last: Mutex::new(None) }
    }

    /// An answer to a question that was put after this call. The lock is held while one waits and asks: it is what makes
    /// the others wait for that answer. If the one that asks gives up, the next in line asks.
    pub async fn fresh(&self) -> Result<Arc<T>, CloudError> {
        let before = self.begun.load(Ordering::SeqCst);
        let mut last = self.last.lock().await;
        if let Some(answer) = last.as_ref() {
            if answer.number > before {
                return answer.result.clone();
            }
            sleep_until(answer.begun_at + GAP).await;
        }
        let begun_at = Instant::now();
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let result = (self.ask)().await.map(Arc::new);
        *last = Some(Answer { number, begun_at, result: result.clone() });
        result
    }
}

#[cfg(test)]
mod tests {
    use futures::future::{FutureExt as _, join_all};
    use tokio::time::{sleep, timeout};

    use super::*;

    const CALL: Duration = Duration::from_millis(200);

    /// Answers with its number, after a while.
    fn counting() -> Shared<u64> {
        let asked = Arc::new(AtomicU64::new(0));
        Shared::new(move || {
            let number = asked.fetch_add(1, Ordering::SeqCst) + 1;
            async move {
                sleep(CALL).await;
                Ok(number)
            }
            .boxed()
        })
    }

    async fn answer(shared: &Shared<u64>) -> u64 {
        *shared.fresh().await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn fifty_that_wait_cost_one_call_a_second() {
        let (shared, started) = (counting(), Instant::now());
        let wait = async || {
            while started.elapsed() < Duration::from_secs(20) {
                answer(&shared).await;
                sleep(Duration::from_millis(100)).await;
            }
        };
        join_all((0..50).map(|_| wait())).await;
        let asked = shared.begun.load(Ordering::SeqCst);
        assert!((19..=22).contains(&asked), "{asked} calls in 20 s");
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_is_asked_at_once_and_the_next_after_a_second() {
        let (shared, started) = (counting(), Instant::now());
        assert_eq!(answer(&shared).await, 1);
        assert_eq!(started.elapsed(), CALL);
        assert_eq!(answer(&shared).await, 2);
        assert_eq!(started.elapsed(), GAP + CALL);
        sleep(GAP * 5).await;
        let again = Instant::now();
        assert_eq!(answer(&shared).await, 3);
        assert_eq!(again.elapsed(), CALL, "nobody asked for long: at once");
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_while_it_is_asked_gets_the_next_answer() {
        let shared = counting();
        let late = async {
            sleep(CALL / 2).await;
            answer(&shared).await
        };
        let later = async {
            sleep(CALL / 2).await;
            answer(&shared).await
        };
        assert_eq!(tokio::join!(answer(&shared), late, later), (1, 2, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_does_not_stop_the_others() {
        let shared = counting();
        let (gave_up, answer) = tokio::join!(timeout(CALL / 2, shared.fresh()), async {
            sleep(CALL / 4).await;
            answer(&shared).await
        });
        assert!(gave_up.is_err());
        assert_eq!(answer, 2);
    }
}
