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
    gap: Duration,
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
        Self { ask: Box::new(ask), gap: GAP, begun: AtomicU64::new(0), last: Mutex::new(None) }
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
            sleep_until(answer.begun_at + self.gap).await;
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

    const GAP: Duration = Duration::from_millis(200);
    const CALL: Duration = Duration::from_millis(40);

    /// Answers with its number, after a while.
    fn counting() -> Shared<u64> {
        let asked = Arc::new(AtomicU64::new(0));
        let ask = move || {
            let number = asked.fetch_add(1, Ordering::SeqCst) + 1;
            async move {
                sleep(CALL).await;
                Ok(number)
            }
            .boxed()
        };
        Shared { gap: GAP, ..Shared::new(ask) }
    }

    async fn answer(shared: &Shared<u64>) -> u64 {
        *shared.fresh().await.unwrap()
    }

    #[tokio::test]
    async fn fifty_that_wait_cost_one_call_a_gap() {
        let (shared, started) = (counting(), Instant::now());
        let wait = async || {
            while started.elapsed() < GAP * 8 {
                answer(&shared).await;
                sleep(CALL / 2).await;
            }
        };
        join_all((0..50).map(|_| wait())).await;
        let (asked, gaps) = (shared.begun.load(Ordering::SeqCst), started.elapsed().as_secs_f64() / GAP.as_secs_f64());
        assert!(asked >= 3 && asked as f64 <= gaps + 1.0, "{asked} calls in {gaps} gaps");
    }

    #[tokio::test]
    async fn the_first_is_asked_at_once_and_the_next_after_the_gap() {
        let (shared, started) = (counting(), Instant::now());
        assert_eq!(answer(&shared).await, 1);
        assert!(started.elapsed() < GAP);
        assert_eq!(answer(&shared).await, 2);
        assert!(started.elapsed() >= GAP + CALL);
        sleep(GAP).await;
        let again = Instant::now();
        assert_eq!(answer(&shared).await, 3);
        assert!(again.elapsed() < GAP, "nobody asked for a while: at once");
    }

    #[tokio::test]
    async fn who_comes_while_it_is_asked_gets_the_next_answer() {
        let shared = counting();
        let late = async || {
            sleep(CALL / 2).await;
            answer(&shared).await
        };
        assert_eq!(tokio::join!(answer(&shared), late(), late()), (1, 2, 2));
    }

    #[tokio::test]
    async fn who_gives_up_does_not_stop_the_others() {
        let shared = counting();
        let late = async {
            sleep(CALL / 4).await;
            answer(&shared).await
        };
        let (gave_up, answer) = tokio::join!(timeout(CALL / 2, shared.fresh()), late);
        assert!(gave_up.is_err());
        assert_eq!(answer, 2);
    }
}
