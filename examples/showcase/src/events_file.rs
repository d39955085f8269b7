//! Events in a file: an observer.

use std::{fs::File, io::Write as _, sync::Arc};

use actix_web::rt::task::spawn_blocking;
use portcullis::{
    ConfigError, async_trait,
    users::{AuditEvent, Observer},
};
use serde_json::json;

/// A file to which each event is appended, one JSON object a line.
pub(crate) struct EventsFile(Arc<File>);

impl EventsFile {
    /// The file of this name, which is made if it is missing.
    pub(crate) fn open(name: &str) -> Result<Self, ConfigError> {
        let file = File::options().create(true).append(true).open(name);
        let file =
            file.map_err(|problem| ConfigError::new("EVENTS_FILE", format_args!("{name:?}: {problem}")))?;
        Ok(Self(Arc::new(file)))
    }
}

#[async_trait]
impl Observer for EventsFile {
    async fn observe(&self, event: &AuditEvent) {
        let mut line = json!({
            "at": event.at.unix_timestamp(),
            "event": event.kind.name(),
            "why": event.kind.why(),
            "user": event.user.map(|id| id.to_string()),
            "actor": event.actor.map(|id| id.to_string()),
            "backend": event.backend.as_deref(),
            "client": event.client,
            "note": event.note,
        })
        .to_string();
        line.push('\n');
        let file = Arc::clone(&self.0);
        // A disk can be slow, and this thread also serves requests.
        let written = spawn_blocking(move || (&*file).write_all(line.as_bytes())).await;
        if !matches!(written, Ok(Ok(()))) {
            tracing::error!(
                event = event.kind.name(),
                "an event could not be written to EVENTS_FILE"
            );
        }
    }
}
