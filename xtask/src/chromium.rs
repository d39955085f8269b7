//! A browser for the tests that drive one: `chromedriver` on a free port, for as long as the tests run.
//!
//! A test finds it in two variables: `WEBDRIVER_URL`, and `CHROMIUM`, the browser's executable.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Fallible, packages, process};

/// The hidden command of [`keep`].
pub(crate) const KEEP: &str = "keep-chromedriver";

/// A driver that runs until this is dropped.
pub(crate) struct Driver {
    /// Tell the tests where it is.
    pub(crate) variables: Vec<(String, String)>,
    _keeper: Keeper,
}

/// Finds a browser and its driver, installs them if allowed, and starts the driver.
pub(crate) fn provide() -> Fallible<Driver> {
    if find().is_none() && packages::may_install() {
        packages::install(&["chromium", "chromium-driver"])?;
    }
    let (browser, driver) =
        find().ok_or("install Chromium and its chromedriver (Debian: chromium, chromium-driver)")?;
    let (keeper, port) = Keeper::start(&driver)?;
    println!("chromedriver answers on port {port}");
    let variables = [
        ("WEBDRIVER_URL", format!("http://127.0.0.1:{port}")),
        ("CHROMIUM", browser.to_string_lossy().into_owned()),
    ];
    Ok(Driver {
        variables: variables.map(|(name, value)| (name.to_owned(), value)).into(),
        _keeper: keeper,
    })
}

fn find() -> Option<(PathBuf, PathBuf)> {
    let browser = process::find(&[
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    ])?;
    Some((browser, process::find(&["chromedriver"])?))
}

/// A helper process around the driver. It outlives this one for as long as it takes to close every browser, even if
/// this one is killed or a test left a browser open.
struct Keeper(Child);

impl Keeper {
    fn start(driver: &Path) -> Fallible<(Self, u16)> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg(KEEP)
            .arg(driver)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        // Ctrl-C at the terminal stops this process only. The keeper notices that its input was closed.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut keeper = Self(command.spawn()?);
        let output = keeper.0.stdout.take().ok_or("the keeper's output is not piped")?;
        let mut port = String::new();
        BufReader::new(output).read_line(&mut port)?;
        let port = port.trim().parse().map_err(|_| "chromedriver did not start")?;
        Ok((keeper, port))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        if let Err(error) = self.0.wait() {
            eprintln!("chromedriver may still run: {error}");
        }
    }
}

/// Runs `driver` until standard input closes, then lets it close its browsers. Prints its port and nothing else.
pub(crate) fn keep(driver: &str) -> Fallible<()> {
    let mut driver = Command::new(driver)
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = driver.stdout.take().ok_or("the driver's output is not piped")?;
    let mut lines = BufReader::new(output).lines();
    let port = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| port_in(&line));
    let Some(port) = port else {
        driver.kill()?;
        driver.wait()?;
        return Err("chromedriver named no port".into());
    };
    println!("{port}");
    io::stdout().flush()?;
    // A full pipe would block the driver.
    std::thread::spawn(move || lines.for_each(drop));

    io::copy(&mut io::stdin(), &mut io::sink())?;
    // A signal would leave the browsers running.
    let asked = shut_down(port);
    let deadline = Instant::now() + Duration::from_secs(10);
    while asked.is_ok() && driver.try_wait()?.is_none() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    driver.kill()?;
    driver.wait()?;
    Ok(())
}

fn port_in(line: &str) -> Option<u16> {
    line.split_once("successfully on port ")?
        .1
        .trim_end()
        .trim_end_matches('.')
        .parse()
        .ok()
}

fn shut_down(port: u16) -> io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(
        stream,
        "GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    )?;
    // The answer says that the browsers are gone; the driver need not hang up after it.
    stream.read(&mut [0; 64]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_the_line_that_says_the_driver_is_ready() {
        assert_eq!(port_in("Starting ChromeDriver 1.2.3 (abc) on port 0"), None);
        assert_eq!(
            port_in("ChromeDriver was started successfully on port 35783."),
            Some(35783)
        );
    }
}
