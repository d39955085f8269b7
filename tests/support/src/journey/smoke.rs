//! A user's whole way in a dozen sentences: enough to show that a store, a framework and the contract fit together. What the
//! contract says beyond that does not depend on them.

use serde_json::json;

use super::{Case, Sentence, is_full};
use crate::{PASSWORD, address};

crate::sentences! {
    a_store_that_does_not_answer_is_503_and_nobody_is_logged_out
}

/// The sentences of this journey that are of the contract as well.
const OF_THE_CONTRACT: [&str; 12] = [
    "register::a_registration_is_answered_201_with_the_user",
    "register::a_taken_email_is_refused_in_any_case",
    "log_in::a_right_password_is_answered_with_a_token",
    "log_in::the_username_is_not_validated_as_an_email",
    "log_in::unknown_wrong_and_inactive_are_told_apart_by_nothing",
    "log_out::a_log_out_revokes_the_credential",
    "users::reading_oneself_needs_a_valid_credential_of_an_active_user",
    "users::another_email_is_set_and_is_not_verified",
    "users::a_new_password_ends_every_credential_at_once",
    "verification::the_mailed_token_verifies_the_user",
    "reset::the_mailed_token_sets_the_password",
    "superuser::a_deleted_user_is_gone_and_the_email_is_free",
];

/// What is said of a backend with refresh tokens, on each store: the generations of a log-in are in its row.
const OF_REFRESH: [&str; 2] = [
    "refresh::f2_an_older_token_ends_the_log_in_even_within_the_grace",
    "refresh::f4_what_ends_a_log_in_ends_its_refresh_token",
];

/// What a row of a backend with refresh tokens says beside [`said`]. It needs no clock that is set.
pub fn said_of_refresh() -> Vec<Sentence> {
    let all = super::sentences_of_refresh().iter();
    let said: Vec<_> = all
        .filter(|sentence| OF_REFRESH.contains(&&*sentence.path()))
        .copied()
        .collect();
    assert_eq!(
        said.len(),
        OF_REFRESH.len(),
        "each of {OF_REFRESH:?} is a sentence"
    );
    said
}

/// What a row says: this journey, or every sentence of the contract if [`is_full`].
pub fn said() -> Vec<Sentence> {
    let of_contract = super::sentences();
    let is_said = |sentence: &Sentence| is_full() || OF_THE_CONTRACT.contains(&&*sentence.path());
    let said: Vec<_> = of_contract.into_iter().filter(is_said).collect();
    assert!(
        said.len() >= OF_THE_CONTRACT.len(),
        "each of {OF_THE_CONTRACT:?} is a sentence"
    );
    [said, SENTENCES.to_vec()].concat()
}

async fn a_store_that_does_not_answer_is_503_and_nobody_is_logged_out(case: &Case) {
    let outage = case.outage.as_ref().expect("a store that can go");
    let (_, pass) = case.member("lancelot").await;
    let body = json!({ "email": address("galahad"), "password": PASSWORD });
    outage.begin().await;
    let (refused, me) = tokio::join!(case.post_json("/auth/register", body.clone()), case.me(&pass));
    outage.end().await;
    refused.is_error(503, "Service Unavailable");
    assert_eq!(refused.header("set-cookie"), None);
    // A lock lets readers through, a cut network nobody.
    if me.status != 200 {
        me.is_error(503, "Service Unavailable");
        assert_eq!(me.header("set-cookie"), None);
    }
    assert!(case.stored(&address("galahad")).await.is_none());
    assert_eq!(case.me(&pass).await.status, 200);
    assert_eq!(case.post_json("/auth/register", body).await.status, 201);
}
