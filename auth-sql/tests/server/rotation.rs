//! Steps of a log-in's tokens to the next generation, beyond the suite.

use auth_core::{
    AccessToken, AccessTokenStore as _, Advance, Advanced, Generation, RotateTokens as _, StoreError,
    TokenKind, TokenLookup, UserStore as _,
};
use diesel_async::SimpleAsyncConnection as _;
use portcullis_support::{Fault, Proxy, in_time};
use tokio::task::JoinHandle;

use super::{
    holder::holding,
    sample::{new_token, new_user, now},
};
use crate::backend::{Place, Tokens, Users, WAITING, database, pool};

/// Ada's log-in.
async fn log_in(users: &Users, tokens: &Tokens) -> (TokenLookup, AccessToken) {
    let ada = users.insert(new_user("ada", ())).await.expect("a user");
    let (key, token) = new_token(&ada.id, "token");
    tokens.insert(&token, None).await.expect("a token");
    (key, token)
}

/// The first step of the access tokens, whose update waits for another process.
async fn waiting_step(
    place: &Place,
    tokens: &Tokens,
    key: TokenLookup,
) -> JoinHandle<Result<Option<Advanced>, StoreError>> {
    let tokens = tokens.clone();
    let step = Advance::new(TokenKind::Access, 0, now());
    let waiting = tokio::spawn(async move { tokens.advance(&key, &step).await });
    let begun = async { while place.number(WAITING).await == 0 {} };
    in_time("the update waits", begun).await;
    waiting
}

pub(crate) async fn a_step_is_made_of_the_token_that_another_call_left() {
    let place = Place::migrated().await;
    let database = place.database(1);
    let tokens = Tokens::new(&database);
    let (key, mut token) = log_in(&Users::new(&database), &tokens).await;
    let mut other = holding(&place, "UPDATE access_tokens SET refresh_generation = 7").await;
    let step = waiting_step(&place, &tokens, key).await;
    other.batch_execute("COMMIT").await.expect("a change");
    token.access_generation = Generation::new(1, Some(now()));
    token.refresh_generation = Generation::new(7, None);
    let made = step.await.expect("a task").expect("an answer");
    assert_eq!(made, Some(Advanced::new(token, true)));
}

pub(crate) async fn a_step_whose_reply_is_lost_is_made_once() {
    let place = Place::migrated().await;
    let proxy = Proxy::before(&place.url()).await;
    let database = database(&pool(&proxy.url(&place.url()), 1));
    let tokens = Tokens::new(&database);
    let (key, mut token) = log_in(&Users::new(&database), &tokens).await;
    let mut other = holding(&place, "UPDATE access_tokens SET epoch = 7").await;
    let step = waiting_step(&place, &tokens, key).await;
    proxy.set(Fault::LoseReply).await;
    other.batch_execute("ROLLBACK").await.expect("no change");
    token.access_generation = Generation::new(1, Some(now()));
    let made = step
        .await
        .expect("a task")
        .expect("an answer to the second attempt");
    assert_eq!(proxy.accepted(), 2);
    // The second attempt cannot know that the first made the step.
    assert_eq!(made, Some(Advanced::new(token.clone(), false)));
    assert_eq!(tokens.find(&key).await.expect("an answer"), Some(token));
}
