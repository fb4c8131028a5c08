use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use healthbridge_diagnosis::{AppointmentSettings, OrderSettings, ReportSettings};
use ipnet::IpNet;
use secrecy::SecretString;
use serde::Deserialize;

use super::Config;
use crate::Subgraph;

/// One subgraph.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SubgraphSection {
    /// Where it listens; `127.0.0.1` and ports 8001 to 8004 where it is left out.
    pub listen: Option<SocketAddr>,
    /// Where its metrics are; `127.0.0.1` and its port + 100 where it is left out.
    pub metrics_listen: Option<SocketAddr>,
    /// Where the router finds its GraphQL endpoint.
    pub url: Option<String>,
    /// `postgres://` URL of its own role.
    pub database_url: Option<SecretString>,
    /// A file with that URL.
    pub database_url_file: Option<PathBuf>,
    /// Whether the anonymous may introspect it.
    pub introspection: bool,
    /// Networks from which the router asks; it is believed for whom (`X-Forwarded-For`). Loopback where it is left out.
    pub trusted_proxies: Option<Vec<IpNet>>,
    /// Where it writes down how far its log or ledger has come; nowhere where it is left out. Only for diagnosis and billing.
    pub checkpoints: Option<Checkpoints>,
    /// What is decided of appointments. Only for diagnosis; patients reads there whether patients book.
    pub appointments: Option<AppointmentSettings>,
    /// When imaging orders are due, and how long a radiologist has one alone. Only for diagnosis.
    pub orders: Option<OrderSettings>,
    /// What is decided of reports. Only for diagnosis.
    pub reports: Option<ReportSettings>,
}

/// Signed checkpoints of a log or ledger, outside of the database.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoints {
    /// The file that they are appended to.
    pub file: PathBuf,
    /// The Ed25519 key that signs them, PKCS#8 PEM, closed to others; made where there is none.
    pub key_file: PathBuf,
}

impl Config {
    /// What one subgraph alone knows is refused at another, where nobody would read it.
    pub(super) fn check_sections(&self) -> anyhow::Result<()> {
        for (subgraph, section) in &self.subgraphs {
            let of_diagnosis = [
                ("appointments", section.appointments.is_some()),
                ("orders", section.orders.is_some()),
                ("reports", section.reports.is_some()),
            ];
            let foreign = of_diagnosis.iter().find(|(_, is_said)| *is_said && *subgraph != Subgraph::Diagnosis);
            if let Some((part, _)) = foreign {
                bail!("`subgraphs.{}.{part}` is for diagnosis alone", subgraph.name());
            }
        }
        Ok(())
    }

    /// Where the keys are that sign reports.
    ///
    /// # Errors
    /// When the file is left out, or is that of the keys that sign tokens.
    pub fn report_key_file(&self) -> anyhow::Result<&Path> {
        let reports = self.subgraph(Subgraph::Diagnosis).reports.as_ref();
        let file = reports.and_then(|reports| reports.signing_key_file.as_deref());
        let file = file.context("`subgraphs.diagnosis.reports.signing_key_file` is missing")?;
        if self.auth.signing_key_file.as_deref() == Some(file) {
            bail!(
                "`subgraphs.diagnosis.reports.signing_key_file` is that of `auth`: whoever signs people in would sign reports"
            );
        }
        Ok(file)
    }

    /// Where a part asks patients who people are: every part knows where their keys are.
    ///
    /// # Errors
    /// When the URL of the keys is left out, or is none.
    pub fn patients_url(&self) -> anyhow::Result<String> {
        let keys = reqwest::Url::parse(self.jwks_url()?).context("`auth.jwks_url` is no URL")?;
        Ok(keys.join("/graphql")?.into())
    }

    /// Where diagnosis publishes the keys that sign reports.
    ///
    /// # Errors
    /// When its URL is none.
    pub fn report_keys_url(&self) -> anyhow::Result<String> {
        let graph = reqwest::Url::parse(&self.subgraph_url(Subgraph::Diagnosis));
        let graph = graph.context("`subgraphs.diagnosis.url` is no URL")?;
        Ok(graph.join("/.well-known/report-signing-jwks.json")?.into())
    }
}
