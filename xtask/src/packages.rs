//! Installs Debian packages that a machine lacks.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::{fs, io};

use crate::{Fallible, process};

/// Asked by Debian's packages before they start what they have installed.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// True if this process runs as root.
pub(crate) fn is_root() -> bool {
    static IS_ROOT: LazyLock<bool> =
        LazyLock::new(|| process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0"));
    *IS_ROOT
}

/// True if [`install`] can work here.
pub(crate) fn may_install() -> bool {
    is_root() && process::find(&["apt-get"]).is_some()
}

/// Installs `packages` without starting their servers. The output goes to standard error.
pub(crate) fn install(packages: &[&str]) -> Fallible<()> {
    let _quiet = Quiet::begin()?;
    apt_get(&["update"])?;
    apt_get(
        &[
            &["install", "-y", "--no-upgrade", "--no-install-recommends"],
            packages,
        ]
        .concat(),
    )
}

fn apt_get(arguments: &[&str]) -> Fallible<()> {
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(io::stderr());
    process::run_aside(command.args(arguments))
}

/// Keeps packages from starting their servers until this is dropped, unless the system has its own policy.
struct Quiet(bool);

impl Quiet {
    fn begin() -> Fallible<Self> {
        if Path::new(POLICY).exists() {
            return Ok(Self(false));
        }
        fs::write(POLICY, "#!/bin/sh\nexit 101\n")?;
        let quiet = Self(true);
        process::output(Command::new("chmod").args(["755", POLICY]))?;
        Ok(quiet)
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if self.0
            && let Err(error) = fs::remove_file(POLICY)
        {
            eprintln!("remove {POLICY} by hand, or no package will start its server: {error}");
        }
    }
}
