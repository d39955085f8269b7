//! U2: what a profile does not write is kept in an update of another field, or refused before anything is lost.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use auth_core::{ConfigError, Profile, SigningSecret, memory::MemoryUserStore};
use auth_users::{Registration, UpdateError, UserManager, UserManagerBuilder, UserUpdate};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, macros::datetime};
use uuid::Uuid;

use crate::scene::{EMAIL, PASSWORD, email};

fn settings<P: Profile>() -> UserManagerBuilder<Uuid, P> {
    let secret = SigningSecret::generate().expect("randomness");
    UserManager::builder(Arc::new(MemoryUserStore::new()), &secret)
}

fn refusal<P: Profile>(settings: UserManagerBuilder<Uuid, P>) -> String {
    let error: ConfigError = settings.build().expect_err("is refused");
    assert_eq!(error.setting(), "profile");
    assert!(error.to_string().contains("hidden_field"), "{error}");
    error.to_string()
}

fn patch(fields: Value) -> UserUpdate {
    UserUpdate::default().profile(fields.as_object().cloned().unwrap_or_else(Map::new))
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Customer {
    name: String,
    #[serde(skip_serializing, default, alias = "stripe")]
    stripe_id: Option<String>,
    #[serde(skip)]
    visits: u32,
    #[serde(default)]
    address: Address,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Address {
    city: String,
    #[serde(skip_serializing, default)]
    door_code: u32,
}

fn customer() -> Customer {
    Customer {
        name: "Grace".to_owned(),
        stripe_id: Some("cus_1".to_owned()),
        visits: 7,
        address: Address {
            city: "Arlington".to_owned(),
            door_code: 4711,
        },
    }
}

fn kept() -> UserManagerBuilder<Uuid, Customer> {
    settings()
        .hidden_field("stripe_id", |before: &Customer, after| {
            after.stripe_id.clone_from(&before.stripe_id);
        })
        .hidden_field("visits", |before: &Customer, after| after.visits = before.visits)
        .hidden_field("address", |before: &Customer, after| {
            after.address.door_code = before.address.door_code;
        })
}

#[tokio::test]
async fn u2_hidden_fields_stay_where_another_field_is_changed() {
    let users = kept().build().expect("users");
    let registration = Registration::new(email(EMAIL), PASSWORD.into(), customer());
    let user = users.create(registration).await.expect("created");
    let user = users
        .update(user, &patch(json!({"name": "Ada"})))
        .await
        .expect("changed");
    let expected = Customer {
        name: "Ada".to_owned(),
        ..customer()
    };
    assert_eq!(user.profile, expected);
    let stored = users.store().find(&user.id).await.expect("store").expect("user");
    assert_eq!(stored.profile, expected);

    for name in ["stripe_id", "stripe"] {
        let user = stored.clone();
        let changed = users.update(user, &patch(json!({ name: "cus_2" }))).await;
        let stripe_id = Some("cus_2".to_owned());
        assert_eq!(
            changed.expect("changed").profile,
            Customer {
                stripe_id,
                ..expected.clone()
            }
        );
        let mut back = users.find(&stored.id).await.expect("store").expect("user");
        back.profile = expected.clone();
        users.store().update(&back).await.expect("written");
    }
}

#[test]
fn u2_a_field_that_is_read_and_not_written_is_an_error_at_start_which_names_it() {
    #[derive(Clone, Debug, Serialize, Deserialize)]
    #[allow(dead_code, reason = "only its type is looked at")]
    struct Hidden {
        name: String,
        #[serde(skip_serializing, default)]
        stripe_id: Option<String>,
    }
    let error = refusal(settings::<Hidden>());
    assert!(
        error.contains("Hidden") && error.contains("`stripe_id`"),
        "{error}"
    );

    #[derive(Clone, Debug, Serialize, Deserialize)]
    #[allow(dead_code, reason = "only its type is looked at")]
    struct Required {
        #[serde(skip_serializing)]
        stripe_id: String,
    }
    refusal(settings::<Required>());
    refusal(settings().hidden_field("stripe_id", |before: &Required, after| after.clone_from(before)));

    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Renamed {
        #[serde(rename(serialize = "plan_name", deserialize = "plan"), default)]
        plan: String,
    }
    assert!(refusal(settings::<Renamed>()).contains("`plan`"));

    /// Prints nothing of the field.
    #[derive(Clone, Serialize, Deserialize)]
    #[allow(dead_code, reason = "only its type is looked at")]
    struct Redacted {
        #[serde(skip_serializing, default)]
        key: String,
    }
    impl fmt::Debug for Redacted {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("[REDACTED]")
        }
    }
    assert!(refusal(settings::<Redacted>()).contains("`key`"));
}

#[test]
fn u2_a_part_that_does_not_come_back_is_an_error_at_start() {
    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Within {
        address: Address,
    }
    refusal(settings::<Within>());

    fn masked<S: Serializer>(number: &str, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("****{}", &number[number.len().saturating_sub(4)..]))
    }
    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Masked {
        #[serde(serialize_with = "masked")]
        card: String,
    }
    refusal(settings::<Masked>());

    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Unequal {
        #[serde(skip_serializing_if = "is_one", default)]
        seats: u32,
    }
    fn is_one(number: &u32) -> bool {
        *number == 1
    }
    refusal(settings::<Unequal>());
}

#[tokio::test]
async fn u2_what_only_a_value_shows_is_refused_by_the_update_and_nothing_is_lost() {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Skipped {
        name: String,
        #[serde(skip)]
        note: String,
    }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Flattened {
        #[serde(flatten)]
        customer: Skipped,
        #[serde(flatten)]
        others: HashMap<String, Value>,
    }
    let profile = Skipped {
        name: "Grace".to_owned(),
        note: "owes us a pint".to_owned(),
    };
    is_refused(profile.clone()).await;
    is_refused(Flattened {
        customer: profile,
        others: HashMap::new(),
    })
    .await;
}

#[tokio::test]
async fn u2_a_hidden_part_is_refused_whatever_lies_around_it() {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Money(u32);
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Place {
        city: String,
        #[serde(skip, default = "Place::free")]
        rent: Money,
    }
    impl Place {
        fn free() -> Money {
            Money(0)
        }
    }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Member {
        name: String,
        #[serde(with = "time::serde::timestamp")]
        joined: OffsetDateTime,
        places: Vec<Place>,
    }
    is_refused(Member {
        name: "Grace".to_owned(),
        joined: datetime!(2026-11-29 18:00:00.123456 UTC),
        places: [0, 1200]
            .map(|rent| Place {
                city: "Arlington".to_owned(),
                rent: Money(rent),
            })
            .into(),
    })
    .await;

    /// The same characters print in another order.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Anagram {
        #[serde(skip, default = "Anagram::start")]
        points: u32,
    }
    impl Anagram {
        fn start() -> u32 {
            1020
        }
    }
    is_refused(Anagram { points: 1200 }).await;

    /// The field has another value in each profile that is read.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Random {
        #[serde(skip, default = "Uuid::new_v4")]
        key: Uuid,
    }
    is_refused(Random { key: Uuid::nil() }).await;
}

#[tokio::test]
async fn u2_a_part_that_is_written_less_precisely_is_cut_and_the_rest_is_changed() {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Dates {
        #[serde(with = "time::serde::timestamp")]
        joined: OffsetDateTime,
        #[serde(rename = "lastSeen", with = "time::serde::timestamp")]
        seen_at: OffsetDateTime,
        tags: HashSet<String>,
    }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Member {
        name: String,
        #[serde(flatten)]
        dates: Dates,
    }
    let precise = datetime!(2026-11-29 18:00:00.123456 UTC);
    let dates = Dates {
        joined: precise,
        seen_at: precise,
        tags: (0..20_u8).map(|n| n.to_string()).collect(),
    };
    let mut member = Member {
        name: "Grace".to_owned(),
        dates,
    };
    let changed = renamed(&member).await;
    member.name = "Ada".to_owned();
    let whole = datetime!(2026-11-29 18:00:00 UTC);
    (member.dates.joined, member.dates.seen_at) = (whole, whole);
    assert_eq!(changed, member);
}

#[tokio::test]
async fn u2_a_profile_that_prints_its_address_is_patched() {
    #[derive(Clone, PartialEq, Serialize, Deserialize)]
    struct Opaque {
        name: String,
    }
    impl fmt::Debug for Opaque {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "Opaque at {:p}", self.name.as_ptr())
        }
    }
    let opaque = Opaque {
        name: "Grace".to_owned(),
    };
    assert_eq!(renamed(&opaque).await.name, "Ada");
}

/// `profile` after a change of its name.
async fn renamed<P: Profile>(profile: &P) -> P {
    let users = settings::<P>().build().expect("nothing is lost");
    let registration = Registration::new(email(EMAIL), PASSWORD.into(), profile.clone());
    let user = users.create(registration).await.expect("created");
    let user = users.update(user, &patch(json!({"name": "Ada"}))).await;
    user.expect("changed").profile
}

async fn is_refused<P: Profile + PartialEq>(profile: P) {
    let users = settings::<P>().build().expect("not known at start");
    let registration = Registration::new(email(EMAIL), PASSWORD.into(), profile.clone());
    let user = users.create(registration).await.expect("created");
    let refused = users.update(user.clone(), &patch(json!({"name": "Ada"}))).await;
    assert!(matches!(refused, Err(UpdateError::LossyProfile)), "{refused:?}");
    let stored = users.find(&user.id).await.expect("store").expect("user");
    assert_eq!((stored.revision, &stored.profile), (0, &profile));
    users
        .update(stored, &patch(json!({})))
        .await
        .expect("nothing to lose");
}

#[tokio::test]
async fn u2_a_profile_whose_parts_all_come_back_is_patched_whatever_its_form() {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Whole {
        #[serde(alias = "nick")]
        first_name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        shelf: Option<i32>,
        #[serde(skip_serializing_if = "is_true", default = "yes")]
        newsletter: bool,
        /// Prints in another order each time.
        tags: HashMap<String, f32>,
    }
    fn is_true(flag: &bool) -> bool {
        *flag
    }
    fn yes() -> bool {
        true
    }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Flat {
        #[serde(flatten)]
        whole: HashMap<String, Value>,
    }
    let tags: HashMap<_, _> = (0..20_u8).map(|n| (n.to_string(), f32::from(n) / 7.0)).collect();
    let whole = Whole {
        first_name: "Grace".to_owned(),
        shelf: None,
        newsletter: true,
        tags: tags.clone(),
    };
    let users = settings().build().expect("nothing is lost");
    let user = users
        .create(Registration::new(email(EMAIL), PASSWORD.into(), whole.clone()))
        .await;
    let user = users
        .update(user.expect("created"), &patch(json!({"shelf": 3})))
        .await;
    assert_eq!(
        user.expect("changed").profile,
        Whole {
            shelf: Some(3),
            ..whole
        }
    );

    let users = settings::<Flat>().build().expect("nothing is lost");
    let flat = Flat {
        whole: HashMap::from([("a".to_owned(), json!(1))]),
    };
    let user = users
        .create(Registration::new(email(EMAIL), PASSWORD.into(), flat))
        .await;
    let user = users
        .update(user.expect("created"), &patch(json!({"b": 2})))
        .await;
    assert_eq!(user.expect("changed").profile.whole.len(), 2);
}
