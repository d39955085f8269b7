use std::sync::Arc;

use auth_core::{ConfigError, ServerAddress, Unreachable};
use diesel::ConnectionError;
use diesel_async::{
    AsyncPgConnection, SimpleAsyncConnection as _,
    pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod},
};
use tokio_postgres::{
    Config,
    config::Host,
    error::{Error, SqlState},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    Connection, Pool, tls,
    url::{self, Location},
};
use crate::{SETTING, server::opening::Opening};

/// The size of the pool. By default a server allows 100 connections.
const CONNECTIONS: usize = 16;

/// Lets the server notice within a second that a call which waits for a lock has closed its connection at the deadline.
/// Without this it would notice once it has the lock, and would keep a process waiting for each such call until then.
const SETUP: &str = "SET client_connection_check_interval = '1s'";

/// Makes a pool of up to 16 connections to the server at `url`, `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
///
/// Each connection is opened when it is first needed, so it is not an error here if the server is down.
///
/// The URL may have the parameters of [`tokio_postgres::Config`], and these two:
///
/// | parameter | what it does |
/// |---|---|
/// | `sslmode=disable` | no TLS |
/// | `sslmode=prefer` | the default: TLS if the server supports it, with any certificate |
/// | `sslmode=require` | TLS with any certificate; with `sslrootcert`, the same as `verify-ca` |
/// | `sslmode=verify-ca` | TLS; a trusted authority must have signed the certificate |
/// | `sslmode=verify-full` | the same, and the certificate must be for the host's name |
/// | `sslrootcert=FILE` | the trusted authorities, as a PEM file, instead of the platform's; an error with the first two modes |
///
/// # Security
///
/// Only `verify-ca` and `verify-full` keep out an attacker who can put their own server in between.
///
/// # Errors
/// [`ConfigError`] naming `database URL` if `url` is not a PostgreSQL URL, or a certificate cannot be read.
pub fn connect(url: &str) -> Result<Pool, ConfigError> {
    Pool::builder(manager(url)?)
        .max_size(CONNECTIONS)
        .build()
        .map_err(|problem| ConfigError::new(SETTING, problem))
}

/// Makes a manager for a pool that the application builds itself. It opens connections as [`connect`] does.
///
/// ```
/// use portcullis::sql::postgres::{self, Pool, PostgresUserStore};
///
/// let manager = postgres::manager("postgres://auth:secret@db.example.com/app")?;
/// let pool = Pool::builder(manager).max_size(4).build()?;
/// let users = PostgresUserStore::new(pool);
/// # drop(users);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ConfigError`] naming `database URL` if `url` is not a PostgreSQL URL, or a certificate cannot be read.
pub fn manager(url: &str) -> Result<AsyncDieselConnectionManager<Connection>, ConfigError> {
    let refused = |problem: String| ConfigError::new(SETTING, problem);
    let location = Location::parse(url).map_err(|problem| refused(url::explained(problem)))?;
    let tls = tls::client_config(&location).map_err(refused)?;
    let tls = MakeRustlsConnect::new(tls);
    let address = address(&location.server);
    let server = Arc::new(location.server);
    let mut config = ManagerConfig::default();
    // The driver already knows if the server has closed the connection.
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup =
        Box::new(move |_url| Box::pin(open(Arc::clone(&server), tls.clone(), address.clone())));
    Ok(AsyncDieselConnectionManager::new_with_config("", config))
}

async fn open(
    server: Arc<Config>,
    tls: MakeRustlsConnect,
    address: ServerAddress,
) -> Result<Connection, ConnectionError> {
    let opening = Opening::at(&address);
    let connected = server.connect(tls).await;
    opening.ended();
    let (client, connection) = connected
        .map_err(|error| ConnectionError::BadConnection(address.problem(reason(&error), cause(&error))))?;
    let mut connection = AsyncPgConnection::try_from_client_and_connection(client, connection).await?;
    // PostgreSQL 13 does not have this setting, and waits for the lock.
    let _known = connection.batch_execute(SETUP).await;
    Ok(connection)
}

fn address(server: &Config) -> ServerAddress {
    let (names, ports) = (server.get_hosts(), server.get_ports());
    let port = |at: usize| ports.get(at).or(ports.first()).copied().unwrap_or(5432);
    let mut hosts: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(at, host)| match host {
            Host::Tcp(name) => format!("{name}:{}", port(at)),
            #[cfg(unix)]
            Host::Unix(folder) => format!("{}/.s.PGSQL.{}", folder.display(), port(at)),
        })
        .collect();
    if hosts.is_empty() {
        let addresses = server.get_hostaddrs().iter().enumerate();
        hosts.extend(addresses.map(|(at, address)| format!("{address}:{}", port(at))));
    }
    let mut address = ServerAddress::new(SETTING, hosts);
    // The default name of the database is that of the user.
    if let Some(name) = server.get_dbname().or(server.get_user()) {
        address = address.database(name);
    }
    match server.get_user() {
        Some(name) => address.user(name),
        None => address,
    }
}

fn reason(error: &Error) -> Unreachable {
    if let Some(answer) = error.as_db_error() {
        return match *answer.code() {
            SqlState::INVALID_PASSWORD => Unreachable::Credentials,
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION if answer.message().contains("pg_hba.conf") => {
                Unreachable::Forbidden
            }
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION => Unreachable::Credentials,
            SqlState::INVALID_CATALOG_NAME => Unreachable::NoDatabase,
            SqlState::INSUFFICIENT_PRIVILEGE => Unreachable::Forbidden,
            _ => Unreachable::Other,
        };
    }
    // By the words: the driver does not expose the kind of its own errors.
    let (words, source) = (error.to_string(), std::error::Error::source(error));
    if words.contains("TLS") {
        return Unreachable::Tls;
    }
    match source.and_then(|source| source.downcast_ref()) {
        Some(error) => Unreachable::from_io(error),
        None if words.starts_with("timeout") => Unreachable::Silent,
        None if words.starts_with("invalid configuration") => Unreachable::Credentials,
        None => Unreachable::Other,
    }
}

/// An error of the driver with its source, which the message leaves out.
fn cause(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
