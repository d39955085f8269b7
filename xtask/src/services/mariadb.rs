//! MariaDB.

use std::fs;
use std::io::Read;
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use crate::services::server::{Process, Server, prepare, words};
use crate::services::service::Place;
use crate::services::{account, certificate, ports};
use crate::{Fallible, packages, process};

/// The account of the server if this process is root. Debian's package creates it.
const USER: &str = "mysql";

/// Run at every start.
const INIT: &str = "\
CREATE DATABASE IF NOT EXISTS test;
CREATE USER IF NOT EXISTS 'test'@'127.0.0.1' IDENTIFIED BY 'test';
GRANT ALL ON *.* TO 'test'@'127.0.0.1' WITH GRANT OPTION;
";

pub(super) fn is_installed() -> bool {
    program().is_some() && installer().is_some()
}

/// Debian has the server in a folder that is not in everyone's `PATH`.
fn program() -> Option<PathBuf> {
    process::find(&["mariadbd"])
        .or_else(|| Some(PathBuf::from("/usr/sbin/mariadbd")).filter(|file| file.is_file()))
}

fn installer() -> Option<PathBuf> {
    process::find(&["mariadb-install-db"])
}

/// Creates a database and serves it.
pub(super) fn start(place: &Place) -> Fallible<Server> {
    let folder = &place.folder;
    let certificate = certificate::make(folder)?;
    let port = ports::free()?;
    let data = folder.join("data");
    let init = folder.join("init.sql");
    fs::write(&init, INIT)?;
    let configuration = folder.join("my.cnf");
    // A commit reaches the system's memory, which outlives the process, so SIGKILL loses nothing. The path of the socket is
    // relative, because systems limit it to about a hundred bytes.
    let text = format!(
        "[server]\n{}datadir={}\nbind-address=127.0.0.1\nport={port}\nsocket=mariadb.sock\ninit-file={}\n\
         max_connections=300\nskip-name-resolve\ncharacter-set-server=utf8mb4\ncollation-server=utf8mb4_general_ci\n\
         innodb_flush_log_at_trx_commit=2\ninnodb_buffer_pool_size=64M\ninnodb_log_file_size=32M\n\
         performance_schema=off\nssl-cert={}\nssl-key={}\n",
        if packages::is_root() { "user=mysql\n" } else { "" },
        data.display(),
        init.display(),
        certificate.certificate.display(),
        certificate.key.display(),
    );
    fs::write(&configuration, text)?;
    account::give(folder, USER)?;

    let defaults = format!("--defaults-file={}", configuration.display());
    let installer = installer().ok_or("no mariadb-install-db")?.display().to_string();
    let create = ["--auth-root-authentication-method=normal", "--skip-test-db"];
    prepare(
        &words(&[&[installer.as_str(), &defaults], &create[..]].concat()),
        folder,
    )?;

    let program = program().ok_or("no mariadbd")?.display().to_string();
    let process = Process::start(vec![program, defaults], folder, port)?;
    process.until(|| greets(port))?;
    let url = format!("mysql://test:test@127.0.0.1:{port}/test");
    let mut server = Server::new(url, vec![process]);
    server.variables = vec![("TEST_MARIADB_CA", certificate.authority.display().to_string())];
    Ok(server)
}

/// True if the server sends the greeting of its protocol, version 10, and not an error.
fn greets(port: u16) -> bool {
    let greeting = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        let mut head = [0; 5];
        stream.read_exact(&mut head)?;
        Ok::<_, std::io::Error>(head[4])
    };
    greeting().is_ok_and(|version| version == 10)
}
