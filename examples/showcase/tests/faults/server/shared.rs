//! The servers that all tests share, described by the file that `TEST_SERVICES` names.

use std::{
    env, fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{Server, local};

/// One service, of one process. Whoever holds it may disturb it; it runs again when this is dropped.
pub(crate) struct Shared {
    pub(crate) server: Server,
    name: &'static str,
    port: u16,
    stop_signal: String,
}

impl Shared {
    /// The service of this name.
    pub(crate) fn new(name: &'static str) -> Self {
        let services = read();
        let process = &services[name]["processes"][0];
        let id = process["pid"].as_u64().and_then(|id| u32::try_from(id).ok());
        let folder = PathBuf::from(text(&process["folder"]));
        let words: Vec<&str> = process["command"]
            .as_array()
            .into_iter()
            .flatten()
            .map(text)
            .collect();
        let (program, arguments) = words.split_first().unwrap_or_else(|| absent(name));
        let mut command = Command::new(program);
        command.args(arguments);
        let port = process["port"].as_u64().and_then(|port| u16::try_from(port).ok());
        Self {
            server: Server::shared(id.expect("a process"), command, &folder),
            name,
            port: port.expect("a port"),
            stop_signal: process["stop"].as_str().unwrap_or("TERM").to_owned(),
        }
    }

    /// Stops it in order, without waiting for its clients.
    pub(crate) async fn stop(&mut self) {
        self.server.stop(&self.stop_signal).await;
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        static FILE: Mutex<()> = Mutex::new(());
        let _alone = FILE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut services = read();
        if self.server.is_gone() {
            // The test has failed. The next one needs it.
            self.server.start_again();
            let start = Instant::now();
            while TcpStream::connect(local(self.port)).is_err() && start.elapsed() < Duration::from_secs(30) {
                thread::sleep(Duration::from_millis(50));
            }
        } else {
            self.server.resume();
        }
        let process = &mut services[self.name]["processes"][0];
        if process["pid"] != self.server.id() {
            process["pid"] = json!(self.server.id());
            write(&services);
        }
    }
}

/// The program that the service of this name runs.
pub(crate) fn program(name: &str) -> String {
    match read()[name]["processes"][0]["command"][0].as_str() {
        Some(program) => program.to_owned(),
        None => absent(name),
    }
}

fn absent(name: &str) -> ! {
    panic!("TEST_SERVICES has no process of {name}")
}

#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn file() -> PathBuf {
    PathBuf::from(env::var_os("TEST_SERVICES").expect("TEST_SERVICES names the file of the servers"))
}

fn read() -> Value {
    let file = file();
    let services =
        fs::read(&file).unwrap_or_else(|error| panic!("TEST_SERVICES: {}: {error}", file.display()));
    serde_json::from_slice(&services).expect("TEST_SERVICES names a JSON file")
}

/// For the next test program, which looks for a process that was started again. Whole or not at all.
fn write(services: &Value) {
    let file = file();
    let new: &Path = &file.with_extension("new");
    fs::write(new, services.to_string()).expect("the new file");
    fs::rename(new, file).expect("the file");
}
