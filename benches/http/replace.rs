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
    service::{self, ROTATING, TRACKED, token_of},
};

/// What replaces a token.
#[derive(Clone, Copy)]
enum Step {
    /// `POST /auth/tracked/refresh`.
    Refresh,
    /// A request whose answer brings the next access token.
    Rotation,
}

/// A client with a log-in of its own, which makes one step after the other.
struct Client {
    connection: Connection,
    step: Step,
    /// What the next step replaces.
    token: String,
}

/// Steps a second of the service at `address`, on the store called `name`.
pub(crate) async fn run(plan: &Plan, name: &str, address: SocketAddr) -> Fallible<()> {
    for (step, what) in [(Step::Refresh, "refreshes"), (Step::Rotation, "rotations")] {
        let mut clients = Vec::new();
        for _ in 0..plan.clients {
            clients.push(Client::log_in(address, step).await?);
        }
        rate(&mut clients, plan.span / 2).await?;
        let mut rates = Vec::new();
        // Odd, so that the median is one of them.
        for _ in 0..(plan.rounds / 3) | 1 {
            rates.push(rate(&mut clients, plan.span).await?);
        }
        println!(
            "{what} on {name}: {:.0}/s (median of {} spans)",
            median(rates.iter().copied()),
            rates.len()
        );
    }
    Ok(())
}

/// The steps a second of all clients over `span`.
async fn rate(clients: &mut Vec<Client>, span: Duration) -> Fallible<f64> {
    let start = Instant::now();
    let tasks: Vec<_> = clients
        .drain(..)
        .map(|mut client| {
            tokio::spawn(async move {
                let mut steps = 0_u32;
                while start.elapsed() < span {
                    client.make_step().await?;
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
    async fn log_in(address: SocketAddr, step: Step) -> Fallible<Self> {
        let mut connection = Connection::open(address).await?;
        let (backend, field) = match step {
            Step::Refresh => (TRACKED, "refresh_token"),
            Step::Rotation => (ROTATING, "access_token"),
        };
        let answer = connection.exchange(&service::log_in(backend)).await?;
        let token = token_of(&answer, field)?;
        Ok(Self {
            connection,
            step,
            token,
        })
    }

    async fn make_step(&mut self) -> Fallible<()> {
        let request = match self.step {
            Step::Refresh => {
                let form = format!("refresh_token={}", self.token);
                client::post(&format!("/auth/{TRACKED}/refresh"), &form)
            }
            Step::Rotation => client::get("/rotating", &self.token),
        };
        let answer = self.connection.exchange(&request).await?;
        self.token = match self.step {
            Step::Refresh => token_of(&answer, "refresh_token")?,
            Step::Rotation => {
                answer.is_ok()?;
                let next = answer.header("x-access-token");
                next.ok_or("an answer without the next token")?.to_owned()
            }
        };
        Ok(())
    }
}
