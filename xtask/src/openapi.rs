//! Tries the OpenAPI document on a showcase with every backend, by the property-based client schemathesis.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::metadata::Workspace;
use crate::services::{self, Services};
use crate::{Fallible, packages, process};

const CLIENT: &str = "schemathesis==4.32.5";
/// The service that keeps the tokens of some backends. SQLite keeps the others.
const REDIS: &str = "redis";
const SUPERUSER: (&str, &str) = ("root@camelot.example", "a grail of many words");
const PATIENCE: Duration = Duration::from_secs(60);

/// Says what is left out if there is no Python, no way to the package of the client, or no Redis.
pub(crate) fn check(workspace: &Workspace) -> Fallible<Vec<String>> {
    let folder = workspace.target.join("openapi");
    fs::create_dir_all(&folder)?;
    let client = match client(&folder) {
        Ok(client) => client,
        Err(error) if !process::in_ci() => {
            return Ok(vec![format!(
                "the OpenAPI document was not tried by {CLIENT}: {error}"
            )]);
        }
        Err(error) => return Err(error),
    };
    let redis = Services::start(&services::chosen(&[REDIS.to_owned()])?, workspace)?;
    let missing = redis
        .missing
        .iter()
        .map(|(_redis, why)| format!("the OpenAPI document was tried without the backends on Redis: {why}"));
    let left_out: Vec<String> = missing.collect();
    if process::in_ci() && !left_out.is_empty() {
        return Err(left_out.join("; ").into());
    }
    // The program that the tests use. `cargo build` would build it again, and most of its dependencies, because it leaves
    // out the features that only tests need.
    let build = [
        "test",
        "--workspace",
        "--all-features",
        "--no-run",
        "--test",
        "showcase",
    ];
    process::run(process::cargo(&workspace.root).args(build))?;
    let program = workspace.target.join("debug").join("showcase");
    let showcase = Showcase::start(&program, &folder, redis.url_of(REDIS))?;
    let settings = workspace.root.join("xtask/schemathesis");
    process::run(
        Command::new(client)
            .arg("--config-file")
            .arg(settings.join("schemathesis.toml"))
            .args(["run", &format!("{}/openapi.json", showcase.url)])
            .env("SCHEMATHESIS_HOOKS", settings.join("hooks.py"))
            .env("SHOWCASE", &showcase.url)
            .env("EMAIL", SUPERUSER.0)
            .env("PASSWORD", SUPERUSER.1)
            // Python writes what it compiled beside its source otherwise.
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(&showcase.folder),
    )?;
    Ok(left_out)
}

/// The client, in an environment of Python that is made once for each version.
fn client(folder: &Path) -> Fallible<PathBuf> {
    let environment = folder.join(CLIENT);
    let (python, client) = (
        environment.join("bin/python"),
        environment.join("bin/schemathesis"),
    );
    if client.exists() {
        return Ok(client);
    }
    let Some(system) = process::find(&["python3"]) else {
        return Err("install Python 3.10 or later, with venv".into());
    };
    let make = || {
        process::run(
            Command::new(&system)
                .args(["-m", "venv", "--clear"])
                .arg(&environment),
        )
    };
    if make().is_err() {
        // Debian keeps this part of Python in a package of its own.
        if !packages::may_install() {
            return Err("install venv of Python (Debian: python3-venv)".into());
        }
        packages::install(&["python3-venv"])?;
        make()?;
    }
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        CLIENT,
    ];
    process::run(Command::new(&python).args(install))?;
    Ok(client)
}

/// A showcase on SQLite in an empty folder, and on Redis if there is one. It ends when this is dropped.
struct Showcase {
    process: Child,
    url: String,
    folder: PathBuf,
}

impl Showcase {
    fn start(program: &Path, folder: &Path, redis: Option<&str>) -> Fallible<Self> {
        let folder = folder.join("showcase");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let log = folder.join("log");
        let process = Command::new(program)
            .current_dir(&folder)
            .env("BIND", "127.0.0.1:0")
            .env("THROTTLE", "off")
            .env("SUPERUSER", format!("{}:{}", SUPERUSER.0, SUPERUSER.1))
            .env("RUST_LOG", "info")
            .env_remove("DATABASE_URL")
            .env_remove("REDIS_URL")
            .envs(redis.map(|url| ("REDIS_URL", url)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()?;
        let mut showcase = Self {
            process,
            url: String::new(),
            folder,
        };
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let said = fs::read_to_string(&log)?;
            if let Some(url) = url_in(&said) {
                showcase.url = url.to_owned();
                return Ok(showcase);
            }
            if showcase.process.try_wait()?.is_some() {
                return Err(format!("the showcase does not start:\n{said}").into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(format!("the showcase does not start; its log is {}", log.display()).into())
    }
}

impl Drop for Showcase {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.process.kill();
        let _status = self.process.wait();
    }
}

fn url_in(log: &str) -> Option<&str> {
    let (_before, rest) = log.split_once("open ")?;
    rest.split_once("/docs").map(|(url, _rest)| url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_read_from_the_line_that_says_where_to_open_it() {
        assert_eq!(url_in("INFO showcase: starting"), None);
        let log = "INFO actix: listening\nINFO showcase: open http://127.0.0.1:40123/docs\n";
        assert_eq!(url_in(log), Some("http://127.0.0.1:40123"));
    }
}
