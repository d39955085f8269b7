//! `cargo xtask services`: private, throwaway servers for the tests, on free ports.
//!
//! A test finds a server by its variable, for example `TEST_REDIS_URL`. Tests that stop a server and start it again find its
//! processes in the file that `TEST_SERVICES` names. The servers' data is below `target/services`, or below the folder that
//! `SERVICES_FOLDER` names.

mod account;
mod certificate;
mod keeper;
mod mariadb;
mod mongodb;
mod orphans;
mod ports;
mod postgres;
mod record;
mod redis;
mod redis_cluster;
mod redis_sentinel;
mod server;
mod service;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) use keeper::{KEEP, keep};
pub(crate) use service::{SERVICES, Service};

use crate::metadata::Workspace;
use crate::{Fallible, packages, process};
use keeper::Keeper;

/// `services [NAME...] [-- COMMAND...]`: runs the servers until it is stopped, or while the command runs.
pub(crate) fn run(arguments: &[String]) -> Fallible<()> {
    let end = arguments.iter().position(|argument| argument == "--");
    let (names, command) = match end {
        Some(end) => (&arguments[..end], &arguments[end + 1..]),
        None => (arguments, &[][..]),
    };
    let mut running = Services::start(&chosen(names)?, &Workspace::load()?)?;
    for (service, why) in &running.missing {
        eprintln!("SKIPPED: {}: {why}", service.name);
    }
    let may_skip = names.is_empty() && !process::in_ci();
    if !may_skip && !running.missing.is_empty() {
        return Err("not every server runs".into());
    }
    let Some((program, arguments)) = command.split_first() else {
        for (name, value) in running.variables() {
            println!("{}", record::export(name, value));
        }
        eprintln!("serving until Ctrl-C");
        return running.keeper.wait();
    };
    let mut command = Command::new(program);
    command.args(arguments).envs(running.variables().iter().cloned());
    process::run(&mut command)
}

/// The services with these names, or all if there is no name.
pub(crate) fn chosen(names: &[String]) -> Fallible<Vec<&'static Service>> {
    let known = |name: &String| SERVICES.iter().any(|service| service.name == *name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        let all: Vec<&str> = SERVICES.iter().map(|service| service.name).collect();
        return Err(format!("no service `{unknown}`; there are: {}", all.join(", ")).into());
    }
    let is_chosen = |service: &&Service| names.is_empty() || names.iter().any(|name| name == service.name);
    Ok(SERVICES.iter().filter(is_chosen).collect())
}

/// The servers. They stop when this is dropped.
pub(crate) struct Services {
    keeper: Keeper,
    /// The missing ones, with the reasons.
    pub(crate) missing: Vec<(&'static Service, String)>,
}

impl Services {
    /// Prepares `services`, and starts those that can run.
    pub(crate) fn start(services: &[&'static Service], workspace: &Workspace) -> Fallible<Self> {
        let folder = std::env::var_os("SERVICES_FOLDER")
            .map_or_else(|| workspace.target.join("services"), PathBuf::from);
        let programs = folder.join("bin");
        fs::create_dir_all(&programs)?;
        install(services);
        let (mut ready, mut missing) = (Vec::new(), Vec::new());
        for &service in services {
            match prepare(service, &programs) {
                Ok(()) => ready.push(service),
                Err(error) => missing.push((service, error.to_string())),
            }
        }
        let mut keeper = Keeper::start(&ready, &account::base(&folder)?, &programs.canonicalize()?)?;
        for service in ready {
            if let Some(why) = keeper.failed.remove(service.name) {
                missing.push((service, why));
            }
        }
        Ok(Self { keeper, missing })
    }

    /// The URL of the service with this name, if it runs.
    pub(crate) fn url_of(&self, name: &str) -> Option<&str> {
        let service = SERVICES.iter().find(|service| service.name == name)?;
        let (_name, url) = self
            .variables()
            .iter()
            .find(|(name, _url)| name == service.variable)?;
        Some(url)
    }

    /// The variables by which the tests find the servers.
    pub(crate) fn variables(&self) -> &[(String, String)] {
        &self.keeper.variables
    }
}

/// Installs missing packages. [`prepare`] reports those that are missing after that.
fn install(services: &[&Service]) {
    let absent = services.iter().filter(|service| !(service.is_installed)());
    let mut wanted: Vec<&str> = absent.flat_map(|service| service.packages).copied().collect();
    wanted.sort_unstable();
    wanted.dedup();
    if !wanted.is_empty()
        && packages::may_install()
        && let Err(error) = packages::install(&wanted)
    {
        eprintln!("{error}");
    }
}

fn prepare(service: &Service, programs: &Path) -> Fallible<()> {
    if !(service.is_installed)() {
        return Err(format!("install it (Debian: {})", service.packages.join(", ")).into());
    }
    if service.name == "mongodb" {
        mongodb::build(programs)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_does_not_exist_is_an_error_that_lists_those_that_do() {
        let error = chosen(&["teapot".to_owned()])
            .map(drop)
            .expect_err("no such service");
        let listed = "redis, redis-cluster, redis-sentinel, postgres, mariadb, mongodb";
        assert_eq!(
            error.to_string(),
            format!("no service `teapot`; there are: {listed}")
        );
    }

    #[test]
    fn no_name_is_every_service_and_a_name_is_that_one() {
        assert_eq!(chosen(&[]).expect("all").len(), SERVICES.len());
        let one = chosen(&["postgres".to_owned()]).expect("it exists");
        assert_eq!(
            one.iter().map(|service| service.need).collect::<Vec<_>>(),
            ["PostgreSQL"]
        );
    }
}
