//! `GET /protected/db` on each store, beside a handler that uses no library; how many tokens are replaced there in a second,
//! and what they take.

use std::{sync::Arc, time::Duration};

use portcullis::{
    ExposeSecret as _, Lifetime, User,
    store::{
        AccessToken, Advance, Clock as _, NewUser, ShardTag, Subject, SystemClock, TokenId, TokenKind,
        TokenLookup, generate_token,
    },
};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    Fallible, client,
    look_up::{compare, verdict},
    plan::Plan,
    replace,
    server::Server,
    service::{self, Service, TRACKED},
    store::{STORES, Store},
};

/// How much of the hand-written handler's rate is asked for.
const TARGET: f64 = 0.95;
/// The same where the look at the user does not hide what the library adds.
const TARGET_ALONE: f64 = 0.90;
const USERS: u32 = 1_000;
const TOKENS_A_USER: u32 = 100;
/// Insertions at once.
const WRITERS: u32 = 16;
/// How long a log-in lasts without a refresh.
const FORTNIGHT: Duration = Duration::from_secs(14 * 24 * 3600);
/// In how many portions the tokens are refreshed: a server makes room between two of them.
const PORTIONS: usize = 10;

pub(crate) async fn run(plan: &Plan) -> Fallible<()> {
    for (name, variable) in STORES {
        if !plan.stores.contains(&name) {
            continue;
        }
        match Store::open(name).await? {
            None => println!(
                "{name}: NOT MEASURED: {} is not set",
                variable.unwrap_or_default()
            ),
            Some(store) => measure(plan, name, store).await?,
        }
    }
    Ok(())
}

async fn measure(plan: &Plan, name: &str, store: Store) -> Fallible<()> {
    let service = Service::on(store).await?;
    service.store.hand_over();
    let ours = Server::start(Some(1), service.routes())?;
    let by_hand = service.store.by_hand(&service.secret).await?;
    let theirs = Server::start(Some(1), move |config| by_hand(config))?;
    let request = client::get("/protected/db", &service::token(ours.address, "db").await?);
    let rates = compare(plan, [ours.address, theirs.address], &request).await?;
    println!("GET /protected/db on {name}: {}", verdict(&rates, TARGET));
    if name == "redis" {
        let request = client::get("/log-in", &service::token(ours.address, TRACKED).await?);
        let rates = compare(plan, [ours.address, theirs.address], &request).await?;
        let verdict = verdict(&rates, TARGET_ALONE);
        println!("the log-in of a tracked JWT on {name}, without the user: {verdict}");
    }
    theirs.stop().await?;
    replace::run(plan, name, ours.address, &service).await?;
    if plan.memory {
        let tokens = USERS * TOKENS_A_USER;
        for (bytes, what) in fill(&service.store).await?.into_iter().zip(["live", "refreshed"]) {
            println!(
                "{tokens} {what} log-ins of {USERS} users on {name}: {:.1} MiB, {} bytes each",
                bytes as f64 / f64::from(1 << 20),
                bytes / u64::from(tokens),
            );
        }
    }
    // Connections that its pool made end with it.
    ours.stop().await?;
    service.remove().await
}

/// The bytes that the tokens take, and those that they take once each was refreshed.
async fn fill(store: &Store) -> Fallible<[u64; 2]> {
    let mut users = Vec::new();
    for number in 0..USERS {
        users.push(store.users.insert(somebody(number)?).await?);
    }
    let before = store.bytes().await?;
    let mut writers = JoinSet::new();
    for some in users.chunks((USERS / WRITERS) as usize + 1) {
        let (tokens, some) = (Arc::clone(&store.tokens), some.to_vec());
        writers.spawn(async move {
            let mut keys = Vec::new();
            for user in some {
                for _ in 0..TOKENS_A_USER {
                    let (key, token) = log_in(&user)?;
                    tokens.insert(&token, None).await?;
                    keys.push(key);
                }
            }
            Fallible::Ok(keys)
        });
    }
    let mut written = Vec::new();
    while let Some(keys) = writers.join_next().await {
        written.extend(keys??);
    }
    let live = store.bytes().await?.saturating_sub(before);
    for portion in 0..PORTIONS {
        let portion: Vec<_> = written.iter().copied().skip(portion).step_by(PORTIONS).collect();
        for keys in portion.chunks(portion.len() / WRITERS as usize + 1) {
            let (tokens, keys) = (Arc::clone(&store.tokens), keys.to_vec());
            writers.spawn(async move {
                for key in keys {
                    let now = SystemClock.now();
                    let mut step = Advance::new(TokenKind::Refresh, 0, now);
                    step.keep_until = Some(now + FORTNIGHT);
                    tokens.advance(&key, &step).await?.ok_or("a log-in is gone")?;
                }
                Ok(Vec::new())
            });
        }
        while let Some(refreshed) = writers.join_next().await {
            refreshed??;
        }
        store.tidy().await?;
    }
    Ok([live, store.bytes().await?.saturating_sub(before)])
}

fn somebody(number: u32) -> Fallible<NewUser> {
    Ok({
        let mut new = NewUser::new(
            format!("knight.{number}@camelot.example").parse()?,
            (),
            SystemClock.now(),
        );
        new.id = Some(Uuid::now_v7());
        new.is_verified = true;
        new
    })
}

/// One with refresh tokens, of the browser that most people have.
fn log_in(user: &User) -> Fallible<(TokenLookup, AccessToken)> {
    let now = SystemClock.now();
    let secret = generate_token(ShardTag::for_user(&user.id))?;
    let key = TokenLookup::new(secret.expose_secret());
    let mut token = AccessToken::new(TokenId::generate(), key.digest, Subject::from(user), now);
    token = token.ending(Lifetime::from_secs(30 * 24 * 3600)?.end(now));
    token.expires_at = Some(now + FORTNIGHT);
    token.backend = "web".to_owned();
    let browser = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 \
                   Safari/537.36";
    token.client.user_agent = Some(browser.to_owned());
    token.client.address = Some("203.0.113.7".to_owned());
    Ok((key, token))
}
