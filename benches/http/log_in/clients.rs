//! Clients that log in.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use tokio::task::JoinHandle;

use crate::{Fallible, client::Connection, service};

/// How log-ins were answered, and how long they took together.
#[derive(Clone, Copy, Default)]
pub(super) struct Answers {
    pub(super) served: u32,
    pub(super) refused: u32,
    pub(super) time: Duration,
}

impl Answers {
    pub(super) fn rate(&self) -> f64 {
        f64::from(self.served) / self.time.as_secs_f64()
    }

    pub(super) fn add(&mut self, other: Self) {
        self.served += other.served;
        self.refused += other.refused;
        self.time += other.time;
    }

    fn count(&mut self, status: u16) -> io::Result<()> {
        match status {
            200 => self.served += 1,
            503 => self.refused += 1,
            _ => return Err(io::Error::other(format!("a log-in was answered {status}"))),
        }
        Ok(())
    }
}

/// One client that logs in `count` times, one after the other.
pub(super) async fn in_turn(address: SocketAddr, count: u32) -> Fallible<Answers> {
    let mut connection = Connection::open(address).await?;
    let request = service::log_in("db");
    let mut answers = Answers::default();
    let start = Instant::now();
    for _ in 0..count {
        answers.count(connection.exchange(&request).await?.status)?;
    }
    answers.time = start.elapsed();
    Ok(answers)
}

/// `count` clients that log in at the same moment, once each.
pub(super) async fn at_once(address: SocketAddr, count: u32) -> Fallible<Answers> {
    let mut connections = Vec::new();
    for _ in 0..count {
        connections.push(Connection::open(address).await?);
    }
    let request = service::log_in("db");
    let start = Instant::now();
    let statuses = try_join_all(connections.iter_mut().map(async |connection| {
        let answer = connection.exchange(&request).await?;
        io::Result::Ok(answer.status)
    }))
    .await?;
    let mut answers = Answers {
        time: start.elapsed(),
        ..Answers::default()
    };
    for status in statuses {
        answers.count(status)?;
    }
    Ok(answers)
}

/// Clients that log in again and again, until they are stopped.
pub(super) struct Load {
    tally: Arc<Tally>,
    clients: Vec<JoinHandle<io::Result<()>>>,
    start: Instant,
}

#[derive(Default)]
struct Tally {
    served: AtomicU32,
    refused: AtomicU32,
    is_over: AtomicBool,
}

impl Load {
    pub(super) async fn start(address: SocketAddr, clients: u32) -> Fallible<Self> {
        let tally = Arc::new(Tally::default());
        let mut connections = Vec::new();
        for _ in 0..clients {
            connections.push(Connection::open(address).await?);
        }
        Ok(Self {
            clients: connections
                .into_iter()
                .map(|connection| tokio::spawn(again_and_again(connection, Arc::clone(&tally))))
                .collect(),
            tally,
            start: Instant::now(),
        })
    }

    /// What was answered until now.
    pub(super) fn answers(&self) -> Answers {
        Answers {
            served: self.tally.served.load(Ordering::Relaxed),
            refused: self.tally.refused.load(Ordering::Relaxed),
            time: self.start.elapsed(),
        }
    }

    pub(super) async fn stop(self) -> Fallible<()> {
        self.tally.is_over.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await??;
        }
        Ok(())
    }
}

/// One that is answered 503 waits as long as it is told.
async fn again_and_again(mut connection: Connection, tally: Arc<Tally>) -> io::Result<()> {
    let request = service::log_in("db");
    while !tally.is_over.load(Ordering::Relaxed) {
        let answer = connection.exchange(&request).await?;
        if answer.status == 503 {
            tally.refused.fetch_add(1, Ordering::Relaxed);
            let seconds = answer
                .header("retry-after")
                .and_then(|seconds| seconds.parse().ok())
                .ok_or_else(|| io::Error::other("no Retry-After"))?;
            tokio::time::sleep(Duration::from_secs(seconds)).await;
        } else {
            answer.is_ok()?;
            tally.served.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}
