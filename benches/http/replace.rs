//! How many tokens are replaced in a second: refresh tokens, and access tokens while they are used.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    Fallible,
    client::{self, Connection},
    median,
    plan::Plan,
    service::{self, Service, TRACKED, token_of},
};

/// How many tokens a client replaces at most in a span. Each is of another log-in, since a log-in gets one new token in the time of
/// a grace. The rate is that until all have been replaced.
const ROTATIONS: usize = 100;

/// What replaces a token.
#[derive(Clone, Copy)]
enum Step {
    /// `POST /auth/tracked/refresh`.
    Refresh,
    /// A request whose answer brings the next access token.
    Rotation,
}

/// A client that makes one step after the other.
struct Client {
    connection: Connection,
    step: Step,
    /// The tokens that the next steps replace.
    tokens: Vec<String>,
}

/// Steps a second of the `service` at `address`, on the store called `name`.
pub(crate) async fn run(plan: &Plan, name: &str, address: SocketAddr, service: &Service) -> Fallible<()> {
    for (step, what) in [(Step::Refresh, "refreshes"), (Step::Rotation, "rotations")] {
        let mut clients = Vec::new();
        for _ in 0..plan.clients {
            clients.push(Client::new(address, step).await?);
        }
        let mut rates = Vec::new();
        // Odd without the first, which only warms up, so that the median is one of them.
        for _ in 0..=(plan.rounds / 3) | 1 {
            if let Step::Rotation = step {
                for client in &mut clients {
                    client.tokens = service.due(ROTATIONS).await?;
                }
            }
            rates.push(rate(&mut clients, plan.span).await?);
        }
        rates.remove(0);
        println!(
            "{what} on {name}: {:.0}/s (median of {} spans)",
            median(rates.iter().copied()),
            rates.len()
        );
    }
    Ok(())
}

/// The steps a second of all clients over `span`, or until they have replaced all that they have.
async fn rate(clients: &mut Vec<Client>, span: Duration) -> Fallible<f64> {
    let start = Instant::now();
    let tasks: Vec<_> = clients
        .drain(..)
        .map(|mut client| {
            tokio::spawn(async move {
                let mut steps = 0_u32;
                while start.elapsed() < span
                    && let Some(token) = client.tokens.pop()
                {
                    client.replace(&token).await?;
                    steps += 1;
                }
                Fallible::Ok((client, steps))
            })
        })
        .collect();
    let mut all = 0;
    for task in tasks {
        let (client, steps) = task.await??;
        clients.push(client);
        all += steps;
    }
    Ok(f64::from(all) / start.elapsed().as_secs_f64())
}

impl Client {
    async fn new(address: SocketAddr, step: Step) -> Fallible<Self> {
        let mut connection = Connection::open(address).await?;
        let mut tokens = Vec::new();
        if let Step::Refresh = step {
            let answer = connection.exchange(&service::log_in(TRACKED)).await?;
            tokens.push(token_of(&answer, "refresh_token")?);
        }
        Ok(Self {
            connection,
            step,
            tokens,
        })
    }

    async fn replace(&mut self, token: &str) -> Fallible<()> {
        let request = match self.step {
            Step::Refresh => {
                let form = format!("refresh_token={token}");
                client::post(&format!("/auth/{TRACKED}/refresh"), &form)
            }
            Step::Rotation => client::get("/rotating", token),
        };
        let answer = self.connection.exchange(&request).await?;
        match self.step {
            Step::Refresh => self.tokens.push(token_of(&answer, "refresh_token")?),
            Step::Rotation => {
                answer.is_ok()?;
                let next = answer.header("x-access-token");
                next.ok_or("an answer without the next token")?;
            }
        }
        Ok(())
    }
}
