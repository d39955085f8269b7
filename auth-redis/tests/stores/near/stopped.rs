//! A process that is stopped, and goes on when its lease is over.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _, stdin, stdout},
    process::{Command, Stdio},
};

use auth_core::AccessTokenStore as _;
use auth_redis::RedisAccessTokenStore;
use tokio::time::sleep;
use uuid::Uuid;

use super::{LEASE, Node};
use crate::{
    server::{self, until},
    token::hour,
};

/// The prefix of the keys of the process that is stopped, which runs this test once more.
const PREFIX: &str = "TEST_PREFIX_OF_THE_STOPPED";

#[tokio::test]
#[ignore = "needs Redis"]
async fn g1_a_process_that_was_stopped_uses_nothing_that_it_read_before() {
    let url = server::url("TEST_REDIS_URL");
    if let Ok(prefix) = env::var(PREFIX) {
        return log_in(&url, &prefix).await;
    }
    let prefix = server::prefix();
    let mut run = Command::new(env::current_exe().expect("this program"));
    run.args(["--exact", "--ignored", "--nocapture"])
        .arg("near::stopped::g1_a_process_that_was_stopped_uses_nothing_that_it_read_before")
        .env(PREFIX, &prefix)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut process = run.spawn().expect("a process");
    let mut said = BufReader::new(process.stdout.take().expect("a pipe")).lines();
    let mut hears = |word: &str| {
        let lines = said.by_ref().map(|line| line.expect("a line"));
        let mut words = lines.filter_map(|line| line.split_once(word).map(|(_, rest)| rest.to_owned()));
        words.next().expect("the word")
    };
    let user: Uuid = hears("logged in: ").parse().expect("an id");
    let pid = process.id().to_string();
    let signal = |name: &str| {
        let sent = Command::new("kill").args([name, &pid]).status();
        assert!(sent.expect("a signal").success());
    };
    signal("-STOP");
    let tokens = RedisAccessTokenStore::<Uuid>::new(server::redis_with(&url, &prefix).await);
    assert_eq!(tokens.delete_all(&user).await.expect("ended"), 1);
    sleep(LEASE).await;
    let mut asks = process.stdin.take().expect("a pipe");
    asks.write_all(b"go on\n").expect("asked");
    signal("-CONT");
    assert_eq!(hears("is good: "), "false");
    assert!(process.wait().expect("an end").success());
}

/// Remembers a log-in. After a line of input it tells at once whether it still lets that in.
async fn log_in(url: &str, prefix: &str) {
    let node = Node::on(url, prefix).await;
    let (key, token) = hour(Uuid::now_v7());
    node.tokens.insert(&token, None).await.expect("inserted");
    until("it is remembered", async || node.remembers(&key).await).await;
    writeln!(stdout(), "logged in: {}", token.user_id).expect("said");
    stdin().read_line(&mut String::new()).expect("a line");
    let found = node.tokens.find(&key).await;
    writeln!(stdout(), "is good: {}", matches!(found, Ok(Some(_)))).expect("said");
}
