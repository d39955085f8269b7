//! Section 5: the password's reset.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis::users::MailKind;
use serde_json::json;

use super::Case;
use crate::{Answer, NEW_PASSWORD, PASSWORD, address, person};

crate::sentences! {
    a_request_is_202_whatever_the_email
    a_request_for_what_is_no_email_is_422
    only_an_active_user_gets_a_mail
    the_mailed_token_sets_the_password
    the_mailed_token_is_opaque_and_fits_into_a_link
    a_malformed_token_is_bad
    a_token_to_verify_is_bad
    a_used_token_is_bad
    a_token_older_than_a_change_of_password_is_bad
    a_token_of_a_user_who_is_gone_or_inactive_is_bad
    a_refused_password_leaves_the_token_good
}

const BAD: &str = "RESET_PASSWORD_BAD_TOKEN";

async fn reset(case: &Case, token: &str, password: &str) -> Answer {
    let body = json!({"token": token, "password": password});
    case.post_json("/auth/reset-password", body).await
}

async fn request(case: &Case, email: &str) -> Answer {
    case.post_json("/auth/forgot-password", json!({ "email": email }))
        .await
}

async fn a_request_is_202_whatever_the_email(case: &Case) {
    case.seed(case.someone("tristan")).await;
    case.seed(case.someone("mordred").inactive()).await;
    let unknown = request(case, &address("nobody")).await;
    unknown.is(202, "null");
    for name in ["tristan", "mordred"] {
        assert_eq!(
            request(case, &address(name)).await.visible(),
            unknown.visible(),
            "{name}"
        );
    }
}

async fn a_request_for_what_is_no_email_is_422(case: &Case) {
    for email in ["", "nobody", "a@localhost"] {
        request(case, email).await.is_unprocessable(&["email"]);
    }
}

async fn only_an_active_user_gets_a_mail(case: &Case) {
    case.seed(person("tristan")).await;
    case.seed(person("gareth").verified(true)).await;
    case.seed(person("mordred").inactive()).await;
    for email in [
        address("nobody"),
        address("mordred"),
        address("Tristan"),
        address("gareth"),
    ] {
        request(case, &email).await.is(202, "null");
    }
    let mails = case.mails().await;
    let seen: Vec<_> = mails.iter().map(|mail| (mail.kind, mail.to.as_str())).collect();
    let expected = [
        (MailKind::Reset, "tristan@camelot.example"),
        (MailKind::Reset, "gareth@camelot.example"),
    ];
    assert_eq!(seen, expected);
}

async fn the_mailed_token_sets_the_password(case: &Case) {
    let user = case.seed(case.someone("tristan")).await;
    let token = case.reset_token(user.email.as_str()).await;
    reset(case, &token, NEW_PASSWORD).await.is(200, "null");
    let old = case.log_in(case.kind, user.email.as_str(), PASSWORD).await;
    old.is_error(400, "LOGIN_BAD_CREDENTIALS");
    case.kind
        .issued(&case.log_in(case.kind, user.email.as_str(), NEW_PASSWORD).await);
}

async fn the_mailed_token_is_opaque_and_fits_into_a_link(case: &Case) {
    let user = case.seed(case.someone("tristan")).await;
    let token = case.reset_token(user.email.as_str()).await;
    // Unpadded base64url holds nothing that a URL would escape.
    let bytes = URL_SAFE_NO_PAD.decode(&token).expect("base64url");
    assert!(!String::from_utf8_lossy(&bytes).contains("tristan"));
}

async fn a_malformed_token_is_bad(case: &Case) {
    let user = case.seed(case.someone("tristan")).await;
    let token = case.reset_token(user.email.as_str()).await;
    let (half, _) = token.split_at(token.len() / 2);
    for bad in [
        "",
        " ",
        "nonsense",
        "a.b.c",
        "\u{0}",
        half,
        &format!("{token}="),
        &format!("{token} "),
    ] {
        reset(case, bad, NEW_PASSWORD).await.is_error(400, BAD);
    }
    reset(case, &token, NEW_PASSWORD).await.is(200, "null");
}

async fn a_token_to_verify_is_bad(case: &Case) {
    let user = case.seed(person("tristan")).await;
    let token = case.verify_token(user.email.as_str()).await;
    reset(case, &token, NEW_PASSWORD).await.is_error(400, BAD);
}

async fn a_used_token_is_bad(case: &Case) {
    let user = case.seed(case.someone("tristan")).await;
    let token = case.reset_token(user.email.as_str()).await;
    reset(case, &token, NEW_PASSWORD).await.is(200, "null");
    for password in [NEW_PASSWORD, PASSWORD] {
        reset(case, &token, password).await.is_error(400, BAD);
    }
}

async fn a_token_older_than_a_change_of_password_is_bad(case: &Case) {
    let (user, pass) = case.member("tristan").await;
    let token = case.reset_token(user.email.as_str()).await;
    let change = case.patch("/users/me").json(&json!({"password": NEW_PASSWORD}));
    assert_eq!(change.with(&pass).send().await.status, 200);
    reset(case, &token, PASSWORD).await.is_error(400, BAD);
}

async fn a_token_of_a_user_who_is_gone_or_inactive_is_bad(case: &Case) {
    let user = case.seed(case.someone("tristan")).await;
    let token = case.reset_token(user.email.as_str()).await;
    case.set(user.email.as_str(), |user| user.is_active = false).await;
    reset(case, &token, NEW_PASSWORD).await.is_error(400, BAD);
    case.users().delete(&user.id).await.expect("deleted");
    reset(case, &token, NEW_PASSWORD).await.is_error(400, BAD);
}

async fn a_refused_password_leaves_the_token_good(case: &Case) {
    let user = case.seed(case.someone("tristan")).await;
    let token = case.reset_token(user.email.as_str()).await;
    for password in ["", "short", "password1"] {
        let answer = reset(case, &token, password).await;
        answer.refuses_password("RESET_PASSWORD_INVALID_PASSWORD");
    }
    reset(case, &token, NEW_PASSWORD).await.is(200, "null");
}
