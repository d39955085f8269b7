//! A headless Chromium.

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A browser with a profile of its own. It ends with its client, or with the driver.
pub(crate) struct Chromium {
    pub(crate) client: Client,
    _profile: TempDir,
}

impl Chromium {
    /// By the driver at `WEBDRIVER_URL`. The browser is the driver's choice, or `CHROMIUM`. It finds no host but this
    /// machine.
    pub(crate) async fn start() -> Self {
        let url = std::env::var("WEBDRIVER_URL")
            .expect("WEBDRIVER_URL names a chromedriver; `cargo xtask test` starts one");
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
            _profile: profile,
        }
    }
}
