//! The veto and the observer of the program.

use std::fs;

use serde_json::{Value, json};

use crate::{
    backend::DB,
    visit::{EMAIL, PASSWORD, SQLITE, Visit, answer},
};

#[tokio::test]
async fn only_e_mails_of_the_domains_may_register_and_each_event_is_a_line_in_the_file() {
    let settings = [
        ("EMAIL_DOMAINS", "Camelot.example, bücher.example"),
        ("EVENTS_FILE", "events"),
    ];
    let mut visit = Visit::with_user(SQLITE, &settings).await;
    for (email, status) in [
        ("mordred@orkney.example", 403),
        ("mordred@camelot.example.orkney.example", 403),
        ("merlin@BÜCHER.example", 201),
        ("morgan@xn--bcher-kva.example", 201),
    ] {
        let body = json!({ "email": email, "password": PASSWORD });
        answer(visit.post("/auth/register", &body), status).await;
    }
    answer(visit.ask(DB, EMAIL, PASSWORD), 200).await;
    // What waits is written first.
    assert!(visit.showcase.stop().await.success());
    let text = fs::read_to_string(visit.showcase.folder().join("events")).expect("the file");
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let said: Vec<_> = events
        .iter()
        .map(|event| (event["event"].as_str(), event["why"].as_str()))
        .collect();
    let (registered, refused) = (
        (Some("registered"), None),
        (Some("registration_refused"), Some("vetoed")),
    );
    let logged_in = (Some("logged_in"), None);
    assert_eq!(
        said,
        [registered, refused, refused, registered, registered, logged_in],
        "{text}"
    );
    let last = &events[5];
    assert_eq!(
        (&last["backend"], &last["client"]),
        (&json!("db"), &json!("127.0.0.1"))
    );
    assert!(
        last["at"].is_i64() && last["user"] == events[0]["user"] && last["user"].is_string(),
        "{last}"
    );
    assert_eq!(events[1]["note"], "not a domain of EMAIL_DOMAINS");
    assert!(!text.contains("mordred") && !text.contains(PASSWORD), "{text}");
}
