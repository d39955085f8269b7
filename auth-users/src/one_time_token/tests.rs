use auth_core::{ExposeSecret as _, NewUser, PasswordHash};
use proptest::prelude::*;
use time::Duration;
use uuid::Uuid;

use super::*;

const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

fn user(id: Uuid) -> User {
    let email = "King.Arthur@camelot.example".parse().expect("e-mail");
    let mut new = NewUser::new(email, (), START);
    new.id = Some(id);
    new.password_hash = Some(PasswordHash::new("hash"));
    new.into_user(id)
}

fn tokens() -> OneTimeTokens {
    let secret = SigningSecret::new("the secret of these tests, which no other knows").expect("secret");
    OneTimeTokens::new(secret)
}

fn issue(purpose: Purpose<'_>, user: &User) -> String {
    let token = tokens().issue(purpose, user, START + Duration::HOUR);
    token.expose_secret().to_owned()
}

fn is_good(purpose: Purpose<'_>, token: &str, user: &User, now: OffsetDateTime) -> bool {
    let claim = tokens().open(&[purpose], token, now);
    claim.is_some_and(|claim| claim.is_of(user))
}

#[test]
fn a_token_is_good_to_the_last_instant_before_its_expiry() {
    let user = user(Uuid::now_v7());
    for purpose in [Purpose::Verify, Purpose::Reset] {
        let token = issue(purpose, &user);
        let end = START + Duration::HOUR;
        assert!(is_good(purpose, &token, &user, START));
        assert!(is_good(purpose, &token, &user, end - Duration::MILLISECOND));
        assert!(!is_good(purpose, &token, &user, end));
        assert!(!is_good(purpose, &token, &user, end + Duration::DAY));
    }
}

#[test]
fn a_token_of_one_purpose_user_or_secret_is_not_good_for_another() {
    let one = user(Uuid::now_v7());
    let two = user(Uuid::now_v7());
    let verify = issue(Purpose::Verify, &one);
    let reset = issue(Purpose::Reset, &one);
    assert!(!is_good(Purpose::Reset, &verify, &one, START));
    assert!(!is_good(Purpose::Verify, &reset, &one, START));
    assert!(!is_good(Purpose::Verify, &verify, &two, START));
    let other = OneTimeTokens::new(SigningSecret::generate().expect("secret"));
    assert!(other.open::<Uuid>(&[Purpose::Verify], &verify, START).is_none());
}

#[test]
fn n8_a_token_of_an_old_secret_is_good_while_that_is_accepted_and_the_new_one_signs() {
    let user = user(Uuid::now_v7());
    let secret = || SigningSecret::generate().expect("secret");
    let (old, new) = (secret(), secret());
    let issue = |secret: &SigningSecret| {
        let tokens = OneTimeTokens::new(secret.clone());
        tokens.issue(Purpose::Reset, &user, START + Duration::HOUR)
    };
    let accepts = |secret: &SigningSecret, token: &SecretString| {
        let tokens = OneTimeTokens::new(secret.clone());
        let claim = tokens.open(&[Purpose::Verify, Purpose::Reset], token.expose_secret(), START);
        claim.is_some_and(|claim| claim.purpose == Purpose::Reset && claim.is_of(&user))
    };
    let before = issue(&old);
    assert!(!accepts(&new, &before));
    let both = new.clone().also_accept(old.clone());
    assert!(accepts(&both, &before));
    let after = issue(&both);
    assert!(accepts(&new, &after) && accepts(&both, &after));
    assert!(!accepts(&old, &after));
    assert!(!accepts(&both, &issue(&secret())));
}

#[test]
fn v5_a_token_confirms_exactly_the_address_it_was_made_for() {
    let mut user = user(Uuid::now_v7());
    let (verify, reset) = (issue(Purpose::Verify, &user), issue(Purpose::Reset, &user));
    user.email = "KING.ARTHUR@camelot.example".parse().expect("e-mail");
    assert!(
        is_good(Purpose::Verify, &verify, &user, START),
        "only the case differs"
    );
    user.email = "arthur@camelot.example".parse().expect("e-mail");
    assert!(!is_good(Purpose::Verify, &verify, &user, START));
    assert!(!is_good(Purpose::Reset, &reset, &user, START));
}

#[test]
fn v4_a_reset_token_dies_with_the_password_it_was_made_for() {
    let mut user = user(Uuid::now_v7());
    let (verify, reset) = (issue(Purpose::Verify, &user), issue(Purpose::Reset, &user));
    user.password_hash = None;
    assert!(!is_good(Purpose::Reset, &reset, &user, START));
    user.password_hash = Some(PasswordHash::new("another"));
    assert!(!is_good(Purpose::Reset, &reset, &user, START));
    assert!(is_good(Purpose::Verify, &verify, &user, START));
}

#[test]
fn v3_a_blank_token_never_matches() {
    for blank in ["", " ", "\0", "=", "AAAA"] {
        let opened = tokens().open::<String>(&[Purpose::Verify], blank, START);
        assert!(opened.is_none(), "{blank:?}");
    }
}

#[test]
fn l3_t2_every_edit_of_one_character_is_refused() {
    let user = user(Uuid::now_v7());
    let token = issue(Purpose::Verify, &user);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. \n";
    for at in 0..token.len() {
        for with in alphabet.chars().filter(|c| !token[at..].starts_with(*c)) {
            let edited = format!("{}{with}{}", &token[..at], &token[at + 1..]);
            assert!(!is_good(Purpose::Verify, &edited, &user, START), "{edited}");
        }
        let shorter = format!("{}{}", &token[..at], &token[at + 1..]);
        assert!(!is_good(Purpose::Verify, &shorter, &user, START), "{shorter}");
        assert!(!is_good(Purpose::Verify, &token[..at], &user, START));
    }
    for more in [
        format!("{token}="),
        format!("{token}A"),
        format!(" {token}"),
        token.to_uppercase(),
    ] {
        assert!(!is_good(Purpose::Verify, &more, &user, START), "{more}");
    }
}

/// A token whose parts are as `edit` leaves them, with the seal that it had.
fn edited(token: &str, edit: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut bytes = URL_SAFE_NO_PAD.decode(token).expect("base64url");
    edit(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

#[test]
fn a7_no_id_but_the_one_that_was_mailed_comes_out_of_a_token() {
    let one = user(Uuid::now_v7());
    let token = issue(Purpose::Verify, &one);
    let open = |token: &str| tokens().open::<String>(&[Purpose::Verify], token, START);
    let claim = open(&token).expect("genuine");
    assert_eq!(claim.user_id, one.id.to_string());
    let id_at = SEAL_BYTES + EXPIRY_BYTES + STATE_BYTES;
    for id in ["\0", "lance\0lot", "", "a", &one.id.to_string().to_uppercase()] {
        let edited = edited(&token, |bytes| {
            bytes.truncate(id_at);
            bytes.extend_from_slice(id.as_bytes());
        });
        assert!(open(&edited).is_none(), "{id:?}");
    }
    for at in 0..id_at {
        assert!(
            open(&edited(&token, |bytes| bytes[at] ^= 1)).is_none(),
            "byte {at}"
        );
    }
}

#[test]
fn a2_a_token_signs_the_very_address_that_it_was_mailed_to() {
    for (mailed, other) in [
        ("eve@fussball.example", "eve@fußball.example"),
        ("kelvin@example.org", "\u{212a}elvin@example.org"),
        ("eve.strasse@example.org", "eve.straße@example.org"),
        ("andré@example.org", "andre\u{301}@example.org"),
        ("é@example.org", "É@example.org"),
    ] {
        let mut user = user(Uuid::now_v7());
        user.email = mailed.parse().expect("e-mail");
        let (verify, reset) = (issue(Purpose::Verify, &user), issue(Purpose::Reset, &user));
        user.email = other.parse().expect("e-mail");
        assert!(!is_good(Purpose::Verify, &verify, &user, START), "{other}");
        assert!(!is_good(Purpose::Reset, &reset, &user, START), "{other}");
    }
}

#[test]
fn a_token_is_url_safe_and_too_long_a_one_is_refused_unread() {
    let token = issue(Purpose::Reset, &user(Uuid::now_v7()));
    assert!(
        token
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'),
        "{token}"
    );
    let longest = (MAX_CHARS / 4) * 3 - SEAL_BYTES - EXPIRY_BYTES - STATE_BYTES;
    for (length, is_read) in [(longest, true), (longest + 1, false)] {
        let user = user(Uuid::now_v7());
        let mut user = NewUser::new(user.email, (), START);
        user.id = None;
        let user = user.into_user("a".repeat(length));
        let token = tokens().issue(Purpose::Verify, &user, START + Duration::HOUR);
        let claim = tokens().open::<String>(&[Purpose::Verify], token.expose_secret(), START);
        assert_eq!(claim.is_some(), is_read, "{length}");
    }
}

proptest! {
    #[test]
    fn parsing_never_panics(token in "\\PC{0,64}|[A-Za-z0-9_-]{0,200}") {
        assert!(tokens().open::<String>(&[Purpose::Verify], &token, START).is_none());
    }
}
