//! A Redis server of a test's own.

use std::{collections::BTreeSet, io, process::Command, time::Duration};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    time::timeout,
};

use super::{Server, free_port, local, shared};
use portcullis_support::until;

/// Longer than any command here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server with nothing in it, in a folder of its own.
pub(crate) struct Redis {
    pub(crate) server: Server,
    pub(crate) port: u16,
    _folder: TempDir,
}

/// What a server answers to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Text(String),
    Number(i64),
    Nothing,
    List(Vec<Reply>),
    Error(String),
}

impl Redis {
    /// One that keeps what it has acknowledged, whatever happens to its process.
    pub(crate) async fn start() -> Self {
        let program = shared::program("redis");
        let redis = Self::start_with(&program, &["--appendonly", "yes", "--appendfsync", "always"]);
        redis.answers().await;
        redis
    }

    /// One with these settings beside the usual ones, which may not answer yet.
    pub(crate) fn start_with(program: &str, settings: &[&str]) -> Self {
        // In memory where the system has such a place: a disk that stalls would be a failover.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_elsewhere| tempfile::tempdir());
        let folder = folder.expect("a folder");
        let port = free_port();
        let mut command = Command::new(program);
        command
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args([
                "--enable-debug-command",
                "local",
                "--repl-diskless-sync-delay",
                "0",
            ])
            .args(settings);
        Self {
            server: Server::start(command, folder.path()),
            port,
            _folder: folder,
        }
    }

    pub(crate) async fn ask(&self, command: &[&str]) -> Reply {
        ask(self.port, command).await
    }

    /// How many access tokens it has, each of which is in the index of its user, and nothing else is.
    pub(crate) async fn tokens(&self) -> usize {
        let of_index = |member: &Reply| member.text().to_owned();
        let of_key = |key: &Reply| key.text().rsplit_once(":t:").expect("a token's key").1.to_owned();
        let tokens: BTreeSet<String> = self
            .ask(&["KEYS", "*:t:*"])
            .await
            .list()
            .iter()
            .map(of_key)
            .collect();
        let mut indexed = BTreeSet::new();
        for index in self.ask(&["KEYS", "*:u:*"]).await.list() {
            let members = self.ask(&["ZRANGE", index.text(), "0", "-1"]).await;
            indexed.extend(members.list().iter().map(of_index));
        }
        assert_eq!(tokens, indexed, "the tokens and the indexes of their users");
        tokens.len()
    }

    /// Waits until it does.
    pub(crate) async fn answers(&self) {
        answers(self.port).await;
    }
}

impl Reply {
    /// The lines of a text.
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            other => panic!("no text: {other:?}"),
        }
    }

    #[track_caller]
    fn list(&self) -> &[Reply] {
        match self {
            Self::List(list) => list,
            other => panic!("no list: {other:?}"),
        }
    }

    /// The value of `name` in an answer of lines such as `name:value`; none in that of a server that is not ready.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let Self::Text(text) = self else { return None };
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
    }
}

/// It is the reply to a command that has nothing to tell.
#[track_caller]
pub(crate) fn is_ok(reply: &Reply) {
    assert_eq!(*reply, Reply::Text("OK".to_owned()));
}

/// Waits until the server at `port` serves.
pub(crate) async fn answers(port: u16) {
    until("Redis answers", async || {
        try_ask(port, &["PING"])
            .await
            .is_ok_and(|reply| reply == Reply::Text("PONG".to_owned()))
    })
    .await;
}

/// What the server at `port` answers to one command.
pub(crate) async fn ask(port: u16, command: &[&str]) -> Reply {
    let reply = try_ask(port, command).await;
    reply.unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// As [`ask`], of a server that may not be there.
pub(crate) async fn try_ask(port: u16, command: &[&str]) -> io::Result<Reply> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no reply");
    timeout(PATIENCE, exchange(port, command)).await.map_err(late)?
}

async fn exchange(port: u16, command: &[&str]) -> io::Result<Reply> {
    let mut stream = BufReader::new(TcpStream::connect(local(port)).await?);
    let mut request = format!("*{}\r\n", command.len());
    for word in command {
        request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    stream.write_all(request.as_bytes()).await?;
    read(&mut stream).await
}

async fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Reply> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let closed = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let rest = line
        .strip_suffix("\r\n")
        .and_then(|line| line.get(1..))
        .ok_or_else(closed)?;
    let number = || rest.parse::<i64>().map_err(io::Error::other);
    match line.as_bytes()[0] {
        b'+' => Ok(Reply::Text(rest.to_owned())),
        b'-' => Ok(Reply::Error(rest.to_owned())),
        b':' => Ok(Reply::Number(number()?)),
        b'$' => {
            let Ok(length) = usize::try_from(number()?) else {
                return Ok(Reply::Nothing);
            };
            let mut text = vec![0; length + 2];
            stream.read_exact(&mut text).await?;
            text.truncate(length);
            Ok(Reply::Text(String::from_utf8_lossy(&text).into_owned()))
        }
        b'*' => {
            let mut list = Vec::new();
            for _ in 0..number()? {
                list.push(Box::pin(read(stream)).await?);
            }
            Ok(Reply::List(list))
        }
        other => Err(io::Error::other(format!("a reply of kind {other}"))),
    }
}
