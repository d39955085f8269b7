//! Many who use one token at once, on nodes whose clocks differ.

use std::sync::Arc;

use futures_util::future::join_all;
use portcullis::{
    ExposeSecret as _, Lifetime, SigningSecret,
    jwt::{JwtStrategy, RefreshTokens, TrackedJwtStrategy},
    store::{
        ClientInfo, Issued, IssuedToken, NewLogIn, NewUser, ReadError, RefreshStrategy as _, Rejection,
        Strategy as _, Subject,
    },
    testing::ManualClock,
};
use time::{Duration, OffsetDateTime};

use crate::world::Stores;

const APP: &str = "app";
const NODES: i32 = 50;

/// Between the clocks of two nodes, so that the access tokens of two rotations would differ by their seconds.
const APART: Duration = Duration::milliseconds(100);

/// The default.
const GRACE: Duration = Duration::seconds(10);

struct Node {
    clock: Arc<ManualClock>,
    strategy: TrackedJwtStrategy,
}

/// The tokens of one answer.
#[derive(Debug, PartialEq, Eq)]
struct Tokens {
    access: String,
    refresh: String,
}

impl Node {
    fn new(stores: &Stores, secret: &SigningSecret, now: OffsetDateTime) -> Self {
        let (minutes, month) = (Lifetime::from_secs(900), Lifetime::from_secs(30 * 24 * 3600));
        let clock = Arc::new(ManualClock::new(now));
        let jwt = JwtStrategy::hs256(secret, minutes.expect("positive")).expect("valid");
        let strategy = TrackedJwtStrategy::new(jwt, stores.tokens.clone(), month.expect("positive"));
        let strategy = strategy
            .expect("valid")
            .refresh_tokens(RefreshTokens::new(secret));
        Self {
            strategy: strategy.clock(clock.clone()),
            clock,
        }
    }

    async fn refresh(&self, token: &str) -> Result<Tokens, Rejection> {
        match self.strategy.refresh(APP, token).await {
            Ok(issued) => Ok(Tokens::of(&issued)),
            Err(ReadError::Rejected(rejection)) => Err(rejection),
            Err(ReadError::Unavailable(error)) => panic!("{error}"),
        }
    }
}

impl Tokens {
    fn of(issued: &Issued) -> Self {
        let text = |token: &IssuedToken| token.secret.expose_secret().to_owned();
        Self {
            access: text(&issued.access),
            refresh: text(issued.refresh.as_ref().expect("a refresh token")),
        }
    }
}

/// All get the one successor. Once the grace is over, the token ends the log-in.
pub(crate) async fn uses_one_refresh_token(stores: &Stores) {
    let start = OffsetDateTime::now_utc();
    let user = NewUser::new("lancelot@camelot.example".parse().expect("an e-mail"), (), start);
    let user = stores.users.insert(user).await.expect("inserted");
    let secret = SigningSecret::generate().expect("randomness");
    let nodes: Vec<_> = (0..NODES)
        .map(|n| Node::new(stores, &secret, start + APART * n))
        .collect();
    let (subject, client) = (Subject::from(&user), ClientInfo::default());
    let log_in = NewLogIn::new(APP, &subject, &client);
    let issued = nodes[0].strategy.issue(&log_in).await.expect("issued");
    let first = Tokens::of(&issued);

    let uses = nodes.iter().map(|node| node.refresh(&first.refresh));
    let mut answers = join_all(uses).await;
    let second = answers.swap_remove(0).expect("within the grace");
    for answer in &answers {
        assert_eq!(answer.as_ref(), Ok(&second));
    }
    let list = async || stores.tokens.list(&user.id, subject.epoch).await.expect("a list");
    let rows = list().await;
    assert_eq!((rows.len(), rows[0].refresh_generation.number), (1, 1));

    let node = &nodes[0];
    node.clock.advance(APART * NODES + GRACE);
    assert!(node.strategy.read(APP, &second.access).await.is_ok());
    assert_eq!(node.refresh(&first.refresh).await, Err(Rejection::Reused));
    assert!(node.strategy.read(APP, &second.access).await.is_err());
    assert_eq!(node.refresh(&second.refresh).await, Err(Rejection::Unknown));
    assert!(list().await.is_empty());
}
