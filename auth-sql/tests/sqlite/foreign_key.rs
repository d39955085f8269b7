//! What a user and the user's tokens have to do with each other, now and after a restart.

use std::num::NonZeroU32;

use auth_core::{AccessTokenStore as _, Cap, InsertTokenError, UserStore as _};
use auth_sql::sqlite::{SqliteAccessTokenStore, SqliteUserStore};

use super::file::{File, new_token, new_user};

#[tokio::test]
async fn users_and_tokens_are_there_after_a_restart_and_a_revoked_token_is_not() {
    let file = File::new();
    let pool = file.pool().await;
    let (users, tokens) = (SqliteUserStore::new(&pool), SqliteAccessTokenStore::new(&pool));
    let user = users.insert(new_user("ada")).await.expect("a user");
    let ((kept, token), (revoked, gone)) = (new_token(&user, "kept"), new_token(&user, "revoked"));
    tokens.insert(&token, None).await.expect("a token");
    tokens.insert(&gone, None).await.expect("a token");
    assert!(tokens.delete(&revoked).await.expect("an answer"));
    drop((users, tokens));
    pool.close();

    let pool = file.pool().await;
    let (users, tokens) = (SqliteUserStore::new(&pool), SqliteAccessTokenStore::new(&pool));
    assert!(users.find(&user.id).await.expect("an answer").is_some());
    assert_eq!(tokens.find(&kept).await.expect("an answer"), Some(token));
    assert_eq!(tokens.find(&revoked).await.expect("an answer"), None);
}

#[tokio::test]
async fn s5_the_tokens_of_a_deleted_user_are_gone_with_the_user() {
    let file = File::new();
    let pool = file.pool().await;
    let (users, tokens) = (SqliteUserStore::new(&pool), SqliteAccessTokenStore::new(&pool));
    let user = users.insert(new_user("ada")).await.expect("a user");
    let (key, token) = new_token(&user, "token");
    tokens.insert(&token, None).await.expect("a token");
    assert!(users.delete(&user.id).await.expect("an answer"));
    assert_eq!(tokens.find(&key).await.expect("an answer"), None);
    let late = tokens.insert(&token, NonZeroU32::new(1).map(Cap::new)).await;
    assert!(matches!(late, Err(InsertTokenError::UnknownUser)), "{late:?}");
}
