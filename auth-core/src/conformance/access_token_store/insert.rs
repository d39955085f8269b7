use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use time::Duration;

use crate::{
    AccessToken, AccessTokenStore as _, CacheMark, Cap, ClientInfo, Email, Generation, InsertTokenError,
    Lifetime, LoadedUser, TokenDigest, TokenLookup, User,
    conformance::{
        AccessTokenFixture, answered,
        parallel::{ROUNDS, at_once},
        sample::{inserted_token, start, token, token_key, token_of},
    },
};

/// The found token equals the inserted one: instants to the millisecond, an expiry in a hundred years or none, an epoch and
/// generations of more than 32 bits, a backend, an actor and a client of many words or of none.
pub async fn an_inserted_token_is_found_with_every_field<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let century = Lifetime::from_secs(100 * 366 * 86_400).expect("a hundred years are a lifetime");
    let (plain_key, plain) = token(&user, 1);
    let (odd_key, odd) = token(&user, 2);
    let odd = AccessToken {
        epoch: (1 << 40) + 7,
        backend: "jwt-tracked_2".to_owned(),
        expires_at: century.end(start()),
        absolute_expires_at: None,
        access_generation: Generation::new((1 << 40) + 1, Some(start() + Duration::milliseconds(5))),
        refresh_generation: Generation::new(3, Some(start() + Duration::milliseconds(4))),
        actor: Some("é' \" \\ 42".to_owned()),
        client: ClientInfo {
            user_agent: Some(format!("{}' \" \\ \u{1f98a}", "é".repeat(123))),
            address: Some("fe80::1%eth0".to_owned()),
            label: Some(String::new()),
        },
        ..odd
    };
    let (bare_key, bare) = token(&user, 3);
    let bare = AccessToken {
        epoch: 0,
        backend: String::new(),
        expires_at: None,
        absolute_expires_at: None,
        last_used_at: bare.created_at,
        client: ClientInfo::default(),
        ..bare
    };
    let tokens = [(plain_key, plain), (odd_key, odd), (bare_key, bare)];
    for (_, token) in &tokens {
        let mut token = token.clone();
        // No part of the log-in, which a store must not keep.
        let someone = User::<F::Id>::new(user.clone(), email(), (), start());
        token.provenance.loaded_user = Some(LoadedUser::new(someone, CacheMark::new()));
        answered(store.insert(&token, None).await);
    }
    for (key, token) in tokens {
        let found = answered(store.find(&key).await);
        assert_eq!(
            found.as_ref(),
            Some(&token),
            "an inserted token is found with every field"
        );
        assert!(
            found.is_some_and(|found| found.provenance.loaded_user.is_none()),
            "a user is not kept with the token"
        );
    }
}

fn email() -> Email {
    "ada@example.com"
        .parse()
        .unwrap_or_else(|error| unreachable!("{error}"))
}

/// A second token of the same digest is [`InsertTokenError::DigestTaken`]. The first stays as it is, and the user's cap
/// removes nothing.
pub async fn a_taken_digest_is_refused_and_nothing_is_written<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let old = inserted_token(&*store, &user, 1).await;
    let first = inserted_token(&*store, &user, 2).await;
    for cap in [None, std::num::NonZeroU32::new(1).map(Cap::new)] {
        let refused = store.insert(&token_of(&user, first.0.digest, 3), cap).await;
        assert!(
            matches!(refused, Err(InsertTokenError::DigestTaken)),
            "a taken digest is `DigestTaken`, not {refused:?}"
        );
        for (key, token) in [&old, &first] {
            assert_eq!(
                answered(store.find(key).await).as_ref(),
                Some(token),
                "a refused insertion writes and removes nothing"
            );
        }
    }
}

/// The key of a token finds the user that it was issued to, whatever other users insert.
pub async fn a_taken_digest_does_not_change_hands<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let (owner, other) = (fixture.user(None).await, fixture.user(None).await);
    let (key, token) = inserted_token(&*store, &owner, 1).await;
    match store.insert(&token_of(&other, key.digest, 2), None).await {
        // A store that is partitioned by user looks into the partition that the key names.
        Ok(()) | Err(InsertTokenError::DigestTaken) => {}
        Err(error) => panic!("a taken digest is `DigestTaken`, not {error}"),
    }
    assert_eq!(
        answered(store.find(&key).await),
        Some(token),
        "a token stays its owner's"
    );
}

/// A second token of the same public id, of the same user or another, overwrites nothing: the first stays as it is. The
/// second is either refused with a [`StoreError`](crate::StoreError), or inserted as well. Only digests must be unique,
/// so a taken public id is never [`InsertTokenError::DigestTaken`].
pub async fn a_taken_public_id_overwrites_nothing<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let (owner, other) = (fixture.user(None).await, fixture.user(None).await);
    let (key, first) = inserted_token(&*store, &owner, 1).await;
    for (n, user) in (2..).zip([&owner, &other]) {
        let (second_key, second) = token(user, n);
        let second = AccessToken {
            id: first.id,
            ..second
        };
        let expected = match store.insert(&second, None).await {
            Ok(()) => Some(second),
            Err(InsertTokenError::Store(_)) => None,
            Err(error) => panic!("a taken public id is a failure, not {error:?}"),
        };
        assert_eq!(
            answered(store.find(&second_key).await),
            expected,
            "a token of a taken public id is there if its insertion succeeded"
        );
        assert_eq!(
            answered(store.find(&key).await).as_ref(),
            Some(&first),
            "a taken public id stays the first token's"
        );
    }
}

/// Of 50 parallel insertions of one digest, exactly one succeeds and is found. The others are
/// [`InsertTokenError::DigestTaken`].
pub async fn of_parallel_insertions_of_one_digest_exactly_one_succeeds<F: AccessTokenFixture>(fixture: &F) {
    for _round in 0..ROUNDS {
        race_for_one_digest(fixture).await;
    }
}

async fn race_for_one_digest<F: AccessTokenFixture>(fixture: &F) {
    let user = fixture.user(None).await;
    let key = token_key(&user);
    let tokens: Vec<_> = (0..50).map(|n| token_of(&user, key.digest, n)).collect();
    let answers = at_once(tokens.clone().into_iter().map(|token| {
        let store = fixture.store();
        async move { store.insert(&token, None).await }
    }))
    .await;

    let mut winners = Vec::new();
    for (token, answer) in tokens.into_iter().zip(answers) {
        match answer {
            Ok(()) => winners.push(token),
            Err(InsertTokenError::DigestTaken) => {}
            Err(error) => panic!("a losing insertion is `DigestTaken`, not {error}"),
        }
    }
    assert_eq!(
        winners.len(),
        1,
        "of 50 parallel insertions of one digest one succeeds"
    );
    let found = answered(fixture.store().find(&key).await);
    assert_eq!(found, winners.pop(), "the winner is found");
}

/// A digest that differs in one bit, or in the case of a letter of its base64, finds nothing.
pub async fn only_the_exact_digest_is_found<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let (key, token) = inserted_token(&*store, &user, 1).await;
    let exact = *key.digest.as_bytes();
    let flipped = (0..256).map(|bit| {
        let mut bytes = exact;
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    });
    for bytes in flipped.chain(in_other_case(&exact)) {
        let near = TokenLookup {
            digest: TokenDigest::from_bytes(bytes),
            ..key
        };
        assert_eq!(
            answered(store.find(&near).await),
            None,
            "a digest that is almost right finds nothing"
        );
        assert!(
            !answered(store.delete(&near).await),
            "a digest that is almost right deletes nothing"
        );
    }
    assert_eq!(
        answered(store.find(&key).await),
        Some(token),
        "the exact digest finds the token"
    );
}

/// The digests whose base64 differs from that of `digest` in the case of one letter.
fn in_other_case(digest: &[u8; 32]) -> impl Iterator<Item = [u8; 32]> {
    let encoded = URL_SAFE_NO_PAD.encode(digest);
    (0..encoded.len()).filter_map(move |at| {
        let swap = |letter: u8| match letter.is_ascii_lowercase() {
            true => letter.to_ascii_uppercase(),
            false => letter.to_ascii_lowercase(),
        };
        let mut swapped = encoded.clone().into_bytes();
        swapped[at] = swap(swapped[at]);
        let other = URL_SAFE_NO_PAD.decode(&swapped).ok()?;
        <[u8; 32]>::try_from(other)
            .ok()
            .filter(|_| swapped[at] != encoded.as_bytes()[at])
    })
}

/// A digest is any 32 bytes: zeros, spaces and the case of letters make a difference.
pub async fn digests_of_any_bytes_are_told_apart<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let real = token_key(&user);
    let ending = |last: u8, start: u8| {
        let mut bytes = [start; 32];
        bytes[31] = last;
        bytes
    };
    let digests = [
        [0; 32],
        ending(1, 0),
        ending(b' ', 0),
        ending(0, b'a'),
        ending(b' ', b'a'),
        [b'a'; 32],
        [b'A'; 32],
        [b' '; 32],
        [b'%'; 32],
        [0x80; 32],
        [0xff; 32],
        ending(0xfe, 0xff),
    ];
    let mut tokens = Vec::new();
    for (n, bytes) in (0..).zip(digests) {
        let digest = TokenDigest::from_bytes(bytes);
        let token = token_of(&user, digest, n);
        if let Err(error) = store.insert(&token, None).await {
            panic!("{digest:?} is a digest of its own: {error}");
        }
        tokens.push(token);
    }
    for token in tokens {
        let key = TokenLookup {
            digest: token.digest,
            ..real
        };
        assert_eq!(
            answered(store.find(&key).await),
            Some(token),
            "each digest finds its own token"
        );
    }
}
