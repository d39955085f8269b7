//! The example's program, running in an empty folder.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);

/// It ends, and its folder goes, when this is dropped.
pub(crate) struct Running {
    process: Child,
    pub(crate) address: SocketAddr,
    folder: TempDir,
}

impl Running {
    pub(crate) fn start() -> Self {
        // Another process may take the port between our look and the program's.
        let mut log = String::new();
        for _ in 0..5 {
            match Self::try_start() {
                Ok(running) => return running,
                Err(failed) => log = failed,
            }
        }
        panic!("the program does not start:\n{log}");
    }

    /// # Errors
    /// The log of a program that ended, or did not listen in time.
    fn try_start() -> Result<Self, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let log = File::create(folder.path().join("log")).expect("a log");
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let process = Command::new(env!("CARGO_BIN_EXE_quickstart"))
            .current_dir(folder.path())
            .env("BIND", address.to_string())
            .env_remove("AUTH_SECRET")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("the program");
        let mut running = Self {
            process,
            address,
            folder,
        };
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if running.process.try_wait().expect("its state").is_some() {
                break;
            }
            if TcpStream::connect(address).is_ok() {
                return Ok(running);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(running.log())
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it has written out so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).expect("the log")
    }

    /// The first mail of `kind` in the outbox folder, where it arrives after the answer.
    pub(crate) async fn mail(&self, kind: &str) -> Value {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let files = fs::read_dir(self.folder.path().join("outbox")).expect("the outbox");
            let mails = files
                .map(|file| file.expect("a file").path())
                .filter(|path| path.extension().is_some_and(|end| end == "json"))
                .map(|path| fs::read_to_string(path).expect("a mail"));
            let mut mails = mails.map(|mail| serde_json::from_str::<Value>(&mail).expect("JSON"));
            if let Some(mail) = mails.find(|mail| mail["kind"] == kind) {
                return mail;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no mail arrives:\n{}", self.log());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Best effort: it may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
