//! What ignored tests need, found in their own words: `#[ignore = "needs Chromium"]`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, ChildStdout};

use crate::{Fallible, chromium, layout};

/// Something that a machine may lack, and how to get it ready.
pub(crate) struct Need {
    name: &'static str,
    provide: fn() -> Fallible<Provided>,
}

const NEEDS: &[Need] = &[Need { name: "Chromium", provide: chromium::provide }];

/// What stands ready for the tests until this is dropped.
#[derive(Debug)]
pub(crate) struct Provided {
    /// Environment variables that tell the tests where it is.
    pub(crate) variables: Vec<(&'static str, String)>,
    pub(crate) server: Server,
}

/// A program that runs beside the tests.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) child: Child,
    /// Held open: a server that cannot write its log may stop.
    pub(crate) log: ChildStdout,
    /// Asks the server to put its own affairs in order, before it is stopped.
    pub(crate) farewell: fn(&str),
    pub(crate) address: String,
}

/// Readies what the tests below `root` need; the second list says what could not be had, and why.
pub(crate) fn provide(root: &Path) -> Fallible<(Vec<Provided>, Vec<String>)> {
    let (mut ready, mut missing) = (Vec::new(), Vec::new());
    for name in wanted(root)? {
        let need = NEEDS.iter().find(|need| need.name == name);
        let need = need.ok_or_else(|| format!("a test needs {name}, which nothing provides"))?;
        match (need.provide)() {
            Ok(provided) => ready.push(provided),
            Err(error) => missing.push(format!("needs {name}: {error}")),
        }
    }
    Ok((ready, missing))
}
