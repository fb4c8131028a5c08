//! PostgreSQL, looked after.

use healthbridge_postgres::Embedded;

use super::supervise::{Probe, Supervised};

impl Supervised for Embedded {
    fn name(&self) -> &'static str {
        "PostgreSQL"
    }

    fn probe(&self) -> Option<Probe> {
        Some(Probe::Database(Box::new(self.options().clone())))
    }

    async fn ended(&mut self) -> String {
        match self.wait().await {
            Ok(status) => format!("has ended ({status}; its log is postgres/postgres.log in the data directory)"),
            Err(error) => format!("cannot be waited for ({error})"),
        }
    }

    async fn start_again(&mut self) -> anyhow::Result<()> {
        // The pools find out by themselves: a connection that was idle is tried before it is used.
        Ok(Self::start_again(self).await?)
    }
}
