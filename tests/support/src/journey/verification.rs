//! Section 4: verification.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis::{SigningSecret, users::MailKind};
use serde_json::json;

use super::Case;
use crate::{Answer, PASSWORD, address, person};

crate::sentences! {
    a_request_is_202_whatever_the_email
    a_request_for_what_is_no_email_is_422
    only_an_active_unverified_user_gets_a_mail
    the_mailed_token_verifies_the_user
    the_mailed_token_is_opaque_and_fits_into_a_link
    a_malformed_token_is_bad
    a_token_to_reset_is_bad
    a_token_of_a_user_who_is_gone_is_bad
    a_token_for_another_id_is_bad
    a_token_older_than_a_change_of_email_is_bad
    a_verified_user_is_told_so
    an_inactive_user_is_verified_and_stays_inactive
}

const BAD: &str = "VERIFY_USER_BAD_TOKEN";

async fn verify(case: &Case, token: &str) -> Answer {
    case.post_json("/auth/verify", json!({ "token": token })).await
}

async fn request(case: &Case, email: &str) -> Answer {
    case.post_json("/auth/request-verify-token", json!({ "email": email }))
        .await
}

async fn a_request_is_202_whatever_the_email(case: &Case) {
    case.seed(person("percival")).await;
    case.seed(person("gareth").verified(true)).await;
    case.seed(person("mordred").inactive()).await;
    let unknown = request(case, &address("nobody")).await;
    unknown.is(202, "null");
    for name in ["percival", "gareth", "mordred"] {
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

async fn only_an_active_unverified_user_gets_a_mail(case: &Case) {
    case.seed(person("percival")).await;
    case.seed(person("gareth").verified(true)).await;
    case.seed(person("mordred").inactive()).await;
    for email in [
        address("nobody"),
        address("gareth"),
        address("mordred"),
        "PERCIVAL@camelot.example".to_owned(),
    ] {
        request(case, &email).await.is(202, "null");
    }
    let mails = case.mails().await;
    let seen: Vec<_> = mails.iter().map(|mail| (mail.kind, mail.to.as_str())).collect();
    assert_eq!(seen, [(MailKind::Verify, "percival@camelot.example")]);
}

async fn the_mailed_token_verifies_the_user(case: &Case) {
    let user = case.seed(person("percival")).await;
    let token = case.verify_token(user.email.as_str()).await;
    let answer = verify(case, &token).await;
    assert_eq!(answer.status, 200);
    let expected = json!({
        "id": user.id, "email": user.email.as_str(), "is_active": true, "is_superuser": false, "is_verified": true,
    });
    assert_eq!(answer.json(), expected);
    assert!(
        case.stored(user.email.as_str())
            .await
            .is_some_and(|user| user.is_verified)
    );
    case.kind
        .issued(&case.log_in(case.kind, user.email.as_str(), PASSWORD).await);
}

async fn the_mailed_token_is_opaque_and_fits_into_a_link(case: &Case) {
    let user = case.seed(person("percival")).await;
    let token = case.verify_token(user.email.as_str()).await;
    // Unpadded base64url holds nothing that a URL would escape.
    let bytes = URL_SAFE_NO_PAD.decode(&token).expect("base64url");
    assert!(!String::from_utf8_lossy(&bytes).contains("percival"));
}

async fn a_malformed_token_is_bad(case: &Case) {
    let user = case.seed(person("percival")).await;
    let token = case.verify_token(user.email.as_str()).await;
    let (half, _) = token.split_at(token.len() / 2);
    for bad in [
        "",
        " ",
        "nonsense",
        "a.b.c",
        "\u{0}",
        half,
        &format!("{token}="),
        &format!(" {token}"),
        &token.to_lowercase(),
    ] {
        verify(case, bad).await.is_error(400, BAD);
    }
    assert_eq!(verify(case, &token).await.status, 200);
}

async fn a_token_to_reset_is_bad(case: &Case) {
    let user = case.seed(person("percival")).await;
    let token = case.reset_token(user.email.as_str()).await;
    verify(case, &token).await.is_error(400, BAD);
}

async fn a_token_of_a_user_who_is_gone_is_bad(case: &Case) {
    let user = case.seed(person("percival")).await;
    let token = case.verify_token(user.email.as_str()).await;
    case.users().delete(&user.id).await.expect("deleted");
    verify(case, &token).await.is_error(400, BAD);
    case.seed(person("percival")).await;
    verify(case, &token).await.is_error(400, BAD);
}

async fn a_token_for_another_id_is_bad(case: &Case) {
    // The token of one with the id of the other in it, and one that another service signed.
    let percival = case.seed(person("percival")).await;
    let gawain = case.seed(person("gawain")).await;
    let token = case.verify_token(percival.email.as_str()).await;
    let bytes = URL_SAFE_NO_PAD.decode(&token).expect("base64");
    let text = String::from_utf8_lossy(&bytes[56..]).into_owned();
    assert_eq!(text, percival.id.to_string());
    let swapped = [&bytes[..56], gawain.id.to_string().as_bytes()].concat();
    verify(case, &URL_SAFE_NO_PAD.encode(swapped))
        .await
        .is_error(400, BAD);

    let secret = SigningSecret::new("another secret of the tests, of 32 bytes").expect("secret");
    let mailbox = std::sync::Arc::new(portcullis::testing::Mailbox::new());
    let elsewhere = portcullis::users::UserManager::builder(case.users().clone(), &secret)
        .mailer(mailbox.clone())
        .build()
        .expect("users");
    elsewhere.request_verify(&percival.email).await.expect("asked");
    elsewhere.outbox().drained().await;
    let [mail] = &mailbox.take()[..] else {
        panic!("one mail")
    };
    verify(case, portcullis::ExposeSecret::expose_secret(&mail.token))
        .await
        .is_error(400, BAD);
    let stored = case.stored(gawain.email.as_str()).await;
    assert!(stored.is_some_and(|user| !user.is_verified));
}

async fn a_token_older_than_a_change_of_email_is_bad(case: &Case) {
    let (_, king) = case.king().await;
    let user = case.seed(person("percival")).await;
    let token = case.verify_token(user.email.as_str()).await;
    let path = format!("/users/{}", user.id);
    let change = json!({"email": address("perceval")});
    assert_eq!(
        case.patch(&path).json(&change).with(&king).send().await.status,
        200
    );
    verify(case, &token).await.is_error(400, BAD);
    let token = case.verify_token(&address("perceval")).await;
    assert_eq!(verify(case, &token).await.status, 200);
}

async fn a_verified_user_is_told_so(case: &Case) {
    let user = case.seed(person("percival")).await;
    let token = case.verify_token(user.email.as_str()).await;
    assert_eq!(verify(case, &token).await.status, 200);
    verify(case, &token)
        .await
        .is_error(400, "VERIFY_USER_ALREADY_VERIFIED");
}

async fn an_inactive_user_is_verified_and_stays_inactive(case: &Case) {
    let user = case.seed(person("percival")).await;
    let token = case.verify_token(user.email.as_str()).await;
    case.set(user.email.as_str(), |user| user.is_active = false).await;
    let answer = verify(case, &token).await;
    assert_eq!(answer.status, 200);
    let shown = answer.json();
    assert_eq!(
        (&shown["is_active"], &shown["is_verified"]),
        (&json!(false), &json!(true))
    );
    let log_in = case.log_in(case.kind, user.email.as_str(), PASSWORD).await;
    log_in.is_error(400, "LOGIN_BAD_CREDENTIALS");
}
