//! Server processes that a test stops, kills, pauses and starts again.

pub(crate) mod redis;
pub(crate) mod redis_cluster;
pub(crate) mod redis_sentinel;
pub(crate) mod shared;

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    thread,
};

use portcullis_support::until;

/// One process. One of this test's own is killed when this is dropped.
pub(crate) struct Server {
    command: Command,
    id: u32,
    /// Absent where it is for all tests.
    child: Option<Child>,
    /// Whether it is to outlive the test.
    is_shared: bool,
}

impl Server {
    /// Starts a server of this test's own, with what it writes out in `folder`.
    pub(crate) fn start(mut command: Command, folder: &Path) -> Self {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join("server.log"))
            .expect("a log");
        command
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log);
        let child = command.spawn().expect("the server's program");
        Self {
            command,
            id: child.id(),
            child: Some(child),
            is_shared: false,
        }
    }

    /// The process `id` that `command` has started, for all tests.
    pub(crate) fn shared(id: u32, mut command: Command, folder: &Path) -> Self {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join("server.log"));
        let log = log.expect("a log");
        command
            .current_dir(folder)
            // Not ended by what ends the test.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log);
        Self {
            command,
            id,
            child: None,
            is_shared: true,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// SIGKILL, and waits until it is gone.
    pub(crate) async fn kill(&mut self) {
        self.signal("KILL");
        self.gone().await;
    }

    /// The signal by which this server ends in order, and waits until it is gone.
    pub(crate) async fn stop(&mut self, signal: &str) {
        self.signal(signal);
        self.gone().await;
    }

    /// It goes on to exist, and does nothing.
    pub(crate) fn pause(&self) {
        self.signal("STOP");
    }

    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    /// Starts it again by the same command, once it is gone.
    pub(crate) fn start_again(&mut self) {
        assert!(self.is_gone(), "the server still runs");
        let mut child = self.command.spawn().expect("the server's program");
        self.id = child.id();
        if self.is_shared {
            // Collected at once: whoever stops it next sees it go.
            thread::spawn(move || child.wait());
            self.child = None;
        } else {
            self.child = Some(child);
        }
    }

    pub(crate) fn is_gone(&mut self) -> bool {
        match &mut self.child {
            Some(child) => child.try_wait().expect("its state").is_some(),
            // One that only waits for its parent to notice is gone.
            None => state(self.id).is_none_or(|state| state == 'Z'),
        }
    }

    async fn gone(&mut self) {
        until("the server ends", async || self.is_gone()).await;
    }

    fn signal(&self, signal: &str) {
        let line = format!("kill -{signal} {}", self.id);
        let sent = Command::new("sh").args(["-c", &line]).status();
        assert!(sent.expect("a shell").success(), "the server is there");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Best effort: it may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The state of a process, or `None` where there is none.
fn state(id: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name before it is in parentheses, and may hold some.
    stat.rsplit_once(") ")?.1.chars().next()
}

/// A port that nobody listens on, below those that the system gives to outgoing connections: it is still free when a
/// server comes back to it.
pub(crate) fn free_port() -> u16 {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    const FIRST: u32 = 12_000;
    const COUNT: u32 = 8_000;
    loop {
        let tried = u32::from(TRIED.fetch_add(1, Ordering::Relaxed));
        assert!(tried < COUNT, "no port is free");
        // Another process that looks for ports begins elsewhere.
        let port = FIRST + (std::process::id() * 97 + tried) % COUNT;
        let port = u16::try_from(port).expect("a port");
        if TcpListener::bind(local(port)).is_ok() {
            return port;
        }
    }
}

/// The address of `port` on this machine.
pub(crate) fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
