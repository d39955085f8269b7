//! Data and settings that cannot be used.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use auth_core::{ConfigError, Lifetime, MAX_SESSION_BYTES, SecretString, StoreError};
use auth_http::{CookieTransport, HttpError, MaxAge, SessionIdGenerator, SessionTransport, Sessions};

use crate::{Cart, Service, begun, items, visit};

#[tokio::test]
async fn data_that_is_too_long_is_a_413_and_nothing_is_lost() {
    let service = Service::new();
    let carts = service.carts();
    let around = serde_json::to_string(&Cart::of(&[""])).expect("JSON").len();
    let longest = "x".repeat(MAX_SESSION_BYTES - around);
    let id = begun(&carts, &[&longest]).await;
    let longer = format!("{longest}x");
    let changing = visit(&carts, Some(&id)).await;
    changing.session.set(Cart::of(&[&longer]));
    let error = changing.session.save().await.expect_err("too long");
    assert!(matches!(error, HttpError::PayloadTooLarge), "{error:?}");
    assert_eq!(changing.refused().await, 413);
    assert_eq!(items(&carts, &id).await, Some(vec![longest]));
    let beginning = visit(&carts, None).await;
    beginning.session.set(Cart::of(&[&longer]));
    assert_eq!(beginning.refused().await, 413);
}

/// A number, and if it is not, 43 random characters before it.
struct Counter {
    is_weak: bool,
    next: AtomicU64,
}

impl Counter {
    fn new(is_weak: bool) -> Arc<Self> {
        Arc::new(Self {
            is_weak,
            next: AtomicU64::new(1 << 60),
        })
    }
}

impl SessionIdGenerator for Counter {
    fn generate(&self) -> Result<SecretString, StoreError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if self.is_weak {
            return Ok(format!("{number:043}").into());
        }
        let random = auth_core::generate_token(auth_core::ShardTag::random()?)?;
        let random = auth_core::ExposeSecret::expose_secret(&random);
        Ok(format!("{}.{number}", &random[..43]).into())
    }
}

#[tokio::test]
async fn ids_of_a_generator_of_ones_own_are_used() {
    let service = Service::new();
    let carts = service
        .kind("cart")
        .ids(Counter::new(false))
        .build()
        .expect("sessions");
    let (id, other) = (begun(&carts, &["a"]).await, begun(&carts, &["b"]).await);
    assert!(id.contains(".11529"), "{id}");
    assert_eq!(items(&carts, &id).await, Some(vec!["a".to_owned()]));
    assert_eq!(items(&carts, &other).await, Some(vec!["b".to_owned()]));
}

#[test]
fn a_setting_that_cannot_be_used_is_an_error_that_names_it() {
    let service = Service::new();
    let kind = || service.kind::<Cart>("cart");
    let seconds = |n| Lifetime::from_secs(n).expect("seconds");
    assert_names("session \"\"", service.kind::<Cart>("").build());
    assert_names("session \"a b\"", service.kind::<Cart>("a b").build());
    assert_names("session idle limit", kind().idle(Lifetime::FOREVER).build());
    assert_names(
        "session idle limit",
        kind().lifetime(seconds(60)).idle(seconds(60)).build(),
    );
    let kept_for = |age| {
        let cookie = CookieTransport::builder().max_age(MaxAge::Fixed(Duration::from_secs(age)));
        kind().transport(SessionTransport::cookie(cookie.build().expect("a cookie")))
    };
    for (age, idle) in [(20, 600), (119, 600), (119, 3600), (4, 25)] {
        let idle = kept_for(age).idle(seconds(idle));
        assert_names("session cookie max_age", idle.build());
    }
    for (age, idle) in [(120, 600), (120, 3600), (5, 25)] {
        let longer = kept_for(age).idle(seconds(idle)).build();
        longer.expect("it is sent again in time");
    }
    kept_for(20).build().expect("the session ends with the cookie");
    assert_names("session ids", kind().ids(Counter::new(true)).build());
    assert_names("public_url", kind().public_url("example.com").map(|_kind| ()));
}

fn assert_names<T: fmt::Debug>(setting: &str, built: Result<T, ConfigError>) {
    assert_eq!(built.expect_err("an error").setting(), setting);
}

#[tokio::test]
async fn a_kind_without_users_logs_nobody_in() {
    let service = Service::new();
    let ada = service.user("ada").await;
    let carts = Sessions::<Cart>::builder("cart", service.store.clone())
        .build()
        .expect("sessions");
    assert_eq!(carts.transport().name(), "__Host-ssid");
    let visit = visit(&carts, None).await;
    let identified = service.users.identify_without_proof(ada);
    let error = visit.session.log_in(identified).await.expect_err("no users");
    assert!(matches!(error, HttpError::Internal(_)), "{error:?}");
}
