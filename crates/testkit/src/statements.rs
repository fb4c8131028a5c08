use std::{
    fmt::Debug,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use sqlx::postgres::PgConnectOptions;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context, layer::SubscriberExt};

use crate::Client;

/// Notes the SQL statements of the process, by the log lines that sqlx writes for each.
#[derive(Clone, Debug, Default)]
pub struct StatementCount(Arc<Mutex<Vec<String>>>);

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

    /// How many statements were run while this future ran; prints them, for a test that fails.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> (T, usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let result = work.await;
        let statements = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        println!("{statements:#?}");
        (result, statements.len())
    }
}

/// Asks the same of what belongs to somebody else and of what does not exist: the answers must be the same to the byte, and
/// cost as many statements.
///
/// # Panics
/// When they differ.
pub async fn assert_alike(count: &StatementCount, client: &Client, query: &str, foreign: Value, absent: Value) {
    // The first question also opens connections.
    client.text(query, absent.clone()).await;
    let (theirs, for_theirs) = count.during(client.text(query, foreign)).await;
    let (nobodys, for_nobodys) = count.during(client.text(query, absent)).await;
    assert_eq!(theirs, nobodys, "{query}");
    assert_eq!(for_theirs, for_nobodys, "{query}: as many statements");
}

/// Notes the plans that PostgreSQL takes for the statements of the process: it sends them to the client, and sqlx logs them.
#[derive(Clone, Debug, Default)]
pub struct Plans(Arc<Mutex<Vec<String>>>);

impl Plans {
    /// Begins to take note. Each test is a process of its own, so that the plans are the test's.
    ///
    /// # Panics
    /// When the process has a subscriber already.
    pub fn start() -> Self {
        let plans = Self::default();
        let subscriber = tracing_subscriber::registry().with(plans.clone());
        tracing::subscriber::set_global_default(subscriber).expect("no other subscriber in a test's process");
        plans
    }

    /// Lets connections with these options send their plans.
    pub fn of(options: &PgConnectOptions) -> PgConnectOptions {
        options.clone().options([
            ("session_preload_libraries", "auto_explain"),
            ("auto_explain.log_min_duration", "0"),
            ("auto_explain.log_level", "notice"),
        ])
    }

    /// The plans that were taken while this future ran.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> (T, Vec<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let result = work.await;
        (result, std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl<S: Subscriber> Layer<S> for Plans {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::postgres::notice" {
            let mut message = Message::default();
            event.record(&mut message);
            if message.0.contains("plan:") {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).push(message.0);
            }
        }
    }
}

/// Takes the text out of an event.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

/// Takes the beginning of the statement out of an event.
#[derive(Default)]
struct Summary(String);

impl Visit for Summary {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "summary" {
            self.0 = format!("{value:?}");
        }
    }
}

impl<S: Subscriber> Layer<S> for StatementCount {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            let mut summary = Summary::default();
            event.record(&mut summary);
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(summary.0);
        }
    }
}
