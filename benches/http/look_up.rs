//! `GET /users/me` beside a handler that uses no library.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    Fallible,
    client::{self, Connection},
    judged, median,
    plan::Plan,
    server::Server,
    service::{self, Service},
    store::Store,
};

/// How much of the hand-written handler's rate is asked for.
const TARGET: f64 = 0.90;
/// Into how many turns a round is parted: the shorter one is, the likelier whatever slows the machine slows both sides.
const TURNS: u32 = 4;

pub(crate) async fn run(plan: &Plan) -> Fallible<()> {
    let service = Service::on(Store::sqlite().await?).await?;
    let ours = Server::start(Some(1), service.routes())?;
    let by_hand = service.store.by_hand(&service.secret).await?;
    let theirs = Server::start(Some(1), move |config| by_hand(config))?;
    for name in [(plan.jwt, "jwt"), (plan.db, "db")]
        .iter()
        .filter(|case| case.0)
        .map(|case| case.1)
    {
        let token = service::token(ours.address, name).await?;
        let request = client::get("/users/me", &token);
        let rates = compare(plan, [ours.address, theirs.address], &request).await?;
        println!("GET /users/me {name}: {}", verdict(&rates, TARGET));
    }
    ours.stop().await?;
    theirs.stop().await?;
    Ok(())
}

/// Requests a second to either of `addresses`, in turn, so that a slow minute of the machine slows both.
pub(crate) async fn compare(
    plan: &Plan,
    addresses: [SocketAddr; 2],
    request: &[u8],
) -> Fallible<Vec<[f64; 2]>> {
    let mut answers = Vec::new();
    for address in addresses {
        let mut connection = Connection::open(address).await?;
        let answer = connection.exchange(request).await?;
        answer.is_ok()?;
        answers.push(answer.body.to_vec());
        rate(address, request, plan.clients, plan.span / 2).await?;
    }
    if answers[0] != answers[1] {
        return Err("the two servers do not answer alike".into());
    }
    let mut rates = Vec::new();
    for turn in 0..plan.rounds * TURNS {
        let mut pair = [0.0; 2];
        // Whoever is second may find a warmer machine: take turns in that, too.
        for side in if turn % 2 == 0 { [0, 1] } else { [1, 0] } {
            pair[side] = rate(addresses[side], request, plan.clients, plan.span / TURNS).await?;
        }
        rates.push(pair);
    }
    Ok(rates)
}

/// Answers a second over `span` to `clients` at once; any answer but 200 is an error.
async fn rate(address: SocketAddr, request: &[u8], clients: usize, span: Duration) -> io::Result<f64> {
    let mut connections = Vec::new();
    for _ in 0..clients {
        connections.push(Connection::open(address).await?);
    }
    let start = Instant::now();
    let tasks: Vec<_> = connections
        .into_iter()
        .map(|mut connection| {
            let request = request.to_vec();
            tokio::spawn(async move {
                let mut answers = 0_u32;
                while start.elapsed() < span {
                    connection.exchange(&request).await?.is_ok()?;
                    answers += 1;
                }
                Ok::<_, io::Error>(answers)
            })
        })
        .collect();
    let mut answers = 0;
    for task in tasks {
        answers += task.await??;
    }
    Ok(f64::from(answers) / start.elapsed().as_secs_f64())
}

pub(crate) fn verdict(rates: &[[f64; 2]], target: f64) -> String {
    let [ours, theirs] = [0, 1].map(|side| median(rates.iter().map(|pair| pair[side])));
    let mut pairs: Vec<f64> = rates.iter().map(|[ours, theirs]| ours / theirs).collect();
    pairs.sort_by(f64::total_cmp);
    let ratio = median(pairs.iter().copied());
    let quartile = |number| pairs.get(pairs.len() * number / 4).copied().unwrap_or(ratio);
    format!(
        "portcullis {ours:.0}/s, hand-written {theirs:.0}/s, ratio {ratio:.3} (the middle half of {} pairs: {:.3} to \
         {:.3}), {}: the target is {target:.2}",
        pairs.len(),
        quartile(1),
        quartile(3),
        judged(ratio >= target),
    )
}
