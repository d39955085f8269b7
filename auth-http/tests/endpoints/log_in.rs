//! Log-ins, and what ends them.

use std::sync::{Arc, atomic::Ordering};

use auth_core::{
    AccessTokenIndex as _, AccessTokenStore as _, Lifetime, OpaqueStrategy, SigningSecret,
    memory::{MemoryAccessTokenStore, MemoryUserStore},
};
use auth_http::{
    AcceptedBackends, Active, AuthBackend, BearerTransport, CookieTransport, Endpoints, HttpError, Request,
};
use auth_users::UserManager;
use serde_json::json;
use uuid::Uuid;

use crate::{
    head::Head,
    service::{PASSWORD, Service, ada, answer, call},
};

#[tokio::test]
async fn n1_a_proof_of_a_password_is_void_once_the_credentials_were_ended_and_a_word_of_the_application_is_not()
 {
    let service = Service::new();
    service.register(ada()).await;
    let users = service.endpoints.users();
    let head = Head::to_app("POST", vec![]);
    let identified = || async {
        let identified = users.authenticate("ada@example.com", &PASSWORD.into()).await;
        identified.expect("the password is right")
    };
    let log_in = async |identified| match service.endpoints.log_in("db", identified, &head).await {
        Ok(response) => response.status,
        Err(error) => error.into_response().status,
    };
    let (fresh, proof) = (identified().await, identified().await);
    let word = users.identify_without_proof(proof.user().clone());
    assert_eq!(log_in(fresh).await, 200);
    assert!(
        users
            .log_out_everywhere(&proof.user().id)
            .await
            .expect("an answer")
    );
    assert_eq!(log_in(proof).await, 400);
    assert_eq!(log_in(word).await, 200);
}

#[tokio::test]
async fn n1_a_credential_that_was_logged_out_meanwhile_ends_no_others_and_gets_no_new_one() {
    let service = Service::new();
    service.register(ada()).await;
    let token = service.log_in(None).await.1["access_token"]
        .as_str()
        .expect("token")
        .to_owned();
    let head = Head::to_app("POST", vec![("authorization", format!("Bearer {token}"))]);
    let authenticator = service.endpoints.authenticator();
    let found = authenticator
        .require(&head, &AcceptedBackends::All, &Active)
        .await
        .expect("logged in");
    let id = found.user.id;
    assert_eq!(service.tokens.delete_all(&id).await.expect("an answer"), 1);
    let answer = service.endpoints.log_out_elsewhere(&found, &head).await;
    assert!(
        matches!(answer, Err(HttpError::Unauthorized { .. })),
        "{answer:?}"
    );
    let stored = service.endpoints.users().find(&id).await.expect("an answer");
    assert_eq!(stored.expect("the user").security_epoch, 0);
}

#[tokio::test]
async fn e8_a_log_in_that_fails_leaves_the_old_credential_alone_and_no_new_one_behind() {
    let service = Service::new();
    let id = service.register(ada()).await.1["id"]
        .as_str()
        .expect("id")
        .parse()
        .expect("id");
    let old = service.log_in(None).await.1["access_token"]
        .as_str()
        .expect("token")
        .to_owned();
    service.moody.0.store(true, Ordering::SeqCst);
    assert_eq!(
        service.log_in(Some(&old)).await,
        (403, json!({"detail": "Forbidden"}))
    );
    assert_eq!(service.tokens.list(&id, 0).await.expect("list").len(), 1);
    assert_eq!(service.patch(None, &old, json!({})).await.0, 200);

    service.moody.0.store(false, Ordering::SeqCst);
    assert_eq!(service.log_in(Some(&old)).await.0, 200);
    assert_eq!(
        service.patch(None, &old, json!({})).await.0,
        401,
        "the old one is dead"
    );
    assert_eq!(service.tokens.list(&id, 0).await.expect("list").len(), 1);
}

#[tokio::test]
async fn n1_no_credential_is_issued_where_others_ended_them_during_the_log_in() {
    let service = Service::new();
    let (_, ada) = service.register(ada()).await;
    service.users.ends_credentials.store(true, Ordering::SeqCst);
    let (status, body) = service.log_in(None).await;
    assert_eq!((status, &body["detail"]), (503, &json!("Service Unavailable")));
    let id = ada["id"].as_str().expect("id").parse().expect("id");
    for epoch in [0, 1] {
        assert!(service.tokens.list(&id, epoch).await.expect("list").is_empty());
    }

    service.users.ends_credentials.store(false, Ordering::SeqCst);
    assert_eq!(service.log_in(None).await.0, 200, "the password is still right");
}

#[tokio::test]
async fn n1_a_log_out_elsewhere_that_did_not_reach_the_store_is_not_reported_as_done() {
    let service = Service::new();
    service.register(ada()).await;
    let (_, body) = service.log_in(None).await;
    let token = body["access_token"].as_str().expect("token");
    let head = Head::to_app("POST", vec![("authorization", format!("Bearer {token}"))]);
    let authenticator = service.endpoints.authenticator();
    let found = authenticator
        .find(&head, &AcceptedBackends::All)
        .await
        .expect("an answer");
    let current = found.expect("a user");

    service.users.is_read_only.store(true, Ordering::SeqCst);
    let answered = service.endpoints.log_out_elsewhere(&current, &head).await;
    assert!(matches!(answered, Err(HttpError::Unavailable(_))), "{answered:?}");
    assert_eq!(service.patch(None, token, json!({})).await.0, 200);

    service.users.is_read_only.store(false, Ordering::SeqCst);
    let answered = service.endpoints.log_out_elsewhere(&current, &head).await;
    let (status, body) = answer(answered.expect("another credential"));
    assert_eq!(status, 200);
    assert_eq!(service.patch(None, token, json!({})).await.0, 401);
    let new = body["access_token"].as_str().expect("token");
    assert_eq!(service.patch(None, new, json!({})).await.0, 200);
}

#[tokio::test]
async fn the_methods_tell_a_front_end_how_one_can_log_in() {
    let secret = SigningSecret::generate().expect("secret");
    let tokens = Arc::new(MemoryAccessTokenStore::new());
    let strategy = || OpaqueStrategy::new(tokens.clone(), Lifetime::FOREVER);
    let builder = || {
        let users = UserManager::<Uuid, ()>::builder(Arc::new(MemoryUserStore::new()), &secret);
        Endpoints::builder(users.build().expect("users"))
            .backend(AuthBackend::new("api", BearerTransport, strategy()))
            .backend(AuthBackend::stateless("plain", BearerTransport, strategy()))
            .backend(AuthBackend::stateless(
                "web",
                CookieTransport::default(),
                strategy(),
            ))
    };
    let head = Head::to_app("GET", Vec::new());
    let methods = async |endpoints: &Endpoints<Uuid, ()>| {
        answer(call(endpoints, "auth:methods", Request::new(&head, &[])).await)
    };
    let all = builder().build().expect("endpoints");
    let backends = json!([
        { "name": "api", "transport": "bearer", "logout": true, "refresh": false },
        { "name": "plain", "transport": "bearer", "logout": false, "refresh": false },
        { "name": "web", "transport": "cookie", "logout": true, "refresh": false },
    ]);
    let body =
        json!({ "backends": backends, "providers": [], "register": true, "verify": true, "reset": true });
    assert_eq!(methods(&all).await, (200, body));
    let few = builder()
        .without_registration()
        .without_reset()
        .build()
        .expect("endpoints");
    let (_, body) = methods(&few).await;
    assert_eq!(
        (&body["register"], &body["verify"], &body["reset"]),
        (&json!(false), &json!(true), &json!(false))
    );
    for name in ["methods", "sessions"] {
        let own = AuthBackend::new(name, BearerTransport, strategy());
        let error = builder().backend(own).build().err().expect("its path is taken");
        assert_eq!(error.setting(), format!("backend {name:?}"));
    }
}
