use std::{fs, io::Read, path::Path, time::Duration};

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use healthbridge_auth::SigningKeys;
use healthbridge_billing::Ledger;
use healthbridge_chain::{Chain, Checkpoints};
use healthbridge_diagnosis::Log;
use healthbridge_outcome::{Stop, reasons};
use healthbridge_patients::{NewAccount, create_account, domain::UserKind, has_administrator};
use healthbridge_rights::Role;
use healthbridge_signature::Signers;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{PgPool, postgres::PgConnectOptions};

use super::patience::patiently;
use crate::{Config, SUBGRAPHS, Subgraph, config};

/// Brings the schemas up to date as the owner, and gives each subgraph's own role its rights. A database that is starting is
/// waited for.
pub(crate) async fn migrate(config: &Config) -> anyhow::Result<()> {
    let owner = healthbridge_postgres::connect_options(config.owner_url()?.expose_secret())?;
    let reached =
        patiently("the database", healthbridge_postgres::is_starting, || healthbridge_postgres::reach(&owner));
    reached.await.context("the database cannot be reached")?;
    for subgraph in SUBGRAPHS {
        let own = config.own_database_url(subgraph)?;
        let own = own.map(|url| role_and_password(url.expose_secret())).transpose()?;
        let role = own.as_ref().map(|(role, password)| (role.as_str(), password.as_deref()));
        provision(&owner, subgraph, role).await?;
        println!("migrated {}", subgraph.name());
    }
    Ok(())
}

/// Brings one schema up to date, and gives a role its rights in it.
pub(crate) async fn provision(
    owner: &PgConnectOptions,
    subgraph: Subgraph,
    role: Option<(&str, Option<&str>)>,
) -> anyhow::Result<()> {
    let part = subgraph.description().provision;
    let migrated = healthbridge_postgres::migrate(owner, part).await;
    migrated.with_context(|| format!("cannot migrate the schema {}", subgraph.name()))?;
    let Some((role, password)) = role else { return Ok(()) };
    let granted = healthbridge_postgres::grant_to_role(owner, part, role, password).await;
    granted.with_context(|| {
        format!(
            "the owner may not make the role {role} or give it rights; let an administrator run: CREATE ROLE {role} LOGIN; \
             GRANT USAGE ON SCHEMA {schema} TO {role}; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}; \
             GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role};",
            schema = part.schema
        )
    })
}

/// The user and the password in a URL.
fn role_and_password(url: &str) -> anyhow::Result<(String, Option<String>)> {
    let url = reqwest::Url::parse(url).context("a subgraph's database URL cannot be read")?;
    let decode =
        |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned);
    let role = decode(url.username())?;
    if role.is_empty() {
        bail!("a subgraph's database URL has no user");
    }
    Ok((role, url.password().map(decode).transpose()?))
}

/// The database of a subgraph, for a command that needs few connections.
pub(crate) fn database(config: &Config, subgraph: Subgraph) -> anyhow::Result<PgPool> {
    let url = config.database_url(subgraph)?;
    Ok(healthbridge_postgres::pool(healthbridge_postgres::connect_options(url.expose_secret())?, 2))
}

/// Makes an account with the role ADMIN; its password is the first line of standard input.
pub(crate) async fn create_admin(config: &Config, email: String) -> anyhow::Result<()> {
    let mut password = String::new();
    std::io::stdin().lock().take(4096).read_to_string(&mut password)?;
    let password = password.lines().next().unwrap_or_default().to_owned();
    if password.chars().count() < 12 {
        bail!("the password on standard input has fewer than 12 characters");
    }
    let pool = database(config, Subgraph::Patients)?;
    let password = SecretString::from(password);
    let account = NewAccount { kind: UserKind::Staff, email, password, roles: vec![Role::Admin] };
    match create_account(pool, account, Utc::now()).await {
        Ok(account) => println!("made the account {}", account.id),
        Err(Stop::Refused(refused)) => bail!("{}", reasons(&refused)),
        Err(Stop::Fault(fault)) => return Err(fault.into()),
    }
    Ok(())
}

/// Says whether anybody administers the installation.
pub(crate) async fn has_admin(config: &Config) -> anyhow::Result<()> {
    let has_admin = has_administrator(&database(config, Subgraph::Patients)?).await?;
    println!("{}", if has_admin { "yes" } else { "no" });
    Ok(())
}

/// Compares what is maintained from the ledger with the ledger itself, and that with its chain and its checkpoints.
pub(crate) async fn verify_billing(pool: &PgPool, files: Option<config::Checkpoints>) -> anyhow::Result<()> {
    let checkpoints = open_checkpoints::<Ledger>(files)?;
    let (has_checkpoints, mut differences) = (checkpoints.is_some(), 0_u64);
    let verified = healthbridge_billing::verify_each(pool, checkpoints, |difference| {
        println!("{difference}");
        differences += 1;
    });
    verified.await?;
    conclude(differences, has_checkpoints, "the ledger, the balances and the billings agree")
}

/// Compares the workflow log with its chain and its checkpoints.
pub(crate) async fn verify_workflow_log(pool: &PgPool, files: Option<config::Checkpoints>) -> anyhow::Result<()> {
    let checkpoints = open_checkpoints::<Log>(files)?;
    let (has_checkpoints, mut differences) = (checkpoints.is_some(), 0_u64);
    let verified = healthbridge_chain::verify::<Log>(pool, checkpoints, |difference| {
        println!("{difference}");
        differences += 1;
    });
    let end = verified.await?;
    let well = format!("the {end} entries of the workflow log are as they were sealed");
    conclude(differences, has_checkpoints, &well)
}

fn open_checkpoints<C: Chain>(files: Option<config::Checkpoints>) -> anyhow::Result<Option<Checkpoints>> {
    let open = |files: config::Checkpoints| {
        let key = healthbridge_chain::public_key(&files.key_file)?;
        let opened = Checkpoints::open(&files.file, key, C::NAME);
        opened.with_context(|| format!("cannot read the checkpoints in {}", files.file.display()))
    };
    // A file without any is none: nobody knows by it whether there was more.
    let has_any = |files: &config::Checkpoints| fs::metadata(&files.file).map_or(true, |file| file.len() > 0);
    files.filter(has_any).map(open).transpose()
}

fn conclude(differences: u64, has_checkpoints: bool, well: &str) -> anyhow::Result<()> {
    if differences > 0 {
        bail!("{differences} differences");
    }
    println!("{well}");
    if !has_checkpoints {
        eprintln!("note: without checkpoints nobody knows whether there was more");
    }
    Ok(())
}

/// Adds a key that signs reports and takes over after a while. What those before it signed is verified for ever.
pub(crate) fn rotate_report_keys(file: &Path, after: Duration) -> anyhow::Result<()> {
    let now = Utc::now();
    tell_rotated(&Signers::rotate(file, now + after, now)?, now + after);
    Ok(())
}

/// Adds a signing key that takes over after a while, and removes those that nobody needs any more.
pub(crate) fn rotate_keys(file: &Path, after: Duration) -> anyhow::Result<()> {
    let now = Utc::now();
    tell_rotated(&SigningKeys::rotate(file, now + after, now)?, now + after);
    Ok(())
}

fn tell_rotated(id: &str, signs_from: DateTime<Utc>) {
    println!("the key {id} is published now and signs from {} on", signs_from.to_rfc3339());
}

/// Says whether the configuration can be used by every role, and what protection it lacks.
pub(crate) fn check_config(config: &Config) -> anyhow::Result<()> {
    let mut missing = Vec::new();
    let mut note = |problem: Option<anyhow::Error>| missing.extend(problem.map(|error| format!("{error:#}")));
    note(config.issuer().err());
    note(config.jwks_url().err());
    note(config.storage_location().err());
    note(config.totp_key().err());
    note(config.report_keys_url().err());
    // Where it is missing the roles without it can be used all the same.
    note(config.report_key_file().err().filter(|_| config.diagnosis().reports.signing_key_file.is_some()));
    note(config.router.persisted_documents.read(config.router.supergraph.is_none()).err());
    let mut shared = Vec::new();
    for subgraph in SUBGRAPHS {
        note(config.database_url(subgraph).err());
        if matches!(config.own_database_url(subgraph), Ok(None)) {
            shared.push(subgraph.name());
        }
    }
    if config.auth.signing_key_file.is_none() {
        println!("note: `auth.signing_key_file` is missing, which the patients subgraph needs");
    }
    if config.diagnosis().reports.signing_key_file.is_none() {
        println!("note: `subgraphs.diagnosis.reports.signing_key_file` is missing, which the diagnosis subgraph needs");
    }
    if !shared.is_empty() {
        println!(
            "note: {} use the owner's role in the database: a fault in one could read and change the schemas of the others, \
             and drop the triggers that keep logs and ledgers from being changed",
            shared.join(", ")
        );
    }
    for subgraph in SUBGRAPHS.into_iter().filter(|one| one.signed_log().is_some()) {
        if config.subgraph(subgraph).checkpoints.is_none() {
            let name = subgraph.name();
            println!(
                "note: `subgraphs.{name}.checkpoints` is missing: nobody would notice that the end of its log was cut off"
            );
        }
    }
    if config.router.introspection {
        println!("note: anybody may introspect the schema");
    }
    if missing.is_empty() {
        println!("the configuration can be used");
        return Ok(());
    }
    bail!("{}", missing.join("\n"))
}
