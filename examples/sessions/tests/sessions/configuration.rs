//! The program and its variables.

use std::process::{Command, Output};

use portcullis_support::until;

fn program(variables: &[(&str, &str)]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_sessions"));
    program.env_clear().envs(variables.iter().copied());
    program
}

#[test]
fn a_value_that_cannot_be_used_is_an_error_that_names_its_variable() {
    for (variables, problem) in [
        (
            &[("SESSION_CARRIER", "pigeon")][..],
            "SESSION_CARRIER: \"pigeon\" is neither",
        ),
        (&[("SESSION_HEADER", "X-Visit")], "SESSION_HEADER: has no effect"),
        (
            &[("SESSION_CARRIER", "header"), ("SESSION_HEADER", "Set-Cookie")],
            "SESSION_HEADER: \"Set-Cookie\" means something else",
        ),
        (
            &[("SESSION_LIFETIME", "0")],
            "SESSION_LIFETIME: \"0\" is no number of seconds",
        ),
        (
            &[("SESSION_IDLE", "soon")],
            "SESSION_IDLE: \"soon\" is no number of seconds",
        ),
        (
            &[("SESSION_IDLE", "21600")],
            "SESSION_IDLE: is not shorter than the lifetime",
        ),
        (&[("STORE_URL", "ftp://secret@host")], "STORE_URL: is not"),
        (
            &[("STORE_URL", "postgres://ada:secret@127.0.0.1:1/app")],
            "STORE_URL: postgresql: database URL: no connection to `127.0.0.1:1`",
        ),
        (
            &[("STORE_URL", "redis://ada:secret@127.0.0.1:1")],
            "STORE_URL: redis: no connection to `127.0.0.1:1`",
        ),
        (
            &[("STORE_URL", "mongodb://ada:secret@127.0.0.1:1/app")],
            "STORE_URL: mongodb: Server selection timeout",
        ),
        (&[("BIND", "nowhere")], "BIND"),
        (&[("BIND", "")], "BIND: is empty"),
    ] {
        let Output { status, stderr, .. } = program(variables).output().expect("the program");
        let said = String::from_utf8(stderr).expect("UTF-8");
        assert!(!status.success(), "{variables:?}");
        assert!(
            said.contains(&format!("error: {problem}")),
            "{variables:?}: {said}"
        );
        assert!(!said.contains("secret"), "{said}");
    }
}

#[tokio::test]
async fn the_program_serves_by_its_defaults() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let bind = free.local_addr().expect("an address").to_string();
    drop(free);
    let mut running = program(&[("BIND", &bind), ("RUST_LOG", "off")])
        .spawn()
        .expect("the program");
    let url = format!("http://{bind}/getSession");
    until("it answers 401 without a session", async || {
        reqwest::get(&url)
            .await
            .is_ok_and(|answer| answer.status() == 401)
    })
    .await;
    running.kill().expect("it runs");
    running.wait().expect("its end");
}
