//! What a look into the server shows.

use std::sync::Arc;

use auth_core::{
    AccessTokenStore as _, ClientInfo, ExposeSecret as _, Lifetime, NewLogIn, OpaqueStrategy,
    RevocableStrategy as _, ShardTag, Strategy as _, Subject, TokenLookup, generate_token,
};
use auth_redis::RedisAccessTokenStore;
use uuid::Uuid;

use crate::{
    server::{self, Server, ask},
    token::hour,
};

#[tokio::test]
#[ignore = "needs Redis"]
async fn e4_no_token_stands_in_a_key_or_in_a_value_or_in_a_command() {
    let server = Server::start(&["--slowlog-log-slower-than", "0", "--slowlog-max-len", "1000"]).await;
    let store = Arc::new(RedisAccessTokenStore::<Uuid>::new(
        server::redis(&server.url()).await,
    ));
    let subject = Subject::new(Uuid::now_v7(), 7);
    let strategy = OpaqueStrategy::new(store.clone(), Lifetime::FOREVER).track_use(std::time::Duration::ZERO);
    let mut secrets = Vec::new();
    for audience in ["api", "cookie"] {
        for is_revoked in [false, true] {
            let issued = strategy
                .issue(&NewLogIn::new(audience, &subject, &ClientInfo::default()))
                .await
                .expect("issued");
            let secret = issued.access.secret.expose_secret().to_owned();
            strategy.read(audience, &secret).await.expect("a valid token");
            if is_revoked {
                strategy.revoke(audience, &secret).await.expect("revoked");
            }
            secrets.push(secret);
        }
    }
    let tagged = generate_token(ShardTag::for_user(&subject.user_id)).expect("a token");
    let foreign = tagged.expose_secret()[..43].to_owned();
    let (_, mut token) = hour(subject.user_id);
    token.digest = TokenLookup::new(&foreign).digest;
    store.adopt(&token).await.expect("adopted");
    assert!(
        store
            .find(&TokenLookup::new(&foreign))
            .await
            .expect("an answer")
            .is_some()
    );
    secrets.push(foreign);

    let client = server::client(&server.url()).await;
    let told = async |command: &[&str]| ask(&client, command).await.expect("an answer");
    let names: Vec<String> = told(&["KEYS", "*"]).await.convert().expect("names");
    assert_eq!(names.len(), 5, "three tokens, an index, and a way: {names:?}");
    let mut dump = format!("{:?}\n{names:?}\n", told(&["SLOWLOG", "GET", "-1"]).await);
    for name in &names {
        let value = match told(&["TYPE", name]).await.as_str().as_deref() {
            Some("string") => told(&["GET", name]).await,
            Some("zset") => told(&["ZRANGE", name, "0", "-1", "WITHSCORES"]).await,
            other => panic!("{name} is a {other:?}"),
        };
        dump += &format!("{value:?}\n");
    }
    for part in ["EVALSHA", &subject.user_id.to_string(), "cookie"] {
        assert!(dump.contains(part), "{part} is not in {dump}");
    }
    for secret in secrets {
        // Without the tag, which stands in the names of keys.
        assert!(!dump.contains(&secret[..43]), "{secret} is in {dump}");
    }
}
