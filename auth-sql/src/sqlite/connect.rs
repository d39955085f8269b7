use std::{
    fmt, fs, io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use auth_core::ConfigError;
use diesel::{
    ConnectionError, QueryResult, RunQueryDsl as _, SqliteConnection, connection::SimpleConnection as _,
    dsl::sql, result::Error, sql_types::Text,
};
use diesel_async::{
    AsyncConnection as _,
    pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod},
};

use super::{Connection, Database, Pool};
use crate::SETTING;

/// The size of the pool: enough for readers, and for writers that wait their turn.
const CONNECTIONS: usize = 16;

/// The time limit for waiting until another process has put the same new file into WAL mode. SQLite's busy time-out does not
/// cover that.
const SETUP_TIMEOUT: Duration = Duration::from_secs(1);
const SETUP_RETRY_DELAY: Duration = Duration::from_millis(10);

/// - The wait for another writer ends before the deadline of a call.
/// - In WAL mode, readers and the writer do not block each other.
/// - FULL: a confirmed revocation survives a power failure.
const SETUP: &str = "
    PRAGMA busy_timeout = 1000;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
";

/// Opens the database in the file at `location`, a path or `sqlite://PATH`, and creates the file if there is none.
///
/// Only its owner can read a file created here (mode 600 on Unix), because it holds password hashes. A database in
/// memory is an error, because each connection of the pool would have its own.
///
/// # Errors
/// [`ConfigError`] naming `database URL` if the location is not a file of SQLite, or the file cannot be opened or written.
pub async fn connect(location: &str) -> Result<Pool, ConfigError> {
    let refused = |problem: &dyn fmt::Display| ConfigError::new(SETTING, problem);
    let path = path_of(location).map_err(|problem| refused(&problem))?;
    create(path).map_err(|problem| refused(&unusable(path, &problem)))?;
    let pool = Pool::builder(manager(path))
        .max_size(CONNECTIONS)
        .build()
        .map_err(|problem| refused(&problem))?;
    Database::new(pool.clone()).read(check).await.map_err(|problem| {
        refused(&format_args!(
            "`{path}` cannot be used: {problem}{}",
            next_step(path)
        ))
    })?;
    Ok(pool)
}

/// Names the folder, because a relative path depends on the process's working directory, and says what to do.
fn unusable(path: &str, problem: &io::Error) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_unknown| path.into());
    let folder = absolute.parent().unwrap_or(&absolute).display();
    match problem.kind() {
        io::ErrorKind::NotFound if !absolute.parent().is_some_and(Path::exists) => {
            format!(
                "`{path}` cannot be created, because there is no folder `{folder}`: create it, or name another"
            )
        }
        io::ErrorKind::NotADirectory => {
            format!("`{path}` cannot be created, because `{folder}` is not a folder: name another")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => format!(
            "`{path}` cannot be created: {problem}. Let the user of this process write in the folder `{folder}`"
        ),
        _ => format!("`{path}` cannot be created in `{folder}`: {problem}"),
    }
}

/// Advice for a file that exists but cannot be used.
fn next_step(path: &str) -> &'static str {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => ". It is a folder: name a file in it",
        Ok(found) if found.permissions().readonly() => {
            ". It is read-only: let the user of this process write it and its folder"
        }
        _ => ". Is it a database of SQLite, and can the user of this process write it and its folder?",
    }
}

/// Makes a manager for a pool that the application builds itself.
///
/// Each connection has a busy time-out of one second, WAL mode, `synchronous = FULL` and foreign keys. The first connection
/// creates the file at `path`, with the process's default permissions for new files.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("app.db").display().to_string();
/// use portcullis::sql::sqlite::{self, Pool, SqliteUserStore};
///
/// let pool = Pool::builder(sqlite::manager(&path)).max_size(4).build()?;
/// sqlite::migrate(&pool).await?;
/// let users = SqliteUserStore::new(pool);
/// # Ok(()) }
/// ```
#[must_use]
pub fn manager(path: &str) -> AsyncDieselConnectionManager<Connection> {
    let mut config = ManagerConfig::default();
    // A file does not disconnect. Asking before each use would only double the cost.
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(|path| {
        Box::pin(async move {
            let opened = Connection::establish(path).await;
            let mut connection = opened.map_err(|error| {
                ConnectionError::BadConnection(format!("`{path}` cannot be opened: {error}"))
            })?;
            let setup = connection.spawn_blocking(set_up).await;
            setup.map_err(ConnectionError::CouldntSetupConfiguration)?;
            Ok(connection)
        })
    });
    AsyncDieselConnectionManager::new_with_config(path, config)
}

fn set_up(connection: &mut SqliteConnection) -> QueryResult<()> {
    let start = Instant::now();
    loop {
        match connection.batch_execute(SETUP) {
            Err(Error::DatabaseError(_, error))
                if error.message() == "database is locked" && start.elapsed() < SETUP_TIMEOUT =>
            {
                thread::sleep(SETUP_RETRY_DELAY);
            }
            answer => return answer,
        }
    }
}

fn path_of(location: &str) -> Result<&str, &'static str> {
    let path = match location.split_once("://") {
        Some(("sqlite", path)) if path.contains('?') => {
            return Err("is a SQLite location with parameters, which are not supported");
        }
        Some(("sqlite", path)) => path,
        // Not repeated: it may contain another database's password.
        Some(_) => return Err("is not a SQLite location: write `sqlite://PATH` or a path"),
        None => location,
    };
    match path {
        "" => Err("names no file"),
        // The form of other libraries. Here it would be a file of that name.
        path if path.starts_with("sqlite:") && !path.starts_with("sqlite::") => {
            Err("is not a SQLite location: write `sqlite://PATH` or a path")
        }
        // SQLite takes these for something other than a file.
        path if path.starts_with(':') || path.starts_with("file:") || location.starts_with("sqlite::") => {
            Err("is not a file; the connections of a pool do not share a database in memory")
        }
        path => Ok(path),
    }
}

fn create(path: impl AsRef<Path>) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created.map(drop),
    }
}

/// SQLite can't put a read-only file into WAL mode: the mode stays as it was.
fn check(connection: &mut SqliteConnection) -> QueryResult<()> {
    let mode = sql::<Text>("PRAGMA journal_mode").get_result::<String>(connection)?;
    if mode == "wal" {
        return Ok(());
    }
    Err(Error::QueryBuilderError(
        format!("cannot be put into WAL mode, it stays in mode {mode}").into(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_path_or_a_url_of_sqlite() {
        for (location, path) in [
            ("sqlite://app.db", "app.db"),
            ("sqlite:///var/lib/app.db", "/var/lib/app.db"),
            ("app.db", "app.db"),
            ("/var/lib/100%.db", "/var/lib/100%.db"),
        ] {
            assert_eq!(path_of(location), Ok(path));
        }
        for location in [
            "",
            "sqlite://",
            ":memory:",
            "sqlite::memory:",
            "sqlite://:memory:",
            "file::memory:?cache=shared",
            "sqlite://app.db?mode=ro",
            "postgres://root:secret@localhost/app",
        ] {
            let problem = path_of(location).expect_err(location);
            assert!(!problem.contains("secret"), "{problem}");
        }
    }
}
