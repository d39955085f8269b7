use auth_core::{ConfigError, ServerAddress, Unreachable};
use diesel::ConnectionError;
use diesel_async::{
    AsyncMysqlConnection,
    pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod},
};
use mysql_async::{Conn, Error, IoError, Opts};

use super::{Connection, Pool, url};
use crate::{SETTING, server::opening::Opening};

/// For as many requests at once; a server takes 151 connections unless it is told otherwise.
const CONNECTIONS: usize = 16;

/// A pool of up to 16 connections to the server at `url`, `mysql://USER:PASSWORD@HOST:PORT/DATABASE` or `mariadb://…`, each
/// of which is opened when it is first needed: a server that is down is no error here.
///
/// The parameters of the URL are
/// those of [`mysql_async::Opts`], of which these are about TLS, and one more:
///
/// | parameter | what it does |
/// |---|---|
/// | `require_ssl=true` | TLS, and a certificate of the host's name that a well-known authority signed |
/// | `verify_ca=false` | whose certificate it is does not matter, nor whom it names |
/// | `ssl_ca=FILE` | TLS, and the authorities in this PEM file instead of the well-known ones |
///
/// Without `require_ssl` and `ssl_ca` nothing is encrypted, and the parameters about verification are refused.
///
/// A connection commits each statement by itself, is in the strict mode and waits up to 10 seconds for a lock, whatever
/// the server's default. It goes to the address of the URL: `prefer_socket=true` lets it change to a local server's
/// socket.
///
/// # Errors
/// [`ConfigError`] naming `database URL` if `url` is none of MySQL, or a certificate cannot be read.
pub fn connect(url: &str) -> Result<Pool, ConfigError> {
    Pool::builder(manager(url)?)
        .max_size(CONNECTIONS)
        .build()
        .map_err(|problem| ConfigError::new(SETTING, problem))
}

/// What opens the connections of a pool that the application builds by itself, as [`connect`] does.
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
/// [`ConfigError`] naming `database URL` if `url` is none of MySQL, or a certificate cannot be read.
pub fn manager(url: &str) -> Result<AsyncDieselConnectionManager<Connection>, ConfigError> {
    let server = url::parse(url).map_err(|problem| ConfigError::new(SETTING, problem))?;
    let address = address(&server);
    let mut config = ManagerConfig::default();
    // A connection that the server has closed is known by the first call that fails, which discards the others, too.
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
        Error::Io(IoError::Io(error)) => Unreachable::of(error),
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
