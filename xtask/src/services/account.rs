//! The account that a server runs as: databases refuse to run as root.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Fallible, packages, process};

/// The command line that runs `command` as `user`, if this process is root.
pub(super) fn as_user(user: &str, command: Vec<String>) -> Vec<String> {
    if !packages::is_root() {
        return command;
    }
    // It replaces itself by the command, so the process id stays the same.
    let mut line = vec![
        "setpriv".to_owned(),
        format!("--reuid={user}"),
        format!("--regid={user}"),
        "--init-groups".to_owned(),
    ];
    line.extend(command);
    line
}

/// Gives `folder` and its contents to `user`, if this process is root.
pub(super) fn give(folder: &Path, user: &str) -> Fallible<()> {
    if packages::is_root() {
        process::output(Command::new("chown").args(["-R", user]).arg(folder))?;
    }
    Ok(())
}

/// The folder for the servers' data: `wanted`, unless the servers' accounts cannot reach it.
pub(super) fn base(wanted: &Path) -> Fallible<PathBuf> {
    fs::create_dir_all(wanted)?;
    let wanted = wanted.canonicalize()?;
    if !packages::is_root() || is_open(&wanted)? {
        return Ok(wanted);
    }
    let name = wanted.to_string_lossy().replace('/', "-");
    let other = std::env::temp_dir().join(format!("services{name}"));
    match fs::DirBuilder::new().mode(0o755).create(&other) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error.into()),
        _ => {}
    }
    // Anyone can write to the folder for temporary files. Don't use a folder that another user prepared there.
    let found = fs::symlink_metadata(&other)?;
    if found.is_dir() && found.uid() == 0 {
        return Ok(other);
    }
    Err(format!("{} belongs to somebody else", other.display()).into())
}

/// True if every user can enter each folder down to `folder`.
fn is_open(folder: &Path) -> Fallible<bool> {
    for part in folder.ancestors() {
        if fs::metadata(part)?.permissions().mode() & 0o001 == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}
