use auth_core::TokenLookup;
use proptest::prelude::*;

use super::*;
use crate::key;

/// The end of the year 9999.
pub(super) const LAST: i64 = 253_402_300_799_999;

fn text() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(any::<String>())
}

pub(super) fn at(milliseconds: i64) -> OffsetDateTime {
    instant(milliseconds).expect("an instant")
}

fn generation() -> impl Strategy<Value = Generation> {
    let since = proptest::option::of((0..=LAST).prop_map(at));
    prop_oneof![
        Just(Generation::FIRST),
        (any::<i64>(), since).prop_map(|(number, since)| Generation::new(number, since)),
    ]
}

prop_compose! {
    fn token()(
        id in any::<u128>(), user_id in any::<String>(), backend in any::<String>(), epoch in any::<i64>(),
        created_at in 0..=LAST, last_used_at in 0..=LAST,
        ends in [proptest::option::of(0..=LAST), proptest::option::of(0..=LAST)],
        generations in [generation(), generation()],
        (actor, user_agent, address, label) in (text(), text(), text(), text()),
    ) -> AccessToken<String> {
        let id = TokenId(Uuid::from_u128(id));
        let digest = TokenLookup::new("token").digest;
        let mut token = AccessToken::new(id, digest, Subject::new(user_id, epoch), at(created_at));
        token.backend = backend;
        token.last_used_at = at(last_used_at);
        [token.expires_at, token.absolute_expires_at] = ends.map(|end| end.map(at));
        [token.access_generation, token.refresh_generation] = generations;
        token.actor = actor;
        token.client.user_agent = user_agent;
        token.client.address = address;
        token.client.label = label;
        token
    }
}

proptest! {
    #[test]
    fn a_token_is_read_as_it_was_written(token in token(), delay in 0..=MAX_DELAY) {
        let written = write(&token, delay).expect("written");
        let row = read::<String>(token.digest, &written).expect("read");
        prop_assert_eq!(row.token, token);
        prop_assert_eq!((row.delay, row.old_order), (delay, None));
    }

    #[test]
    fn the_record_of_another_token_is_refused(token in token(), other in "[a-z]{1,8}") {
        let written = write(&token, 0).expect("written");
        let other = TokenLookup::new(&other).digest;
        prop_assume!(other.as_bytes()[..4] != token.digest.as_bytes()[..4]);
        prop_assert!(matches!(read::<String>(other, &written), Err(Malformed::Other)));
    }

    #[test]
    fn what_scripts_replace_has_its_place(token in token(), used in 0..=LAST, end in proptest::option::of(0..=LAST)) {
        let mut changed = write(&token, 0).expect("written");
        changed.splice(1..7, Instant::at(at(used)).0);
        changed.splice(7..13, Instant::of(end.map(at)).0);
        prop_assert_eq!(&changed[13..19], Instant::of(token.absolute_expires_at).0);
        prop_assert_eq!(&changed[19..25], Instant::at(token.created_at).0);
        prop_assert_eq!(&changed[32..48], token.id.0.as_bytes());
        prop_assert_eq!(changed[48] == 0, token.access_generation == Generation::FIRST);
        let mut expected = token;
        expected.last_used_at = at(used);
        expected.expires_at = end.map(at);
        prop_assert_eq!(read::<String>(expected.digest, &changed).expect("read").token, expected);
    }

    #[test]
    fn whatever_a_key_holds_is_a_row_or_an_error(bytes: Vec<u8>, form in prop_oneof![Just(FORM), Just(b'{')]) {
        let digest = TokenLookup::new("token").digest;
        let mut formed = vec![form];
        formed.extend(&bytes);
        prop_assert!(read::<String>(digest, &bytes).is_err());
        prop_assert!(read::<String>(digest, &formed).is_err());
    }

    #[test]
    fn a_row_that_was_cut_or_continued_is_an_error(token in token(), cut in any::<prop::sample::Index>()) {
        let mut written = write(&token, 0).expect("written");
        written.push(0);
        prop_assert!(read::<String>(token.digest, &written).is_err());
        written.truncate(cut.index(written.len() - 1));
        prop_assert!(read::<String>(token.digest, &written).is_err());
    }
}

#[test]
fn an_instant_before_1970_becomes_1970_and_a_later_one_stays() {
    let read = |milliseconds| Instant::at(at(milliseconds)).read().expect("an instant");
    assert_eq!(read(-1), OffsetDateTime::UNIX_EPOCH);
    assert_eq!(read(LAST), at(LAST));
    assert!(Instant::NEVER.read().is_err());
}

#[test]
fn a_later_insertion_has_a_longer_delay_up_to_its_limit() {
    let now = OffsetDateTime::now_utc();
    let [later, sooner] = [500, 100].map(|ago| delay(now - time::Duration::milliseconds(ago)));
    assert!(later > sooner && sooner >= 100_000, "{later} {sooner}");
    assert_eq!(delay(now - time::Duration::HOUR), MAX_DELAY);
    assert_eq!(delay(now + time::Duration::HOUR), 0);
}

#[test]
fn a_row_of_an_earlier_version_is_read_in_every_field() {
    let digest = TokenLookup::new("token").digest;
    let id = Uuid::from_u128(7);
    let json = |rest: &str| {
        format!(
            "{{\"last_used_at\":1735689660123       ,\"order\":\"01941f297c7b4f3a2b1c\",\"digest\":\"{}\",\"id\":\"{id}\",\
             \"user_id\":\"ad\\\"a\",\"epoch\":3,\"created_at\":1735689600123{rest}}}",
            &key::encode(&digest)[..11],
        )
    };
    let subject = Subject::new("ad\"a".to_owned(), 3);
    let mut expected = AccessToken::new(TokenId(id), digest, subject, at(1_735_689_600_123));
    expected.last_used_at = at(1_735_689_660_123);
    let row = read::<String>(digest, json("").as_bytes()).expect("read");
    assert_eq!(row.token, expected);
    assert_eq!(
        (row.delay, row.old_order.as_deref()),
        (0x4f3a_2b1c, Some("01941f297c7b4f3a2b1c"))
    );

    let rest =
        ",\"expires_at\":1735693200123,\"user_agent\":\"\\u00e9\",\"address\":\"::1\",\"label\":\"desk\"";
    // Its expiry never moved, and must not move from now on.
    expected = expected.ending(Some(at(1_735_693_200_123)));
    expected.client.user_agent = Some("é".to_owned());
    expected.client.address = Some("::1".to_owned());
    expected.client.label = Some("desk".to_owned());
    let row = read::<String>(digest, json(rest).as_bytes()).expect("read");
    assert_eq!(row.token, expected);

    let other = TokenLookup::new("another").digest;
    let refused = read::<String>(other, json(rest).as_bytes());
    assert!(matches!(refused, Err(Malformed::Other)), "{refused:?}");
}
