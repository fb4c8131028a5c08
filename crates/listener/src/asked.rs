use std::time::Instant;

use tokio::sync::Mutex;

/// A question that is asked once at a time: all who come meanwhile share the next answer, so that no flood of them keeps
/// what answers it from others.
#[derive(Debug)]
pub struct Asked<T>(Mutex<Option<(Instant, T)>>);

impl<T> Default for Asked<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Asked<T> {
    /// The answer to this question, which was asked after the caller came.
    pub async fn answer(&self, question: impl Future<Output = T>) -> T {
        let came = Instant::now();
        let mut last = self.0.lock().await;
        if let Some((_, answer)) = last.as_ref().filter(|(asked, _)| *asked >= came) {
            return answer.clone();
        }
        let asked = Instant::now();
        let answer = question.await;
        *last = Some((asked, answer.clone()));
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn who_comes_while_it_is_asked_shares_the_next_answer() {
        let (asked, times) = (Asked::default(), AtomicUsize::new(0));
        let question = || async {
            // All the others have come before the first answer is there.
            tokio::task::yield_now().await;
            times.fetch_add(1, Ordering::Relaxed)
        };
        let answers = join_all((0..100).map(|_| asked.answer(question()))).await;
        assert_eq!((answers[0], &answers[1..]), (0, [1; 99].as_slice()));
        assert_eq!(asked.answer(question()).await, 2);
    }
}
