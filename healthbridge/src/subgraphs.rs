//! The subgraphs: the one place that lists them, and knows what each needs to be opened.

use std::{str::FromStr, sync::Arc};

use anyhow::Context;
use clap::ValueEnum;
use healthbridge_auth::{ForeignIssuers, SigningKeys, Verifier};
use healthbridge_chain::Notary;
use healthbridge_jobs::Job;
use healthbridge_objectstore::ObjectStore;
use healthbridge_signature::Signers;
use healthbridge_subgraph::Description;
use serde::Deserialize;
use sqlx::PgPool;

use crate::Config;

/// A subgraph that the program can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, ValueEnum)]
#[serde(try_from = "String")]
pub enum Subgraph {
    /// Users, sessions, patients, medical staff.
    Patients,
    /// Uploads and medical images.
    Imaging,
    /// Reports and the workflow log.
    Diagnosis,
    /// Billings and payments.
    Billing,
}

/// The subgraphs, in the order of their ports.
pub const SUBGRAPHS: [Subgraph; 4] = [Subgraph::Patients, Subgraph::Imaging, Subgraph::Diagnosis, Subgraph::Billing];

/// A log of a subgraph whose end is signed.
pub(crate) struct SignedLog {
    /// What its file is called.
    pub name: &'static str,
    /// The job that signs.
    job: fn(PgPool, Notary) -> Job,
}

/// What a subgraph is opened with.
pub(crate) struct Means {
    pub pool: PgPool,
    pub signing: Option<Arc<SigningKeys>>,
    pub objects: Option<ObjectStore>,
    pub verifier: Verifier,
}

impl Means {
    fn objects(self) -> anyhow::Result<(PgPool, ObjectStore)> {
        Ok((self.pool, self.objects.context("the subgraph needs the storage")?))
    }
}

impl Subgraph {
    /// What is known of it before it is opened.
    pub fn description(self) -> &'static Description {
        match self {
            Self::Patients => &healthbridge_patients::DESCRIPTION,
            Self::Imaging => &healthbridge_imaging::DESCRIPTION,
            Self::Diagnosis => &healthbridge_diagnosis::DESCRIPTION,
            Self::Billing => &healthbridge_billing::DESCRIPTION,
        }
    }

    /// Whether it keeps objects in the storage.
    pub(crate) fn has_objects(self) -> bool {
        matches!(self, Self::Imaging | Self::Billing)
    }

    /// The log whose end is signed, if it has one.
    pub(crate) fn signed_log(self) -> Option<SignedLog> {
        match self {
            Self::Diagnosis => Some(SignedLog { name: "workflow_log", job: healthbridge_diagnosis::checkpoints }),
            Self::Billing => Some(SignedLog { name: "ledger", job: healthbridge_billing::checkpoints }),
            Self::Patients | Self::Imaging => None,
        }
    }

    /// Opens it.
    pub(crate) fn open(self, config: &Config, means: Means) -> anyhow::Result<healthbridge_subgraph::Subgraph> {
        let sign = match (self.signed_log(), &config.subgraph(self).checkpoints) {
            (Some(log), Some(files)) => {
                let notary = Notary::open_or_create(&files.key_file, files.file.clone())?;
                Some((log.job)(means.pool.clone(), notary))
            }
            _ => None,
        };
        let opened = match self {
            Self::Patients => {
                let identity = healthbridge_patients::Identity {
                    keys: means.signing.context("the patients subgraph needs the signing keys")?,
                    issuer: config.issuer()?.to_owned(),
                    foreign: ForeignIssuers::new(config.auth.foreign.clone())?,
                    totp: config.totp_key()?,
                    patients_book: config.diagnosis().appointments.patients_book,
                };
                healthbridge_patients::open(means.pool, identity)
            }
            Self::Imaging => {
                let (pool, objects) = means.objects()?;
                healthbridge_imaging::open(pool, objects)
            }
            Self::Diagnosis => {
                let signers = Arc::new(Signers::open_or_create(config.report_key_file()?)?);
                let signing = healthbridge_diagnosis::Signing::new(means.verifier, signers);
                healthbridge_diagnosis::open(means.pool, &config.diagnosis(), signing)
            }
            Self::Billing => {
                let (pool, objects) = means.objects()?;
                healthbridge_billing::open(pool, objects)
            }
        };
        Ok(sign.into_iter().fold(opened, healthbridge_subgraph::Subgraph::with_job))
    }

    /// The name in the supergraph, the configuration and the database.
    pub fn name(self) -> &'static str {
        self.description().name
    }

    /// Where it listens where nothing is said: 8001 and on, in the order of the list.
    pub(crate) fn default_port(self) -> u16 {
        SUBGRAPHS.iter().zip(8001..).find(|(one, _)| **one == self).map_or(0, |(_, port)| port)
    }
}

impl FromStr for Subgraph {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        SUBGRAPHS.into_iter().find(|one| one.name() == name).ok_or_else(|| format!("there is no subgraph {name:?}"))
    }
}

impl TryFrom<String> for Subgraph {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        name.parse()
    }
}
