use std::time::Duration;

use auth_core::{ConfigError, ServerAddress, unreadable_url};
use mongodb::{Client, Database, error::ErrorKind, options::ClientOptions};

use crate::watch;

/// The name of the URL in errors and logs.
const SETTING: &str = "database URL";

/// Shorter than the deadline of a call, so that the log says why no server could be had.
const SELECTION_LIMIT: Duration = Duration::from_millis(1500);

/// The database that `url` names, `mongodb://HOST/DATABASE` or `mongodb+srv://HOST/DATABASE`, with any option of
/// MongoDB's connection strings.
///
/// No server is asked: one that is down is an error of the first call. Of `mongodb+srv` the name server is, as it knows
/// the hosts. Where the URL does not say how long to wait for a server and for a connection (`serverSelectionTimeoutMS`,
/// `connectTimeoutMS`), it is a second and a half. The log has an event when a server cannot be reached and when it can
/// again.
///
/// # Errors
/// [`ConfigError`] naming `database URL` if the URL is none of MongoDB or names no database. It does not repeat the URL.
pub async fn connect(url: &str) -> Result<Database, ConfigError> {
    let refused = |problem: &str| ConfigError::new(SETTING, problem);
    let mut options = ClientOptions::parse(url)
        .await
        .map_err(|error| match *error.kind {
            ErrorKind::DnsResolve { .. } => refused(
                "the name server does not tell the hosts. Is the host of `mongodb+srv` spelt correctly?",
            ),
            // The driver's message may quote a part of the URL.
            _ => refused(&unreadable_url(
                "is no connection string of MongoDB: `mongodb://USER:PASSWORD@HOST/DATABASE`",
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
    options.server_selection_timeout.get_or_insert(SELECTION_LIMIT);
    options.connect_timeout.get_or_insert(SELECTION_LIMIT);
    let client =
        Client::with_options(options).map_err(|_error| refused("has options that exclude each other"))?;
    Ok(client.database(&name))
}
