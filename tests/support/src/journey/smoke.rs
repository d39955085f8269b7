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

/// The same for a backend with refresh tokens. A store keeps the generations of a log-in, so each store is asked.
const OF_REFRESH: [&str; 2] = [
    "refresh::f2_an_older_token_ends_the_log_in_even_within_the_grace",
    "refresh::f4_what_ends_a_log_in_ends_its_refresh_token",
];

/// The sentences of the contract on refresh tokens that are part of this journey. They need no clock that is set.
pub fn said_of_refresh() -> Vec<Sentence> {
    chosen(super::sentences_of_refresh(), &OF_REFRESH)
}

/// The sentences of a row: this journey, or every sentence of the contract if [`is_full`].
pub fn said() -> Vec<Sentence> {
    let of_contract = super::sentences();
    let mut said = chosen(&of_contract, &OF_THE_CONTRACT);
    if is_full() {
        said = of_contract;
    }
    said.extend(SENTENCES);
    said
}

/// The sentences of these `paths`.
fn chosen(all: &[Sentence], paths: &[&str]) -> Vec<Sentence> {
    let is_chosen = |sentence: &&Sentence| paths.contains(&&*sentence.path());
    let chosen: Vec<_> = all.iter().filter(is_chosen).copied().collect();
    assert_eq!(chosen.len(), paths.len(), "each of {paths:?} is a sentence");
    chosen
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
