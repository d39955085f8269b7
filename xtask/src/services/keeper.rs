//! A helper process around the servers. It outlives this one for as long as it takes to stop them, even if this one is
//! killed. Ctrl-C at the terminal does not reach it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::{Value, json};

use crate::Fallible;
use crate::services::server::Server;
use crate::services::service::Place;
use crate::services::{SERVICES, Service, orphans, record};

/// The hidden command of [`keep`].
pub(crate) const KEEP: &str = "keep-services";

/// The servers. They stop when this is dropped.
pub(super) struct Keeper {
    child: Child,
    pub(super) variables: Vec<(String, String)>,
    /// The reasons that services do not run, by name.
    pub(super) failed: BTreeMap<String, String>,
}

impl Keeper {
    /// Starts the named services with their data below `base`.
    pub(super) fn start(services: &[&Service], base: &Path, programs: &Path) -> Fallible<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg(KEEP)
            .args([base, programs])
            .args(services.iter().map(|service| service.name))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut keeper = Self {
            child: command.spawn()?,
            variables: Vec::new(),
            failed: BTreeMap::new(),
        };
        let output = keeper
            .child
            .stdout
            .take()
            .ok_or("the keeper's output is not piped")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let told: Value = serde_json::from_str(&line).map_err(|_| "the servers did not start")?;
        keeper.variables = pairs(&told["variables"]).collect();
        keeper.failed = pairs(&told["failed"]).collect();
        Ok(keeper)
    }

    /// Waits until the keeper ends by itself, which is an error.
    pub(super) fn wait(&mut self) -> Fallible<()> {
        // Taken out, because waiting would close the input that the keeper watches.
        let input = self.child.stdin.take();
        let status = self.child.wait()?;
        drop(input);
        Err(format!("the servers' keeper ended: {status}").into())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        if let Err(error) = self.child.wait() {
            eprintln!("servers may still run: {error}");
        }
    }
}

fn pairs(object: &Value) -> impl Iterator<Item = (String, String)> {
    let entries = object.as_object().into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
}

/// Starts the services, reports them in one line of standard output, and stops them when standard input closes.
pub(crate) fn keep(arguments: &[String]) -> Fallible<()> {
    let [base, programs, names @ ..] = arguments else {
        return Err("the keeper needs two folders".into());
    };
    let base = Path::new(base);
    orphans::clear(base, KEEP)?;
    let run = base.join(std::process::id().to_string());
    fs::create_dir(&run)?;
    let outcome = serve(&run, Path::new(programs), names);
    orphans::stop(&run)?;
    fs::remove_dir_all(run)?;
    outcome
}

fn serve(run: &Path, programs: &Path, names: &[String]) -> Fallible<()> {
    let services = SERVICES
        .iter()
        .filter(|service| names.iter().any(|name| name == service.name));
    let (mut running, mut failed) = (Vec::new(), BTreeMap::new());
    for (service, outcome) in start(services.collect(), run, programs) {
        match outcome {
            Ok(server) => running.push((service, server)),
            Err(error) => drop(failed.insert(service.name, error)),
        }
    }
    let file = run.join("services.json");
    let record = record::services(running.iter().map(|(service, server)| (service.name, server)));
    fs::write(&file, serde_json::to_string_pretty(&record)?)?;
    let mut variables = BTreeMap::from([("TEST_SERVICES", file.display().to_string())]);
    for (service, server) in &running {
        variables.insert(service.variable, server.url.clone());
        variables.extend(server.variables.iter().cloned());
    }
    let told = json!({ "variables": variables, "failed": failed });
    // If the reader is gone, writing fails. The end of standard input says the same.
    let _ = writeln!(io::stdout(), "{told}").and_then(|()| io::stdout().flush());
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}

/// Starts them in parallel, because each takes a second or more.
fn start<'a>(
    services: Vec<&'a Service>,
    run: &Path,
    programs: &Path,
) -> Vec<(&'a Service, Result<Server, String>)> {
    let one = |service: &Service| {
        let place = Place {
            folder: run.join(service.name),
            programs: PathBuf::from(programs),
        };
        fs::create_dir(&place.folder)?;
        (service.start)(&place)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = services
            .into_iter()
            .map(|service| {
                (
                    service,
                    scope.spawn(move || one(service).map_err(|error| error.to_string())),
                )
            })
            .collect();
        let ended = threads.into_iter().map(|(service, thread)| {
            let outcome = thread
                .join()
                .unwrap_or_else(|_| Err("its start panicked".to_owned()));
            (service, outcome)
        });
        ended.collect()
    })
}
