use std::time::Duration;

use auth_core::{ConfigError, ServerAddress, unreadable_url};
use mongodb::{Client, Database, error::ErrorKind, options::ClientOptions};

use crate::watch;

/// The name of the URL in errors and logs.
const SETTING: &str = "database URL";

/// Shorter than the deadline of a call, so that the error says why there is no server.
const SELECTION_TIMEOUT: Duration = Duration::from_millis(1500);

/// The database that `url` names, `mongodb://HOST/DATABASE` or `mongodb+srv://HOST/DATABASE`, with any option of
/// MongoDB's connection strings.
///
/// It asks no server, so a server that is down is an error of the first call. For `mongodb+srv` it asks the name server
/// for the hosts. The URL can say how long to wait for a server and for a connection (`serverSelectionTimeoutMS`,
/// `connectTimeoutMS`); the default is 1.5 seconds.
///
/// The log gets an event when a server becomes unreachable, and when it is back.
///
/// # Errors
/// [`ConfigError`] naming `database URL` if it is not a MongoDB URL, or names no database. The error does not repeat
/// the URL.
pub async fn connect(url: &str) -> Result<Database, ConfigError> {
    let refused = |problem: &str| ConfigError::new(SETTING, problem);
    let mut options = ClientOptions::parse(url)
        .await
        .map_err(|error| match *error.kind {
            ErrorKind::DnsResolve { .. } => refused(
                "the name server does not know the hosts. Is the host of `mongodb+srv` spelt correctly?",
            ),
            // Not the driver's message, which may quote a part of the URL.
            _ => refused(&unreadable_url(
                "is not a MongoDB URL, `mongodb://USER:PASSWORD@HOST/DATABASE`",
            )),
        })?;
    let name = options
        .default_database
        .clone()
        .ok_or_else(|| refused("names no database: `mongodb://HOST/DATABASE`"))?;
    let mut address = ServerAddress::new(SETTING, &options.hosts).database(&name);
    if let Some(user) = options
        .credential
        .as_ref()
        .and_then(|credential| credential.username.as_ref())
    {
        address = address.user(user);
    }
    options.sdam_event_handler = Some(watch::handler(address));
    options.server_selection_timeout.get_or_insert(SELECTION_TIMEOUT);
    options.connect_timeout.get_or_insert(SELECTION_TIMEOUT);
    let client =
        Client::with_options(options).map_err(|_error| refused("has options that exclude each other"))?;
    Ok(client.database(&name))
}
