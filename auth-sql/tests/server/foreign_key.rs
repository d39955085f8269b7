//! What a user and the user's tokens have to do with each other, now and for another process.

use std::num::NonZeroU32;

use auth_core::{AccessTokenStore as _, Cap, InsertTokenError, UserStore as _};

use super::sample::{new_token, new_user};
use crate::backend::{Place, Tokens, Users};

pub(crate) async fn users_and_tokens_are_there_for_another_process_and_a_revoked_token_is_not() {
    let place = Place::migrated().await;
    let database = place.database(2);
    let (users, tokens) = (Users::new(&database), Tokens::new(&database));
    let user = users.insert(new_user("ada", ())).await.expect("a user");
    let ((kept, token), (revoked, gone)) = (new_token(&user.id, "kept"), new_token(&user.id, "revoked"));
    tokens.insert(&token, None).await.expect("a token");
    tokens.insert(&gone, None).await.expect("a token");
    assert!(tokens.delete(&revoked).await.expect("an answer"));

    let database = place.database(2);
    let (users, tokens) = (Users::new(&database), Tokens::new(&database));
    assert!(users.find(&user.id).await.expect("an answer").is_some());
    assert_eq!(tokens.find(&kept).await.expect("an answer"), Some(token));
    assert_eq!(tokens.find(&revoked).await.expect("an answer"), None);
}

pub(crate) async fn s5_the_tokens_of_a_deleted_user_are_gone_with_the_user() {
    let place = Place::migrated().await;
    let database = place.database(2);
    let (users, tokens) = (Users::new(&database), Tokens::new(&database));
    let user = users.insert(new_user("ada", ())).await.expect("a user");
    let (key, token) = new_token(&user.id, "token");
    tokens.insert(&token, None).await.expect("a token");
    assert!(users.delete(&user.id).await.expect("an answer"));
    assert_eq!(tokens.find(&key).await.expect("an answer"), None);
    for cap in [None, NonZeroU32::new(1).map(Cap::new)] {
        let late = tokens.insert(&token, cap).await;
        assert!(matches!(late, Err(InsertTokenError::UnknownUser)), "{late:?}");
    }
}
