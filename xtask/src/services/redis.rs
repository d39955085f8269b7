//! Redis as a single server, and the parts that a cluster and Sentinel share with it.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::services::server::{Process, Server};
use crate::services::service::Place;
use crate::services::{certificate, ports};
use crate::{Fallible, process};

/// The configuration of every Redis here, clustered or not.
const CONFIGURATION: &str = "\
bind 127.0.0.1
protected-mode no
daemonize no
maxmemory-policy noeviction
repl-diskless-sync-delay 0
# A revocation holds after a restart, also after one by SIGKILL.
save \"\"
appendonly yes
appendfsync always
# Tests stop a server for a while: DEBUG SLEEP.
enable-debug-command local
# How a server of ours is known in the list of processes.
set-proc-title no
";

pub(super) fn is_installed() -> bool {
    program().is_some() && client().is_some()
}

fn program() -> Option<PathBuf> {
    process::find(&["redis-server", "valkey-server"])
}

/// The command-line client, which builds the cluster.
pub(super) fn client() -> Option<PathBuf> {
    process::find(&["redis-cli", "valkey-cli"])
}

/// Starts one server, with and without TLS.
pub(super) fn start(place: &Place) -> Fallible<Server> {
    let certificate = certificate::make(&place.folder)?;
    let tls_port = ports::free()?;
    let more = format!(
        "tls-port {tls_port}\ntls-auth-clients no\ntls-ca-cert-file \"{}\"\ntls-cert-file \"{}\"\ntls-key-file \"{}\"\n",
        certificate.authority.display(),
        certificate.certificate.display(),
        certificate.key.display(),
    );
    let process = begin(&place.folder, &more)?;
    process.until(|| asks(process.port, "PING").is_ok_and(|answer| answer.contains("PONG")))?;
    let mut server = Server::new(format!("redis://127.0.0.1:{}", process.port), vec![process]);
    server.variables = vec![
        ("TEST_REDIS_TLS_URL", format!("rediss://127.0.0.1:{tls_port}")),
        ("TEST_REDIS_CA", certificate.authority.display().to_string()),
    ];
    Ok(server)
}

/// Starts a server with `more` configuration in its own folder. It may not answer yet.
pub(super) fn begin(folder: &Path, more: &str) -> Fallible<Process> {
    fs::create_dir_all(folder)?;
    let port = ports::free()?;
    let file = folder.join("redis.conf");
    let text = format!("port {port}\ndir \"{}\"\n{CONFIGURATION}{more}", folder.display());
    fs::write(&file, text)?;
    let command = vec![program_path()?, file.display().to_string()];
    Process::start(command, folder, port)
}

/// The path of the server, as the first word of its command line.
pub(super) fn program_path() -> Fallible<String> {
    Ok(program().ok_or("no redis-server")?.display().to_string())
}

/// The reply of the server at `port` to one command: a line, or a string after its length.
pub(super) fn asks(port: u16, command: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    write!(stream, "{command}\r\n")?;
    let mut answer = BufReader::new(stream);
    let mut line = String::new();
    answer.read_line(&mut line)?;
    let Some(length) = line
        .strip_prefix('$')
        .and_then(|length| length.trim().parse().ok())
    else {
        return Ok(line);
    };
    let mut text = String::new();
    answer.take(length).read_to_string(&mut text)?;
    Ok(text)
}
