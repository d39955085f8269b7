//! What is left of a user's credentials, on stores that know nothing of users.

use std::{env, sync::Arc, time::Duration};

use portcullis::{
    ExposeSecret as _, Lifetime, OpaqueStrategy, SigningSecret, User,
    actix::Auth,
    http::{AuthBackend, BearerTransport},
    mongo::{MongoAccessTokenStore, mongodb::Client},
    redis::{
        ClientLike as _, Redis, RedisAccessTokenStore,
        fred::types::{ClusterHash, CustomCommand},
    },
    store::{AccessTokenIndex, ClientInfo, NewLogIn, Strategy, Subject, TokenLookup, UserStore},
    testing::memory::{MemoryAccessTokenStore, MemoryUserStore},
    users::{DeleteUserError, Registration, UserManager},
};
use uuid::Uuid;

/// A service whose tokens have no end, in memory and in `tokens`.
struct Scene<T> {
    auth: Auth,
    tokens: Arc<T>,
}

impl<T: AccessTokenIndex + 'static> Scene<T> {
    fn new(tokens: T) -> Self {
        let users: Arc<dyn UserStore> = Arc::new(MemoryUserStore::new());
        let secret = SigningSecret::generate().expect("randomness");
        let users = UserManager::builder(users, &secret).build().expect("users");
        let tokens = Arc::new(tokens);
        let other = OpaqueStrategy::new(Arc::new(MemoryAccessTokenStore::new()), Lifetime::FOREVER);
        let auth = Auth::builder(users)
            .backend(AuthBackend::new("memory", BearerTransport, other))
            .backend(AuthBackend::new("tokens", BearerTransport, strategy(&tokens)))
            .build()
            .expect("a configuration");
        Self { auth, tokens }
    }

    async fn user(&self) -> User {
        let email = "king.arthur@camelot.example".parse().expect("an e-mail");
        let registration = Registration::new(email, "the holy grail of passwords".into(), ());
        self.auth.users().create(registration).await.expect("a user")
    }

    /// A log-in under the epoch that `user` had when it was read.
    async fn log_in(&self, user: &User) -> TokenLookup {
        let issued = strategy(&self.tokens)
            .issue(&NewLogIn::new(
                "tokens",
                &Subject::from(user),
                &ClientInfo::default(),
            ))
            .await
            .expect("a token");
        TokenLookup::for_audience("tokens", issued.access.secret.expose_secret())
    }

    async fn is_there(&self, key: &TokenLookup) -> bool {
        self.tokens.find(key).await.expect("an answer").is_some()
    }

    /// A user who was logged out everywhere is deleted: nothing is left of the tokens of either epoch.
    async fn nothing_is_left(&self) {
        let user = self.user().await;
        let keys = [self.log_in(&user).await, self.log_in(&user).await];
        assert!(self.is_there(&keys[0]).await);
        assert!(
            self.auth
                .users()
                .log_out_everywhere(&user.id)
                .await
                .expect("an answer")
        );
        let user = self
            .auth
            .users()
            .find(&user.id)
            .await
            .expect("an answer")
            .expect("the user");
        let listed = async || {
            let list = self.tokens.list(&user.id, user.security_epoch).await;
            list.expect("a list").len()
        };
        assert_eq!(listed().await, 0, "an ended token is not listed");
        let key = self.log_in(&user).await;
        assert_eq!(listed().await, 1);
        self.auth.users().delete(&user).await.expect("deleted");
        for key in keys.iter().chain([&key]) {
            assert!(!self.is_there(key).await, "a deleted user's token is gone");
        }
    }
}

fn strategy<T: AccessTokenIndex + 'static>(tokens: &Arc<T>) -> OpaqueStrategy {
    let tokens: Arc<dyn AccessTokenIndex> = Arc::clone(tokens) as _;
    OpaqueStrategy::new(tokens, Lifetime::FOREVER)
}

fn run(test: impl Future<Output = ()>) {
    portcullis::testing::conformance::run(test);
}

#[test]
#[ignore = "needs Redis"]
fn u5_nothing_is_left_of_a_deleted_user_in_redis() {
    run(async {
        let url = env::var("TEST_REDIS_URL").expect("TEST_REDIS_URL names a server");
        let pool = portcullis::redis::connect(&url).await.expect("a pool");
        let prefix = format!("test_{}:", Uuid::new_v4().simple());
        let redis = Redis::new(pool.clone()).prefix(&prefix).expect("a prefix");
        redis.ping().await.expect("an answer");
        Scene::new(RedisAccessTokenStore::<Uuid>::new(redis))
            .nothing_is_left()
            .await;
        let left: Vec<String> = pool
            .next()
            .custom(
                CustomCommand::new("KEYS", ClusterHash::Random, false),
                vec![format!("{prefix}*")],
            )
            .await
            .expect("keys");
        assert_eq!(left, Vec::<String>::new(), "no key is left");
    });
}

#[test]
#[ignore = "needs MongoDB"]
fn u5_nothing_is_left_of_a_deleted_user_in_mongodb() {
    run(async {
        let url = env::var("TEST_MONGODB_URL").expect("TEST_MONGODB_URL names a server");
        let client = Client::with_uri_str(&url).await.expect("a client");
        let database = client.database(&format!("test_{}", Uuid::new_v4().simple()));
        let tokens = MongoAccessTokenStore::<Uuid>::builder(&database)
            .build()
            .expect("a store");
        tokens.create_indexes().await.expect("indexes");
        Scene::new(tokens).nothing_is_left().await;
        let documents = database.collection::<portcullis::mongo::mongodb::bson::Document>("access_tokens");
        let left = documents
            .count_documents(Default::default())
            .await
            .expect("a number");
        database.drop().await.expect("dropped");
        assert_eq!(left, 0, "no document is left");
    });
}

#[test]
fn u5_a_user_whose_tokens_cannot_be_revoked_is_not_deleted() {
    run(async {
        // Nobody listens there.
        let pool = portcullis::redis::connect("redis://127.0.0.1:1")
            .await
            .expect("a pool");
        let redis = Redis::new(pool)
            .deadline(Duration::from_millis(200))
            .expect("a deadline");
        let scene = Scene::new(RedisAccessTokenStore::<Uuid>::new(redis));
        let user = scene.user().await;
        let refused = scene.auth.users().delete(&user).await;
        assert!(
            matches!(refused, Err(DeleteUserError::Unavailable(_))),
            "{refused:?}"
        );
        let found = scene.auth.users().find(&user.id).await.expect("an answer");
        assert!(found.is_some(), "the user can be deleted later");
        assert!(
            scene
                .auth
                .users()
                .log_out_everywhere(&user.id)
                .await
                .expect("an answer"),
            "what ends every credential needs no store but that of the users"
        );
    });
}
