//! The subgraphs and the storage, in this process.

use std::{sync::Arc, time::Duration};

use anyhow::anyhow;
use futures::future::{join_all, select_all};
use healthbridge_auth::{KeyRing, SigningKeys, Verifier};
use healthbridge_objectstore::ObjectStore;
use sqlx::{PgPool, postgres::PgConnectOptions};

use super::{Listeners, data_dir::DataDir, role_of, supervise::supervise, tasks::Task};
use crate::{Config, Subgraph, roles, seed, subgraphs::Means};

/// All parts of this process.
pub(super) struct Parts {
    tasks: Vec<Task>,
    database: Database,
    objects: ObjectStore,
}

/// How the subgraphs connect to the database.
#[derive(Clone)]
struct Database {
    options: PgConnectOptions,
    max_connections: u32,
}

impl Database {
    /// A pool as the subgraph's own role.
    fn pool(&self, subgraph: Subgraph) -> PgPool {
        healthbridge_postgres::pool(self.options.clone().username(&role_of(subgraph)), self.max_connections)
    }
}

impl Parts {
    pub(super) async fn start(
        config: &Config,
        data_dir: &DataDir,
        listeners: Listeners,
        database: &PgConnectOptions,
    ) -> anyhow::Result<Self> {
        let signing = Arc::new(SigningKeys::open_or_create(&data_dir.signing_key())?);
        // The signing keys are at hand: no part of this process needs to ask for their public halves.
        let verifier = Verifier::new(Arc::new(KeyRing::own(signing.clone())?), Arc::default(), config.issuer()?);
        let objects = ObjectStore::new(&config.storage_location()?);
        let database = Database { options: database.clone(), max_connections: config.max_connections() };
        let mut tasks = Vec::new();

        let store = roles::open_store(&data_dir.storage(), config.bucket()).await?;
        let credentials = config.storage_credentials()?;
        let limits = config.limits.clone();
        tasks.push(Task::serving("the storage", listeners.storage, move |listener, stop| {
            let (store, credentials, limits) = (store.clone(), credentials.clone(), limits.clone());
            async move {
                roles::serve_storage(listener, store, &credentials, limits, stop).await;
                Ok(())
            }
        })?);
        tasks.push(Task::serving("the metrics", listeners.metrics, |listener, stop| async {
            roles::serve_metrics(listener, stop).await;
            Ok(())
        })?);

        let (kept, revocations_url) = (verifier.clone(), config.revocations_url()?);
        tasks.push(Task::working("the poll of revocations", move |stop| {
            let (kept, url) = (kept.clone(), revocations_url.clone());
            async move {
                tokio::select! {
                    polled = kept.keep_fresh(&url) => Ok(polled?),
                    () = stop.cancelled() => Ok(()),
                }
            }
        })?);

        for (subgraph, listener) in listeners.subgraphs {
            let (config, database) = (config.clone(), database.clone());
            let (verifier, signing, objects) = (verifier.clone(), signing.clone(), objects.clone());
            let name = format!("the subgraph {}", subgraph.name());
            tasks.push(Task::serving(&name, listener, move |listener, stop| {
                let means = Means {
                    // A pool for each start: whatever hangs in that of an earlier one stays there.
                    pool: database.pool(subgraph),
                    signing: Some(signing.clone()),
                    objects: Some(objects.clone()),
                    verifier: verifier.clone(),
                };
                let (config, verifier) = (config.clone(), verifier.clone());
                async move { roles::run_subgraph(&config, subgraph, means, verifier, listener, stop).await }
            })?);
        }
        Ok(Self { tasks, database, objects })
    }

    /// Loads the demo data.
    pub(super) async fn seed_demo(&self) -> anyhow::Result<()> {
        let pool = |subgraph| self.database.pool(subgraph);
        let pools = seed::Pools {
            patients: pool(Subgraph::Patients),
            imaging: pool(Subgraph::Imaging),
            diagnosis: pool(Subgraph::Diagnosis),
            billing: pool(Subgraph::Billing),
        };
        let seeded = seed::demo(&pools, &self.objects).await;
        pools.close().await;
        seeded
    }

    /// Looks after all of them; comes back only when one cannot be kept running, with the reason.
    pub(super) async fn supervise(&mut self) -> anyhow::Error {
        if self.tasks.is_empty() {
            return anyhow!("there is nothing to look after");
        }
        select_all(self.tasks.iter_mut().map(|task| Box::pin(supervise(task)))).await.0
    }

    /// Stops all of them. Who waits for a database that hangs would wait for ever: they end with the process.
    pub(super) async fn stop(mut self, patience: Duration) {
        for task in &self.tasks {
            task.cancel();
        }
        let stopped = join_all(self.tasks.iter_mut().map(Task::stopped));
        if tokio::time::timeout(patience, stopped).await.is_err() {
            tracing::warn!(patience_ms = patience.as_millis(), "some parts did not stop in time");
        }
    }
}
