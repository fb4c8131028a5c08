//! The command line.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use anyhow::Context;

use clap::{Args, Parser, Subcommand};
use ipnet::IpNet;
use sqlx::PgPool;

use crate::{Config, Subgraph, at_rest, authorization, config::Checkpoints, errors, import, roles, seed, up};

/// One federated graph over a hospital's patients, images, reports and billing.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs everything on this machine, with its own database and storage.
    Up(UpArgs),
    /// Runs the router.
    Router(RouterArgs),
    /// Runs one subgraph.
    Subgraph {
        /// Which.
        name: Subgraph,
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Runs the embedded object storage, or prepares another one.
    Storage(StorageArgs),
    /// Brings the database's schemas and roles up to date.
    Migrate(ConfigFile),
    /// Writes the subgraphs' SDL into a folder.
    Schema {
        /// The folder.
        folder: PathBuf,
    },
    /// Writes who may do what, as Markdown, to standard output.
    Authorization,
    /// Writes the codes of errors, as Markdown, to standard output.
    Errors,
    /// Loads made-up patients with images, reports and billings, as rows only, for benchmarks.
    Seed {
        /// How many patients.
        #[arg(long)]
        patients: u32,
        /// Leaves out their images, reports and billings.
        #[arg(long)]
        patients_only: bool,
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Takes over records of another system. Run again, it changes nothing; broken off, it goes on.
    Import {
        #[command(subcommand)]
        command: ImportCommand,
    },
    /// Manages accounts.
    User {
        #[command(subcommand)]
        command: UserCommand,
    },
    /// Looks after the books.
    Billing {
        #[command(subcommand)]
        command: BillingCommand,
    },
    /// Looks after the workflow log.
    Diagnosis {
        #[command(subcommand)]
        command: DiagnosisCommand,
    },
    /// Manages the keys that sign access tokens and reports.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Says whether the configuration can be used, and what protection it lacks.
    CheckConfig(ConfigFile),
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
struct StorageArgs {
    #[command(subcommand)]
    command: Option<StorageCommand>,
    #[command(flatten)]
    file: ConfigFile,
}

#[derive(Debug, Subcommand)]
enum StorageCommand {
    /// Lets pages of the installation's own origin and of `router.allowed_origins` upload to the bucket and read from it, by
    /// its CORS rule. Waits for a storage that is starting; may be run again.
    Prepare(ConfigFile),
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Makes an account with the role ADMIN. Its password is read from standard input.
    CreateAdmin {
        /// Email address.
        #[arg(long)]
        email: String,
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Prints `yes` or `no`: whether there is an active account with the role ADMIN.
    HasAdmin(ConfigFile),
}

#[derive(Debug, Subcommand)]
enum ImportCommand {
    /// Patients, practitioners, claims, what insurances paid (ExplanationOfBenefit) and invoices of FHIR R4 bundles (.json) and
    /// bulk-data files (.ndjson), in a folder and below it.
    Fhir {
        /// The folder.
        folder: PathBuf,
        /// The data directory of an `up` that is running; without it the database is the configuration's.
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
        /// Writes what was taken over, left and skipped into this file, in JSON.
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
        /// The email address of the account that answers for the ledger's movements; the oldest administrator's where it is
        /// left out.
        #[arg(long = "as", value_name = "EMAIL")]
        responsible: Option<String>,
        #[command(flatten)]
        file: ConfigFile,
    },
}

#[derive(Debug, Subcommand)]
enum BillingCommand {
    /// Recomputes every balance and billing from the ledger, compares its chain with the checkpoints, and prints every
    /// difference. Ends with an error if there is any.
    Verify(VerifyArgs),
}

#[derive(Debug, Subcommand)]
enum DiagnosisCommand {
    /// Recomputes the chain of the workflow log, compares it with the checkpoints, and prints every difference. Ends with an
    /// error if there is any.
    Verify(VerifyArgs),
}

/// What is verified, and by what.
#[derive(Debug, Args)]
struct VerifyArgs {
    /// The data directory of an `up` that is running, with its checkpoints; without it database and checkpoints are the
    /// configuration's.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Checkpoints that were kept elsewhere.
    #[arg(long, value_name = "FILE", requires = "key")]
    checkpoints: Option<PathBuf>,
    /// The key that they are verified by, or its public half.
    #[arg(long, value_name = "FILE", requires = "checkpoints")]
    key: Option<PathBuf>,
    #[command(flatten)]
    file: ConfigFile,
}

impl VerifyArgs {
    /// The database of a subgraph, and the checkpoints of its chain.
    fn open(self, subgraph: Subgraph) -> anyhow::Result<(PgPool, Option<Checkpoints>)> {
        let (pool, known) = if let Some(data_dir) = self.data_dir {
            (up::running_database(&data_dir)?, up::checkpoints(&data_dir, subgraph))
        } else {
            let config = self.file.read()?;
            (roles::database(&config, subgraph)?, config.subgraph(subgraph).checkpoints.clone())
        };
        let given = self.checkpoints.zip(self.key).map(|(file, key_file)| Checkpoints { file, key_file });
        Ok((pool, given.or(known)))
    }
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Adds a key that is published at once and signs after a while; the one before it stays published until its last token
    /// has expired, one that signed reports for ever. Nothing needs to be restarted: the subgraph reads the file again.
    Rotate {
        /// The keys that sign reports, instead of those that sign access tokens.
        #[arg(long)]
        reports: bool,
        /// After how many seconds the new key signs. Everybody who verifies asks for the keys at least once a minute.
        #[arg(long, default_value_t = 120)]
        after_seconds: u64,
        /// The file with the keys; the configuration's where it is left out.
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
        #[command(flatten)]
        file: ConfigFile,
    },
}

/// What `up` is told.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// Where everything is kept.
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// The router's port; the subgraphs have the next four, the storage the one 1000 above.
    #[arg(long, value_name = "N", default_value_t = 8000, value_parser = clap::value_parser!(u16).range(1..=64000))]
    pub base_port: u16,
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// Loads demo data, and accounts whose password everybody knows: on loopback only.
    #[arg(long)]
    pub demo: bool,
    /// The URL under which others reach the router, if it is not the address: behind a proxy with TLS, say.
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// A network of proxies before the router that are believed for whom they ask (`X-Forwarded-For`), such as
    /// `10.1.2.0/24`, or one address. May be given several times. Without it all who come through a proxy are one client.
    #[arg(long = "trusted-proxy", value_name = "NETWORK", value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,
    /// An origin whose pages may use the graph, such as `http://localhost:5173`: where a frontend is developed, say. May be
    /// given several times.
    #[arg(long = "allow-origin", value_name = "ORIGIN", value_parser = crate::config::origin)]
    pub allowed_origins: Vec<String>,
}

/// Reads a network, or an address as the network that has it alone.
fn network(text: &str) -> Result<IpNet, String> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    address.or_else(|_| text.parse()).map_err(|_| "this is no network, such as 10.1.2.0/24".to_owned())
}

#[derive(Debug, Args)]
struct RouterArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// A supergraph of any federation, instead of the built-in one.
    #[arg(long, value_name = "FILE")]
    supergraph: Option<PathBuf>,
    /// The address to listen on.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Checks no tokens and enforces no scopes. Not for patients' data.
    #[arg(long)]
    insecure_no_auth: bool,
}

#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration's TOML file; variables `HEALTHBRIDGE__…` override it.
    #[arg(long = "config", value_name = "FILE", env = "HEALTHBRIDGE_CONFIG")]
    file: Option<PathBuf>,
}

impl ConfigFile {
    fn read(&self) -> anyhow::Result<Config> {
        let config = Config::read(self.file.as_deref())?;
        healthbridge_telemetry::start_log(config.log_format);
        Ok(config)
    }
}

fn token_key_file(given: Option<PathBuf>, file: &ConfigFile) -> anyhow::Result<PathBuf> {
    let Some(given) = given else {
        let configured = Config::read(file.file.as_deref())?.auth.signing_key_file;
        return configured.context("give --key-file, or a configuration with `auth.signing_key_file`");
    };
    Ok(given)
}

fn report_key_file(given: Option<PathBuf>, file: &ConfigFile) -> anyhow::Result<PathBuf> {
    let Some(given) = given else {
        let config = Config::read(file.file.as_deref())?;
        return config.report_key_file().map(Into::into).context("give --key-file, or a configuration with it");
    };
    Ok(given)
}

/// Runs a command to its end.
///
/// # Errors
/// What a person has to know to mend it.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    // The published schema alone is for everybody.
    if !matches!(cli.command, Command::Schema { .. }) {
        at_rest::close_new_files();
    }
    // Two TLS providers are linked in; the first one to ask would panic if none was chosen.
    drop(rustls::crypto::ring::default_provider().install_default());
    match cli.command {
        Command::Router(args) => {
            // Its library brings a log and a runtime of its own.
            let config = Config::read(args.file.file.as_deref())?;
            return roles::router(&config, args.supergraph, args.listen, args.insecure_no_auth);
        }
        Command::Schema { folder } => return roles::schema(&folder),
        Command::Authorization => {
            print!("{}", authorization::render());
            return Ok(());
        }
        Command::Errors => {
            print!("{}", errors::render());
            return Ok(());
        }
        Command::Keys { command: KeysCommand::Rotate { reports, after_seconds, key_file, file } } => {
            let after = Duration::from_secs(after_seconds);
            if reports {
                return roles::rotate_report_keys(&report_key_file(key_file, &file)?, after);
            }
            return roles::rotate_keys(&token_key_file(key_file, &file)?, after);
        }
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async move {
        match cli.command {
            Command::Up(args) => {
                healthbridge_telemetry::start_log(healthbridge_telemetry::LogFormat::Text);
                up::run(args).await
            }
            Command::Subgraph { name, file } => roles::subgraph(&file.read()?, name).await,
            Command::Storage(StorageArgs { command: None, file }) => roles::storage(&file.read()?).await,
            Command::Storage(StorageArgs { command: Some(StorageCommand::Prepare(file)), .. }) => {
                roles::prepare_storage(&file.read()?).await
            }
            Command::Migrate(file) => roles::migrate(&file.read()?).await,
            Command::Seed { patients, patients_only, file } => seed::bulk(&file.read()?, patients, patients_only).await,
            Command::Import { command: ImportCommand::Fhir { folder, data_dir, report, responsible, file } } => {
                let (patients, billing) = if let Some(data_dir) = data_dir {
                    let database = up::running_database(&data_dir)?;
                    (database.clone(), database)
                } else {
                    let config = file.read()?;
                    (roles::database(&config, Subgraph::Patients)?, roles::database(&config, Subgraph::Billing)?)
                };
                import::fhir(import::Target { patients, billing, responsible }, &folder, report.as_deref()).await
            }
            Command::Billing { command: BillingCommand::Verify(args) } => {
                let (pool, checkpoints) = args.open(Subgraph::Billing)?;
                roles::verify_billing(&pool, checkpoints).await
            }
            Command::Diagnosis { command: DiagnosisCommand::Verify(args) } => {
                let (pool, checkpoints) = args.open(Subgraph::Diagnosis)?;
                roles::verify_workflow_log(&pool, checkpoints).await
            }
            Command::User { command: UserCommand::CreateAdmin { email, file } } => {
                roles::create_admin(&file.read()?, email).await
            }
            Command::User { command: UserCommand::HasAdmin(file) } => roles::has_admin(&file.read()?).await,
            Command::CheckConfig(file) => roles::check_config(&file.read()?),
            Command::Router(_)
            | Command::Schema { .. }
            | Command::Authorization
            | Command::Errors
            | Command::Keys { .. } => unreachable!("answered above"),
        }
    })
}
