//! E3, E7, E8: what observers are told of each request, and what they cannot do to it.

use portcullis_support as harness;

mod acting;
mod ends;
mod extractors;
mod faults;
mod load;
mod table;
mod veto;

use harness::Service;
use portcullis::users::AuditEvent;
use uuid::Uuid;

/// The name of an event, with the reason of a refusal; its user, who acted, and the backend.
type Told = (String, Option<Uuid>, Option<Uuid>, Option<String>);

fn told(event: AuditEvent) -> Told {
    let name = event.kind.name();
    let name = match event.kind.why() {
        Some(why) => format!("{name}: {why}"),
        None => name.to_owned(),
    };
    let backend = event.backend.map(|backend| backend.to_string());
    (name, event.user, event.actor, backend)
}

/// The names of what was told since the last call.
async fn names(service: &Service) -> Vec<String> {
    let events = service.events().await.into_iter();
    events.map(|event| told(event).0).collect()
}
