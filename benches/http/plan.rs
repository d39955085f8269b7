use std::{num::NonZeroUsize, time::Duration};

use portcullis::users::{PasswordHasher, PasswordHasherBuilder};

use crate::{Fallible, store::STORES};

/// What is measured, and for how long.
pub(crate) struct Plan {
    pub(crate) jwt: bool,
    pub(crate) db: bool,
    pub(crate) log_in: bool,
    pub(crate) near: bool,
    /// The stores to be measured, by name.
    pub(crate) stores: Vec<&'static str>,
    /// Whether to measure what tokens take in them, too.
    pub(crate) memory: bool,
    /// How many clients ask at once. A pool of SQL has 16 connections.
    pub(crate) clients: usize,
    /// How often each case is measured, in turn with what it is compared with.
    pub(crate) rounds: u32,
    /// How long one of them takes.
    pub(crate) span: Duration,
    /// How passwords are hashed where log-ins are measured.
    pub(crate) hasher: PasswordHasherBuilder,
}

impl Plan {
    /// The plan that `arguments` ask for: names of cases, `--clients=N` for N clients at once instead of 32, `--niceness=N` and
    /// `--permits=N` for another hasher than the default, and `--quick` for a look at the order of magnitude. Cargo adds
    /// `--bench`.
    pub(crate) fn parse(arguments: &[String]) -> Fallible<Self> {
        let (flags, names): (Vec<&str>, Vec<&str>) = arguments
            .iter()
            .map(String::as_str)
            .partition(|argument| argument.starts_with("--"));
        let stores = STORES.map(|store| store.0);
        let known = [&["jwt", "db", "log-in", "near"][..], &stores].concat();
        if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
            return Err(format!("no case `{unknown}`; there are: {}", known.join(", ")).into());
        }
        let is_asked = |name: &str| names.is_empty() || names.contains(&name);
        let (mut is_quick, mut clients, mut hasher) = (false, 32, PasswordHasher::builder());
        for flag in flags {
            match flag.split_once('=') {
                None if flag == "--quick" => is_quick = true,
                None if flag == "--bench" => {}
                Some(("--clients", number)) => {
                    let number: NonZeroUsize = number
                        .parse()
                        .map_err(|problem| format!("--clients: {problem}"))?;
                    clients = number.get();
                }
                Some(("--niceness", number)) => hasher = hasher.niceness(number.parse()?),
                Some(("--permits", number)) => hasher = hasher.permits(number.parse()?),
                _ => {
                    let flags = "--quick, --clients=N, --niceness=N, --permits=N";
                    return Err(format!("no flag `{flag}`; there are: {flags}").into());
                }
            }
        }
        let (rounds, span) = if is_quick {
            (6, Duration::from_millis(300))
        } else {
            (21, Duration::from_secs(1))
        };
        Ok(Self {
            jwt: is_asked("jwt"),
            db: is_asked("db"),
            log_in: is_asked("log-in"),
            near: is_asked("near"),
            stores: stores.into_iter().filter(|store| is_asked(store)).collect(),
            memory: !is_quick,
            clients,
            rounds,
            span,
            hasher,
        })
    }
}
