//! Mails as files, for development.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

use async_trait::async_trait;
use auth_core::{ConfigError, ExposeSecret as _};
use serde_json::json;

use crate::{LOG, Mail, MailError, Mailer};

/// Writes each mail as one JSON file, `{"kind","to","token"}`, into a folder, for development and tests.
///
/// A file appears complete. On Unix, only its owner can read it. Names are ordered by time. The log has the kind, the
/// address and the file, never the token.
///
/// # Security
/// Anyone who can read the folder can take over the accounts.
#[derive(Clone, Debug)]
pub struct FolderMailer {
    folder: PathBuf,
}

impl FolderMailer {
    /// Writes mails into `folder`, and makes it if it is missing.
    ///
    /// # Errors
    /// [`ConfigError`] naming `outbox folder` if it cannot be made or is not a folder.
    pub fn new(folder: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        let folder = folder.into();
        make_folder(&folder).map_err(|error| {
            ConfigError::new("outbox folder", format_args!("{}: {error}", folder.display()))
        })?;
        Ok(Self { folder })
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

#[async_trait]
impl Mailer for FolderMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let (folder, copy) = (self.folder.clone(), mail.clone());
        let file = tokio::task::spawn_blocking(move || write(&folder, &copy))
            .await
            .map_err(MailError::new)?
            .map_err(MailError::new)?;
        tracing::info!(
            target: LOG,
            kind = mail.kind.name(), to = ?mail.to, ?file, "a mail was written to the outbox folder"
        );
        Ok(())
    }
}

fn write(folder: &Path, mail: &Mail) -> io::Result<PathBuf> {
    let name = name(mail)?;
    let part = folder.join(format!(".{name}.part"));
    let file = folder.join(name);
    let body = json!({
        "kind": mail.kind.name(),
        "to": mail.to,
        "token": mail.token.expose_secret(),
    });
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(&part)
        .and_then(|mut open| open.write_all(body.to_string().as_bytes()))
        .and_then(|()| fs::rename(&part, &file));
    if written.is_err() {
        // Best effort: the first error is the one to report.
        let _ = fs::remove_file(&part);
    }
    written.map(|()| file)
}

/// Ordered by time, then by order within the process. The random end distinguishes processes.
fn name(mail: &Mail) -> io::Result<String> {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let milliseconds = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |age| age.as_millis());
    let order = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let random = getrandom::u32().map_err(|error| io::Error::other(error.to_string()))?;
    Ok(format!(
        "{milliseconds:013}-{order:06}-{random:08x}-{}.json",
        mail.kind
    ))
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::MailKind;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .expect("folder")
            .map(|entry| entry.expect("entry").file_name().into_string().expect("name"))
            .collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn v6_a_mail_is_one_json_file_of_kind_address_and_token_alone_and_the_names_sort_by_time() {
        let folder = tempfile::tempdir().expect("folder");
        let inner = folder.path().join("a/b");
        let mailer = FolderMailer::new(&inner).expect("folder");
        for (kind, token) in [
            (MailKind::Verify, "one"),
            (MailKind::Reset, "two"),
            (MailKind::Verify, "three"),
        ] {
            let mail = Mail::new(kind, "arthur@camelot.example", token.into());
            mailer.send(&mail).await.expect("written");
        }
        let names = names(mailer.folder());
        let mails: Vec<Value> = names
            .iter()
            .map(|name| serde_json::from_slice(&fs::read(inner.join(name)).expect("file")).expect("JSON"))
            .collect();
        let to = "arthur@camelot.example";
        assert_eq!(
            mails,
            [
                json!({"kind": "verify", "to": to, "token": "one"}),
                json!({"kind": "reset", "to": to, "token": "two"}),
                json!({"kind": "verify", "to": to, "token": "three"}),
            ]
        );
        #[cfg(unix)]
        for name in &names {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(inner.join(name)).expect("file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert!(
            names.iter().all(|name| name.ends_with(".json")),
            "no part is left: {names:?}"
        );
    }

    #[tokio::test]
    async fn a_folder_that_is_gone_is_an_error_and_one_that_cannot_be_made_is_refused_at_the_start() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("file");
        fs::write(&file, "").expect("file");
        let error = FolderMailer::new(file.join("outbox")).expect_err("a file is no folder");
        assert_eq!(error.setting(), "outbox folder");

        let mailer = FolderMailer::new(folder.path().join("outbox")).expect("folder");
        fs::remove_dir(mailer.folder()).expect("removed");
        let mail = Mail::new(MailKind::Verify, "arthur@camelot.example", "token".into());
        let error = mailer.send(&mail).await.expect_err("gone");
        assert!(!error.to_string().contains("token"), "{error}");
    }
}
