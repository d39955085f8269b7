//! A headless Chromium.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::Duration,
};

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A browser with a profile of its own. It ends when this is dropped.
pub(crate) struct Chromium {
    pub(crate) client: Client,
    _driver: Option<Driver>,
    _profile: TempDir,
}

impl Chromium {
    /// By the driver at `WEBDRIVER_URL`, or by one of our own where that is not set. The browser is the driver's choice,
    /// or `CHROMIUM`. It finds no host but this machine.
    pub(crate) async fn start() -> Self {
        let (driver, url) = match std::env::var("WEBDRIVER_URL") {
            Ok(url) => (None, url),
            Err(_) => {
                let driver = Driver::start();
                let url = format!("http://127.0.0.1:{}", driver.port);
                (Some(driver), url)
            }
        };
        let profile = tempfile::tempdir().expect("a folder");
        let mut options = json!({ "args": [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,1600",
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
            format!("--user-data-dir={}", profile.path().display()),
        ] });
        if let Ok(browser) = std::env::var("CHROMIUM") {
            options["binary"] = browser.into();
        }
        let capabilities = json!({ "browserName": "chrome", "goog:chromeOptions": options });
        let Value::Object(capabilities) = capabilities else {
            unreachable!("an object was written")
        };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&url)
            .await
            .expect("a browser");
        Self {
            client,
            _driver: driver,
            _profile: profile,
        }
    }
}

struct Driver {
    process: Child,
    port: u16,
}

impl Driver {
    fn start() -> Self {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("chromedriver is installed");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let port = line.split_once("successfully on port ")?.1;
            port.trim_end().trim_end_matches('.').parse().ok()
        });
        // A full pipe would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            process,
            port: port.expect("it says its port"),
        }
    }

    /// A signal would leave the browser running.
    fn shut_down(&self) -> std::io::Result<usize> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(
            stream,
            "GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n",
            self.port
        )?;
        stream.read(&mut [0; 64])
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Best effort: it may have ended by itself.
        let _ = self.shut_down();
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
