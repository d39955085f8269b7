use auth_core::{ConfigError, ServerAddress, Unreachable};
use diesel::ConnectionError;
use diesel_async::{
    AsyncMysqlConnection,
    pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod},
};
use mysql_async::{Conn, Error, IoError, Opts};

use super::{Connection, Pool, url};
use crate::{SETTING, server::opening::Opening};

/// The size of the pool. By default a server allows 151 connections.
const CONNECTIONS: usize = 16;

/// Makes a pool of up to 16 connections to the server at `url`, `mysql://USER:PASSWORD@HOST:PORT/DATABASE` or `mariadb://…`.
///
/// Each connection is opened when it is first needed, so it is not an error here if the server is down.
///
/// The URL may have the parameters of [`mysql_async::Opts`], and `ssl_ca`. These are about TLS:
///
/// | parameter | what it does |
/// |---|---|
/// | `require_ssl=true` | TLS; the certificate must be for the host's name, and signed by a well-known authority |
/// | `verify_ca=false` | with TLS, accepts any certificate |
/// | `ssl_ca=FILE` | TLS with the authorities in this PEM file instead of the well-known ones |
///
/// Whatever the server's defaults, a connection commits each statement, is in strict mode, and waits up to 10 seconds for a
/// lock. It uses the address of the URL; `prefer_socket=true` lets it change to the socket of a local server.
///
/// # Security
///
/// Without `require_ssl` and `ssl_ca` nothing is encrypted, and a URL that asks for verification is an error.
///
/// # Errors
/// [`ConfigError`] naming `database URL` if `url` is not a MySQL URL, or a certificate cannot be read.
pub fn connect(url: &str) -> Result<Pool, ConfigError> {
    Pool::builder(manager(url)?)
        .max_size(CONNECTIONS)
        .build()
        .map_err(|problem| ConfigError::new(SETTING, problem))
}

/// Makes a manager for a pool that the application builds itself. It opens connections as [`connect`] does.
///
/// ```
/// use portcullis::sql::mysql::{self, MysqlUserStore, Pool};
///
/// let manager = mysql::manager("mysql://auth:secret@db.example.com/app")?;
/// let pool = Pool::builder(manager).max_size(4).build()?;
/// let users = MysqlUserStore::new(pool);
/// # drop(users);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ConfigError`] naming `database URL` if `url` is not a MySQL URL, or a certificate cannot be read.
pub fn manager(url: &str) -> Result<AsyncDieselConnectionManager<Connection>, ConfigError> {
    let server = url::parse(url).map_err(|problem| ConfigError::new(SETTING, problem))?;
    let address = address(&server);
    let mut config = ManagerConfig::default();
    // The first call that fails on a closed connection discards the others, too.
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(move |_url| Box::pin(open(server.clone(), address.clone())));
    Ok(AsyncDieselConnectionManager::new_with_config("", config))
}

async fn open(server: Opts, address: ServerAddress) -> Result<Connection, ConnectionError> {
    let opening = Opening::at(&address);
    let connected = Conn::new(server).await;
    opening.ended();
    let connection =
        connected.map_err(|error| ConnectionError::BadConnection(address.problem(reason(&error), &error)))?;
    AsyncMysqlConnection::try_from(connection).await
}

fn address(server: &Opts) -> ServerAddress {
    let host = match server.socket() {
        Some(socket) => socket.to_owned(),
        None => format!("{}:{}", server.ip_or_hostname(), server.tcp_port()),
    };
    let mut address = ServerAddress::new(SETTING, [host]);
    if let Some(name) = server.db_name() {
        address = address.database(name);
    }
    match server.user() {
        Some(name) => address.user(name),
        None => address,
    }
}

fn reason(error: &Error) -> Unreachable {
    match error {
        Error::Io(IoError::Io(error)) => Unreachable::from_io(error),
        Error::Io(IoError::Tls(_)) => Unreachable::Tls,
        // The codes of both servers.
        Error::Server(answer) => match answer.code {
            1045 | 1698 => Unreachable::Credentials,
            1049 => Unreachable::NoDatabase,
            1044 | 1130 => Unreachable::Forbidden,
            _ => Unreachable::Other,
        },
        _ => Unreachable::Other,
    }
}
