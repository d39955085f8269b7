//! A server of a test's own, whose settings it may change.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

/// Debian keeps it in a folder that is not in everyone's `PATH`.
const PROGRAMS: [&str; 2] = ["mariadbd", "/usr/sbin/mariadbd"];

/// Who owns the database `app`, and no more than that. Each statement is a line.
const INIT: &str = "\
CREATE DATABASE app;
CREATE USER app@'127.0.0.1' IDENTIFIED BY 'app';
GRANT ALL ON app.* TO app@'127.0.0.1';
";

pub(crate) struct Server {
    port: u16,
    process: Child,
    _folder: TempDir,
}

impl Server {
    /// Starts one, and waits until it answers.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (data, init) = (folder.path().join("data"), folder.path().join("init.sql"));
        fs::write(&init, INIT).expect("written");
        let datadir = format!("--datadir={}", data.display());
        // It does not run as root unless that is named.
        let user = Command::new("id").arg("-un").output().expect("who we are").stdout;
        let user = format!("--user={}", String::from_utf8_lossy(&user).trim_end());
        let created = Command::new("mariadb-install-db")
            .args([
                "--no-defaults",
                "--skip-test-db",
                "--auth-root-authentication-method=normal",
            ])
            .args([&user, &datadir])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(created.expect("mariadb-install-db").success(), "an empty server");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let port = port.expect("a port").port();
        let arguments = [
            "--no-defaults".to_owned(),
            user,
            datadir,
            format!("--init-file={}", init.display()),
            format!("--port={port}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--skip-name-resolve".to_owned(),
            format!("--socket={}", folder.path().join("socket").display()),
            "--innodb-buffer-pool-size=16M".to_owned(),
        ];
        let process = PROGRAMS.iter().find_map(|program| {
            let quiet = Command::new(program)
                .args(&arguments)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            quiet.ok()
        });
        let mut server = Self {
            port,
            process: process.expect("mariadbd"),
            _folder: folder,
        };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.process.try_wait().expect("the state of the server");
            assert_eq!(ended, None, "the server ended");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        server
    }

    /// For the user who owns the database `app`.
    pub(crate) fn url(&self) -> String {
        format!("mysql://app:app@127.0.0.1:{}/app", self.port)
    }

    /// For who may do anything.
    pub(crate) fn root_url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}/mysql", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _ended = self.process.wait();
    }
}
