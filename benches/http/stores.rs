//! `GET /protected/db` on each store, beside a handler that uses no library, and what tokens take there.

use std::sync::Arc;

use portcullis::{
    ExposeSecret as _, Lifetime, User,
    store::{
        AccessToken, Clock as _, NewUser, ShardTag, Subject, SystemClock, TokenDigest, TokenId,
        generate_token,
    },
};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    Fallible, client,
    look_up::{compare, verdict},
    plan::Plan,
    server::Server,
    service::{self, Service},
    store::{STORES, Store},
};

/// How much of the hand-written handler's rate is asked for.
const TARGET: f64 = 0.95;
const USERS: u32 = 1_000;
const TOKENS_A_USER: u32 = 100;
/// Insertions at once.
const WRITERS: u32 = 16;

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
    theirs.stop().await?;
    if plan.memory {
        let bytes = fill(&service.store).await?;
        let tokens = USERS * TOKENS_A_USER;
        println!(
            "{tokens} live tokens of {USERS} users on {name}: {:.1} MiB, {} bytes each",
            bytes as f64 / f64::from(1 << 20),
            bytes / u64::from(tokens),
        );
    }
    // Connections that its pool made end with it.
    ours.stop().await?;
    service.remove().await
}

/// The bytes that the tokens take.
async fn fill(store: &Store) -> Fallible<u64> {
    let mut users = Vec::new();
    for number in 0..USERS {
        users.push(store.users.insert(somebody(number)?).await?);
    }
    let before = store.bytes().await?;
    let mut writers = JoinSet::new();
    for some in users.chunks((USERS / WRITERS) as usize + 1) {
        let (tokens, some) = (Arc::clone(&store.tokens), some.to_vec());
        writers.spawn(async move {
            for user in some {
                for _ in 0..TOKENS_A_USER {
                    tokens.insert(&token(&user)?, None).await?;
                }
            }
            Fallible::Ok(())
        });
    }
    while let Some(written) = writers.join_next().await {
        written??;
    }
    Ok(store.bytes().await?.saturating_sub(before))
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

/// As a browser would ask for it.
fn token(user: &User) -> Fallible<AccessToken> {
    let now = SystemClock.now();
    let secret = generate_token(ShardTag::for_user(&user.id))?;
    Ok({
        let mut token = AccessToken::new(
            TokenId::generate(),
            TokenDigest::new(secret.expose_secret()),
            Subject {
                user_id: user.id,
                epoch: user.security_epoch,
            },
            now,
        );
        token.expires_at = Lifetime::from_secs(3600)?.end(now);
        token.client.user_agent =
            Some("Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0".to_owned());
        token.client.address = Some("203.0.113.7".to_owned());
        token
    })
}
