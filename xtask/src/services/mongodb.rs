//! MongoDB. If there is no `mongod` but Go is there, FerretDB, which speaks the same protocol over SQLite.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::services::ports;
use crate::services::server::{Process, Server};
use crate::services::service::Place;
use crate::{Fallible, process};

/// The sources of FerretDB. If they change, it is built again.
const SOURCES: &[(&str, &str)] = &[
    ("main.go", include_str!("../../ferretdb/main.go")),
    ("turns.go", include_str!("../../ferretdb/turns.go")),
    ("go.mod", include_str!("../../ferretdb/go.mod")),
    ("go.sum", include_str!("../../ferretdb/go.sum")),
];

/// `{"hello": 1, "$db": "admin"}` as a message of MongoDB's protocol.
const HELLO: &[u8] = b"\x34\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\
    \x1f\0\0\0\x10hello\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0";

fn genuine() -> Option<PathBuf> {
    process::find(&["mongod"])
}

/// Builds FerretDB, unless there is a `mongod`, or it has been built before.
pub(super) fn build(programs: &Path) -> Fallible<()> {
    let target = ferretdb(programs);
    if genuine().is_some() || target.is_file() {
        return Ok(());
    }
    let go = process::find(&["go"]).ok_or("install MongoDB, or Go 1.24 to build FerretDB")?;
    eprintln!("building FerretDB, once");
    let folder = programs.join(format!("ferretdb-source-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    for (name, text) in SOURCES {
        fs::write(folder.join(name), text)?;
    }
    let mut command = Command::new(go);
    command
        .current_dir(&folder)
        .stdout(io::stderr())
        .env("GOWORK", "off")
        .args(["build", "-tags", "ferretdb_no_postgresql", "-o", "ferretdb", "."]);
    process::run_aside(&mut command)?;
    // Renamed at the end, so that another run never sees a part of it.
    fs::rename(folder.join("ferretdb"), target)?;
    fs::remove_dir_all(folder)?;
    Ok(())
}

fn ferretdb(programs: &Path) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    SOURCES.hash(&mut hasher);
    programs.join(format!("ferretdb-{:016x}", hasher.finish()))
}

/// Serves an empty database.
pub(super) fn start(place: &Place) -> Fallible<Server> {
    let data = place.folder.join("data");
    fs::create_dir_all(&data)?;
    let data = data.display().to_string();
    let port = ports::free()?;
    let command = match genuine() {
        Some(mongod) => vec![
            mongod.display().to_string(),
            format!("--dbpath={data}"),
            format!("--port={port}"),
            "--bind_ip=127.0.0.1".to_owned(),
        ],
        None => vec![
            ferretdb(&place.programs).display().to_string(),
            format!("127.0.0.1:{port}"),
            data,
        ],
    };
    let process = Process::start(command, &place.folder, port)?;
    process.until(|| answers(port).is_ok())?;
    let url = format!("mongodb://127.0.0.1:{port}/");
    Ok(Server::new(url, vec![process]))
}

fn answers(port: u16) -> io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(HELLO)?;
    stream.read_exact(&mut [0; 16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_has_the_lengths_that_it_says() {
        assert_eq!(usize::from(HELLO[0]), HELLO.len());
        let document = &HELLO[21..];
        assert_eq!(usize::from(document[0]), document.len());
    }
}
