//! A tracked JWT and its user from the near cache, beside a handler that verifies the JWT and looks nothing up; and what 100,000
//! log-ins with their users take there.

use std::{env, fs, sync::Arc, time::Duration};

use actix_web::{
    Error, HttpRequest, Responder,
    error::ErrorUnauthorized,
    web::{self, Data, Json, ServiceConfig},
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use portcullis::{
    CachedUsers, ExposeSecret as _, Lifetime, SigningSecret,
    actix::{Auth, CurrentUser},
    http::AuthBackend,
    jwt::{JwtStrategy, TrackedJwtStrategy},
    redis::{NearCache, NearCacheStats, Redis, RedisAccessTokenStore, RedisUserCache},
    store::{
        AccessToken, AccessTokenStore as _, Clock as _, NewUser, ShardTag, Subject, SystemClock, TokenId,
        TokenLookup, UserStore, generate_token,
    },
    testing::memory::MemoryUserStore,
    users::{Registration, UserManager},
};
use serde::Deserialize;
use tokio::time::sleep;
use uuid::Uuid;

use crate::{
    Fallible, client,
    hand_written::{LogIn, bearer},
    look_up::{compare, verdict},
    plan::Plan,
    server::Server,
    service::{self, EMAIL, PASSWORD, TRACKED},
    store::redis_at,
};

/// How much of the rate of the handler that looks nothing up is asked for.
const TARGET: f64 = 0.90;
const USERS: usize = 100_000;
const READS: usize = 1_000_000;
const ROOM: u64 = 512 << 20;

pub(crate) async fn run(plan: &Plan) -> Fallible<()> {
    let Ok(url) = env::var("TEST_REDIS_URL") else {
        println!("near: NOT MEASURED: TEST_REDIS_URL is not set");
        return Ok(());
    };
    let place = Place {
        prefix: format!("bench_{}:", Uuid::new_v4().simple()),
        secret: SigningSecret::generate()?,
        users: Arc::default(),
        url,
    };
    let (near, far) = (place.redis(Some(ROOM)).await?, place.redis(None).await?);
    let with = Server::start(Some(1), place.service(&near)?)?;
    let without = Server::start(Some(1), place.service(&far)?)?;
    let by_hand = Server::start(Some(1), verify_alone(&place.secret))?;
    let manager = UserManager::builder(place.users.clone(), &place.secret).build()?;
    manager
        .create(Registration::new(EMAIL.parse()?, PASSWORD.into(), ()))
        .await?;
    let request = client::get("/who", &service::token(with.address, TRACKED).await?);
    let rates = compare(plan, [with.address, by_hand.address], &request).await?;
    println!(
        "a tracked JWT and its user from the near cache, beside a JWT alone: {}",
        verdict(&rates, TARGET)
    );
    let rates = compare(plan, [with.address, without.address], &request).await?;
    println!(
        "the same beside the same without a near cache: {}",
        verdict(&rates, 1.0)
    );
    println!("the near cache meanwhile: {:?}", stats(&near)?);
    for server in [with, without, by_hand] {
        server.stop().await?;
    }
    if plan.memory {
        place.fill().await?;
    }
    Ok(())
}

struct Place {
    url: String,
    prefix: String,
    secret: SigningSecret,
    users: Arc<MemoryUserStore>,
}

impl Place {
    async fn redis(&self, near: Option<u64>) -> Fallible<Redis> {
        let redis = Redis::new(redis_at(&self.url).await?).prefix(&self.prefix)?;
        redis.ping().await?;
        let Some(bytes) = near else {
            return Ok(redis);
        };
        let redis = redis.near_cache(NearCache::new(bytes)?)?;
        while !stats(&redis)?.is_used {
            sleep(Duration::from_millis(10)).await;
        }
        Ok(redis)
    }

    /// The store of log-ins, and that of their users.
    fn stores(&self, redis: &Redis) -> (Arc<RedisAccessTokenStore<Uuid>>, Arc<CachedUsers>) {
        let cache = RedisUserCache::new(redis, &self.secret);
        let tokens = Arc::new(cache.access_tokens());
        let users: Arc<dyn UserStore> = self.users.clone();
        (tokens, Arc::new(CachedUsers::new(users, Arc::new(cache))))
    }

    fn service(&self, redis: &Redis) -> Fallible<impl Fn(&mut ServiceConfig) + Clone + Send + Sync + use<>> {
        let (tokens, users) = self.stores(redis);
        let jwt = JwtStrategy::hs256(&self.secret, Lifetime::from_secs(3600)?)?;
        let month = Lifetime::from_secs(30 * 24 * 3600)?;
        let tracked = TrackedJwtStrategy::new(jwt, tokens, month)?;
        let users = UserManager::builder(users, &self.secret).build()?;
        let auth = Auth::builder(users)
            .backend(AuthBackend::bearer(TRACKED, tracked))
            .build()?;
        Ok(move |config: &mut ServiceConfig| {
            config.route("/who", web::get().to(who)).configure(auth.routes());
        })
    }

    /// Prints what very many log-ins take, and how often they are found.
    async fn fill(&self) -> Fallible<()> {
        let mut keys = Vec::new();
        let far = self.redis(None).await?;
        let (tokens, users) = self.stores(&far);
        for number in 0..USERS {
            let email = format!("knight.{number}@camelot.example").parse()?;
            let mut new = NewUser::new(email, (), SystemClock.now());
            new.id = Some(Uuid::now_v7());
            let user = users.insert(new).await?;
            let secret = generate_token(ShardTag::for_user(&user.id))?;
            let key = TokenLookup::new(secret.expose_secret());
            let token = AccessToken::new(
                TokenId::generate(),
                key.digest,
                Subject::from(&user),
                SystemClock.now(),
            );
            tokens.insert(&token, None).await?;
            // So that Redis has the user.
            users.find(&user.id).await?;
            keys.push(key);
        }
        for room in [ROOM, ROOM / 16] {
            let before = resident()?;
            let redis = self.redis(Some(room)).await?;
            let (tokens, _users) = self.stores(&redis);
            let (mut number, mut remembered) = (0, 0);
            for _read in 0..READS {
                // Each as likely as any other: the worst there is for a cache that is too small.
                number = (number * 1_103_515_245 + 12_345) % (1 << 31);
                let key = &keys[(number >> 8) % keys.len()];
                let found = tokens.find(key).await?.ok_or("a log-in is gone")?;
                // The log-in and its user: the counters of the near cache count two.
                remembered += usize::from(found.provenance.may_be_behind);
            }
            let (stats, after) = (stats(&redis)?, resident()?);
            println!(
                "{USERS} log-ins with their users in a near cache of {} MiB: {READS} requests, {:.3} of them from memory, {} entries, an \
                 estimate of {:.1} MiB, the process has grown by {:.1} MiB",
                room >> 20,
                remembered as f64 / READS as f64,
                stats.entries,
                stats.bytes as f64 / f64::from(1 << 20),
                (after as f64 - before as f64) / f64::from(1 << 20),
            );
        }
        Ok(())
    }
}

fn stats(redis: &Redis) -> Fallible<NearCacheStats> {
    Ok(redis.near_cache_stats().ok_or("there is no near cache")?)
}

/// The memory that this process has, in bytes.
fn resident() -> Fallible<u64> {
    let pages = fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = pages.split(' ').nth(1).ok_or("no size")?.parse()?;
    Ok(pages * 4096)
}

async fn who(user: CurrentUser) -> impl Responder {
    Json(LogIn { user_id: user.id })
}

#[derive(Deserialize)]
struct Claims {
    sub: Uuid,
}

struct State {
    key: DecodingKey,
    validation: Validation,
}

/// The routes of a handler that takes the word of a JWT for it.
fn verify_alone(secret: &SigningSecret) -> impl Fn(&mut ServiceConfig) + Send + Sync + use<> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&[TRACKED]);
    let state = Data::new(State {
        key: DecodingKey::from_secret(secret.expose()).expect("not empty"),
        validation,
    });
    move |config| {
        config
            .app_data(state.clone())
            .route("/who", web::get().to(verified));
    }
}

async fn verified(request: HttpRequest, state: Data<State>) -> Result<Json<LogIn>, Error> {
    let token = jsonwebtoken::decode::<Claims>(bearer(&request)?, &state.key, &state.validation);
    let claims = token.map_err(ErrorUnauthorized)?.claims;
    Ok(Json(LogIn { user_id: claims.sub }))
}
