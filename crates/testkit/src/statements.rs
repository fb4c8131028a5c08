use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tracing::{Event, Subscriber};
use tracing_subscriber::{Layer, layer::Context, layer::SubscriberExt};

/// Counts the SQL statements of the process, by the log lines that sqlx writes for each.
#[derive(Clone, Debug, Default)]
pub struct StatementCount(Arc<AtomicU64>);

impl StatementCount {
    /// Begins to count. Each test is a process of its own, so that the count is the test's.
    ///
    /// # Panics
    /// When the process has a subscriber already.
    pub fn start() -> Self {
        let count = Self::default();
        let subscriber = tracing_subscriber::registry().with(count.clone());
        tracing::subscriber::set_global_default(subscriber).expect("no other subscriber in a test's process");
        count
    }

    /// Statements that were run while this future ran.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> (T, u64) {
        let before = self.0.load(Ordering::SeqCst);
        let result = work.await;
        (result, self.0.load(Ordering::SeqCst) - before)
    }
}

impl<S: Subscriber> Layer<S> for StatementCount {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}
