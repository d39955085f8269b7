//! PostgreSQL, with TLS and statistics of statements.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::services::certificate::Certificate;
use crate::services::server::{Process, Server, prepare, words};
use crate::services::service::Place;
use crate::services::{account, certificate, ports};
use crate::{Fallible, process};

/// The account of the server if this process is root. Debian's package creates it.
const USER: &str = "postgres";

/// The name and password of the tests' user, who can create databases.
const TESTER: &str = "test";

pub(super) fn is_installed() -> bool {
    program("postgres").is_some()
}

/// The path of `name` of the newest PostgreSQL. Debian has only the clients in `PATH`.
fn program(name: &str) -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let newest = versions
        .map(|entry| entry.path().join("bin").join(name))
        .filter(|program| program.is_file())
        .max_by_key(|program| version(program));
    newest.or_else(|| process::find(&[name]))
}

fn version(program: &Path) -> Option<u32> {
    program.iter().find_map(|part| part.to_str()?.parse().ok())
}

/// Creates a database and serves it.
pub(super) fn start(place: &Place) -> Fallible<Server> {
    let folder = &place.folder;
    let certificate = certificate::make(folder)?;
    create(folder)?;
    let port = ports::free()?;
    let counts = can_count()?;
    configure(folder, port, &certificate, counts)?;
    let serve = words(&[&path("postgres")?, "-D", &data(folder)]);
    let process = Process::start(account::as_user(USER, serve), folder, port)?;
    let mut ready = Command::new(path("pg_isready")?);
    ready.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]);
    process.until(|| ready.status().is_ok_and(|status| status.success()))?;
    if counts {
        count(port)?;
    }
    let url = format!("postgres://{TESTER}:{TESTER}@127.0.0.1:{port}/postgres");
    let mut server = Server::new(url, vec![process]);
    server.variables = vec![("TEST_POSTGRES_CA", certificate.authority.display().to_string())];
    Ok(server)
}

fn path(name: &str) -> Fallible<String> {
    let found = program(name).ok_or_else(|| format!("no {name}"))?;
    Ok(found.display().to_string())
}

fn data(folder: &Path) -> String {
    folder.join("data").display().to_string()
}

fn create(folder: &Path) -> Fallible<()> {
    let password = folder.join("password");
    fs::write(&password, TESTER)?;
    account::give(folder, USER)?;
    let mut line = words(&[&path("initdb")?, "--pgdata", &data(folder), "--no-sync"]);
    line.extend(words(&[
        "--encoding",
        "UTF8",
        "--no-locale",
        "--auth",
        "scram-sha-256",
    ]));
    line.extend(words(&[
        "--username",
        TESTER,
        "--pwfile",
        &password.display().to_string(),
    ]));
    prepare(&account::as_user(USER, line), folder)
}

fn configure(folder: &Path, port: u16, certificate: &Certificate, counts: bool) -> Fallible<()> {
    // Without fsync a commit still reaches the system's memory, which outlives the process, so SIGKILL loses nothing.
    let mut text = format!(
        "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\nmax_connections = 300\n\
         fsync = off\nssl = on\nssl_cert_file = '{}'\nssl_key_file = '{}'\n",
        certificate.certificate.display(),
        certificate.key.display(),
    );
    if counts {
        text.push_str("shared_preload_libraries = 'pg_stat_statements'\n");
    }
    let file = folder.join("data/postgresql.conf");
    Ok(OpenOptions::new()
        .append(true)
        .open(file)?
        .write_all(text.as_bytes())?)
}

/// True if the library that counts statements is installed. A server that is told to use a missing one does not start.
fn can_count() -> Fallible<bool> {
    let folder = process::output(Command::new(path("pg_config")?).arg("--pkglibdir"))?;
    let is_there = |ending| {
        Path::new(folder.trim())
            .join(format!("pg_stat_statements.{ending}"))
            .is_file()
    };
    Ok(is_there("so") || is_there("dylib"))
}

/// Lets tests ask for the counts. It is in the template, so every new database has it.
fn count(port: u16) -> Fallible<()> {
    for database in ["template1", "postgres"] {
        let mut command = Command::new(path("psql")?);
        command
            .env("PGPASSWORD", TESTER)
            .args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])
            .args(["-U", TESTER, "-d", database])
            .args(["-c", "CREATE EXTENSION pg_stat_statements"]);
        process::output(&mut command)?;
    }
    Ok(())
}
