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

/// For as many requests at once; a server takes 100 connections unless it is told otherwise.
const CONNECTIONS: usize = 16;

/// A call that waits for a lock past its deadline closes its connection. The server else noticed that when it has the
/// lock, and would have a process waiting for each such call until then.
const SETUP: &str = "SET client_connection_check_interval = '1s'";

/// A pool of up to 16 connections to the server at `url`, `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, each of which is
/// opened when it is first needed: a server that is down is no error here.
///
/// The parameters of the URL are
/// those of [`tokio_postgres::Config`], and these two:
///
/// | parameter | what it does |
/// |---|---|
/// | `sslmode=disable` | no TLS |
/// | `sslmode=prefer` | TLS where the server has it; whose certificate it is does not matter. The default |
/// | `sslmode=require` | TLS or nothing; the certificate does not matter, unless there is a `sslrootcert` |
/// | `sslmode=verify-ca` | TLS, and a certificate that a trusted authority signed |
/// | `sslmode=verify-full` | TLS, and a certificate of the host's name that a trusted authority signed |
/// | `sslrootcert=FILE` | the authorities in this PEM file instead of the platform's; refused with the first two modes |
///
/// Only the last two modes keep out who can put a server of their own in between.
///
/// # Errors
/// [`ConfigError`] naming `database URL` if `url` is none of PostgreSQL, or a certificate cannot be read.
pub fn connect(url: &str) -> Result<Pool, ConfigError> {
    Pool::builder(manager(url)?)
        .max_size(CONNECTIONS)
        .build()
        .map_err(|problem| ConfigError::new(SETTING, problem))
}

/// What opens the connections of a pool that the application builds by itself, as [`connect`] does.
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
/// [`ConfigError`] naming `database URL` if `url` is none of PostgreSQL, or a certificate cannot be read.
pub fn manager(url: &str) -> Result<AsyncDieselConnectionManager<Connection>, ConfigError> {
    let refused = |problem: String| ConfigError::new(SETTING, problem);
    let location = Location::parse(url).map_err(|problem| refused(url::explained(problem)))?;
    let tls = tls::client_config(&location).map_err(refused)?;
    let tls = MakeRustlsConnect::new(tls);
    let address = address(&location.server);
    let server = Arc::new(location.server);
    let mut config = ManagerConfig::default();
    // A connection that the server has closed is known without asking.
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
    // PostgreSQL 13 does not know it, and waits for the lock.
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
    // Without a name it is that of the user.
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
    // The driver tells its own kinds by their words alone.
    let (words, source) = (error.to_string(), std::error::Error::source(error));
    if words.contains("TLS") {
        return Unreachable::Tls;
    }
    match source.and_then(|source| source.downcast_ref()) {
        Some(error) => Unreachable::of(error),
        None if words.starts_with("timeout") => Unreachable::Silent,
        None if words.starts_with("invalid configuration") => Unreachable::Credentials,
        None => Unreachable::Other,
    }
}

/// An error of the driver and what is behind it, which it does not say by itself.
fn cause(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
