//! How long a plain route takes to answer.

use std::{
    fmt, io,
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use crate::{Fallible, client::Connection};

const CONNECTIONS: u32 = 10;
const REQUESTS_A_SECOND: u32 = 200;

/// Times in which a route answered, the shortest first.
#[derive(Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn add(&mut self, other: Self) {
        self.0.extend(other.0);
        self.0.sort();
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The time within which `percent` of the answers came.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let index = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(index).copied().unwrap_or_default()
    }
}

/// The median and the 99th percentile.
impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1?}, {:.1?}", self.percentile(50), self.percentile(99))
    }
}

/// Asks for `/live` at a steady pace for `span`, on a thread of its own, so that it waits for no other client's work.
pub(crate) async fn latencies(address: SocketAddr, span: Duration) -> Fallible<Latencies> {
    let (tell, told) = tokio::sync::oneshot::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        // Nobody listens only where the benchmark has failed already.
        let _ = tell.send(runtime.and_then(|runtime| runtime.block_on(probe(address, span))));
    });
    Ok(told.await??)
}

async fn probe(address: SocketAddr, span: Duration) -> io::Result<Latencies> {
    let interval = Duration::from_secs(1) * CONNECTIONS / REQUESTS_A_SECOND;
    let start = Instant::now();
    let mut tasks = Vec::new();
    for number in 0..CONNECTIONS {
        let connection = Connection::open(address).await?;
        let first = start + interval * number / CONNECTIONS;
        tasks.push(tokio::spawn(paced(connection, first, interval, start + span)));
    }
    let mut latencies = Latencies::default();
    for task in tasks {
        latencies.add(Latencies(task.await??));
    }
    Ok(latencies)
}

async fn paced(
    mut connection: Connection,
    first: Instant,
    interval: Duration,
    end: Instant,
) -> io::Result<Vec<Duration>> {
    let request = b"GET /live HTTP/1.1\r\nhost: bench.example\r\n\r\n";
    let mut latencies = Vec::new();
    let mut due = first;
    while due < end {
        let mut asked = due;
        // One that the answer before it held up has waited since it was due.
        if Instant::now() < due {
            tokio::time::sleep_until(due.into()).await;
            asked = Instant::now();
        }
        connection.exchange(request).await?.is_ok()?;
        latencies.push(asked.elapsed());
        due += interval;
    }
    Ok(latencies)
}
