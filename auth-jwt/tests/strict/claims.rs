//! What a token must say (RFC 7519 §4.1, RFC 8725 §3.8 to §3.12).

use std::time::Duration;

use auth_core::{
    ClientInfo, Clock as _, ExposeSecret as _, NewLogIn, ReadError,
    Rejection::{self, BadClaim, BadSignature, Expired, Malformed, NotYetValid},
    Strategy as _, Subject,
};
use auth_jwt::{FASTAPI_USERS_AUDIENCE, JwtStrategy};
use jsonwebtoken::{Algorithm, EncodingKey};
use time::Duration as Span;

use crate::craft::{
    HEADER, LIFETIME, START, USER, at_once, clock_at, issue, lifetime, payload, payload_with,
    payload_without, read, secret, signed, strategy, token,
};

fn read_payload(payload: &str) -> Result<(), Rejection> {
    read(&strategy(), &token(HEADER, payload)).map(drop)
}

#[test]
fn the_crafted_token_is_valid_before_anything_is_changed() {
    let credential = read(&strategy(), &token(HEADER, payload())).expect("valid");
    assert_eq!(credential.subject.user_id.to_string(), USER);
    assert_eq!(credential.subject.epoch, 7);
    assert_eq!(credential.issued_at.expect("present").unix_timestamp(), START);
    assert_eq!(
        credential.expires_at.expect("present").unix_timestamp(),
        START + LIFETIME
    );
    assert_eq!(
        credential.id.expect("present").to_string(),
        "0b5c7b1e-58e1-4c9d-8d3a-3d6a3c1f7a10"
    );
}

#[test]
fn j7_exp_sub_and_aud_are_required() {
    for claim in ["exp", "sub", "aud"] {
        assert_eq!(read_payload(&payload_without(claim)), Err(BadClaim), "{claim}");
    }
    for claim in ["nbf", "iat", "jti"] {
        assert_eq!(read_payload(&payload_without(claim)), Ok(()), "{claim}");
    }
}

#[test]
fn j7_a_date_of_another_type_is_rejected() {
    for date in ["exp", "nbf", "iat"] {
        for wrong in [
            "null",
            "true",
            "\"1767229200\"",
            "\"2026-01-01T00:00:00Z\"",
            "[]",
            "[1767229200]",
            "{}",
            "-1",
            "-0.5",
            "1e18",
            "253402300800",
            "18446744073709551615",
            "340282366920938463463374607431768211456",
            "1e308",
        ] {
            assert_eq!(
                read_payload(&payload_with(date, wrong)),
                Err(BadClaim),
                "{date}: {wrong}"
            );
        }
        for no_json in [
            "1e309",
            "NaN",
            "Infinity",
            "-Infinity",
            "0x10",
            "01",
            "1.",
            ".5",
            "+1",
        ] {
            assert_eq!(
                read_payload(&payload_with(date, no_json)),
                Err(Malformed),
                "{date}: {no_json}"
            );
        }
    }
    // RFC 7519 §2 allows a fraction.
    assert_eq!(read_payload(&payload_with("exp", "1767229200.5")), Ok(()));
    assert_eq!(read_payload(&payload_with("exp", "1.7672292e9")), Ok(()));
    assert_eq!(read_payload(&payload_with("exp", "1767225600.0")), Err(Expired));
}

#[test]
fn j7_a_text_of_another_type_is_rejected() {
    for claim in ["sub", "iss", "jti"] {
        for wrong in ["null", "true", "5", "[]", "[\"a\"]", "{}"] {
            assert_eq!(
                read_payload(&payload_with(claim, wrong)),
                Err(BadClaim),
                "{claim}: {wrong}"
            );
        }
    }
}

#[test]
fn j7_an_actor_is_named_or_the_token_is_rejected() {
    let read = |act: &str| read(&strategy(), &token(HEADER, payload_with("act", act)));
    let credential = read(r#"{"iss":"https://any.example","sub":"7"}"#).expect("valid");
    assert_eq!(credential.actor.as_deref(), Some("7"));
    for wrong in ["null", r#""7""#, "{}", r#"{"sub":7}"#, "[]", r#"["7"]"#, "true"] {
        assert_eq!(read(wrong).map(drop), Err(BadClaim), "{wrong}");
    }
}

#[test]
fn j7_a_subject_that_is_no_id_is_rejected() {
    for subject in [
        r#""""#,
        r#""1""#,
        r#""6f4dfb1f""#,
        r#"" 6f4dfb1f-0f3f-4c3a-9f5e-3b1b2a1d0c77""#,
        r#""6f4dfb1f-0f3f-4c3a-9f5e-3b1b2a1d0c77\u0000""#,
    ] {
        assert_eq!(
            read_payload(&payload_with("sub", subject)),
            Err(BadClaim),
            "{subject}"
        );
    }
}

#[test]
fn a7_a_subject_with_a_nul_is_rejected_whatever_an_id_may_be() {
    let strategy = JwtStrategy::<String>::hs256(&secret(), lifetime())
        .expect("valid")
        .clock(clock_at(START));
    let read = |subject: &str| {
        let token = token(HEADER, payload_with("sub", subject));
        at_once(strategy.read(FASTAPI_USERS_AUDIENCE, &token)).map(|credential| credential.subject.user_id)
    };
    assert_eq!(read(r#""lancelot""#).expect("valid"), "lancelot");
    for subject in [r#""lance\u0000lot""#, r#""\u0000""#] {
        let refused = read(subject).expect_err("nobody's id");
        assert!(matches!(refused, ReadError::Rejected(BadClaim)), "{subject}");
    }
}

#[test]
fn j7_expiry_is_exact_and_has_no_leeway() {
    let clock = clock_at(START);
    let strategy = strategy()
        .leeway(Duration::from_secs(30))
        .expect("allowed")
        .clock(clock.clone());
    let token = issue(&strategy);
    clock.advance(Span::seconds(LIFETIME) - Span::milliseconds(1));
    assert!(read(&strategy, &token).is_ok());
    for step in [Span::milliseconds(1), Span::SECOND, Span::MINUTE, Span::DAY] {
        clock.advance(step);
        assert_eq!(read(&strategy, &token), Err(Expired), "{}", clock.now());
    }
}

#[test]
fn j7_a_token_is_not_valid_before_its_time() {
    for date in ["nbf", "iat"] {
        for (seconds, outcome) in [
            (START - 1, Ok(())),
            (START, Ok(())),
            (START + 5, Ok(())),
            (START + 6, Err(NotYetValid)),
            (START + 61, Err(NotYetValid)),
        ] {
            assert_eq!(
                read_payload(&payload_with(date, &seconds.to_string())),
                outcome,
                "{date}: {seconds}"
            );
        }
    }
    assert_eq!(
        read_payload(&payload_with("nbf", "1767225605.001")),
        Err(NotYetValid)
    );
}

#[test]
fn j7_the_leeway_is_configurable_up_to_30_s() {
    let error = strategy()
        .leeway(Duration::from_millis(30_001))
        .err()
        .expect("too long");
    assert_eq!(error.setting(), "JWT leeway");

    let in_30_s = token(HEADER, payload_with("nbf", &(START + 30).to_string()));
    let strict = strategy().leeway(Duration::ZERO).expect("allowed");
    let lenient = strategy().leeway(Duration::from_secs(30)).expect("allowed");
    assert!(read(&lenient, &in_30_s).is_ok());
    assert_eq!(read(&strict, &in_30_s), Err(NotYetValid));
    let in_31_s = token(HEADER, payload_with("nbf", &(START + 31).to_string()));
    assert_eq!(read(&lenient, &in_31_s), Err(NotYetValid));
    let in_1_s = token(HEADER, payload_with("iat", &(START + 1).to_string()));
    assert_eq!(read(&strict, &in_1_s), Err(NotYetValid));
}

#[test]
fn j8_the_audience_is_exact_in_an_array_or_as_text() {
    for (audience, outcome) in [
        (r#""fastapi-users:auth""#, Ok(())),
        (r#"["fastapi-users:auth"]"#, Ok(())),
        (r#"["other","fastapi-users:auth"]"#, Ok(())),
        (r#""fastapi-users:verify""#, Err(BadClaim)),
        (r#""fastapi-users:auth ""#, Err(BadClaim)),
        (r#""Fastapi-users:auth""#, Err(BadClaim)),
        (r#""fastapi-users:aut""#, Err(BadClaim)),
        (r#""fastapi-users:auth,other""#, Err(BadClaim)),
        (r#""""#, Err(BadClaim)),
        (r#"[]"#, Err(BadClaim)),
        (r#"[""]"#, Err(BadClaim)),
        (r#"["other"]"#, Err(BadClaim)),
        (
            r#"["fastapi-users:auth2","my-fastapi-users:auth"]"#,
            Err(BadClaim),
        ),
        (r#"[["fastapi-users:auth"]]"#, Err(BadClaim)),
        (r#"["fastapi-users:auth",5]"#, Err(BadClaim)),
        (r#"["fastapi-users:auth",null]"#, Err(BadClaim)),
        (r#"{"fastapi-users:auth":1}"#, Err(BadClaim)),
        ("null", Err(BadClaim)),
        ("true", Err(BadClaim)),
        ("5", Err(BadClaim)),
    ] {
        assert_eq!(
            read_payload(&payload_with("aud", audience)),
            outcome,
            "{audience}"
        );
    }
}

#[test]
fn j8_the_issuer_is_exact_where_it_is_configured() {
    let strategy = strategy().issuer("https://auth.example.com");
    assert!(read(&strategy, &issue(&strategy)).is_ok());
    for issuer in [
        r#""https://auth.example.com/""#,
        r#""https://AUTH.example.com""#,
        r#""""#,
        r#"["https://auth.example.com"]"#,
        "null",
    ] {
        let token = token(HEADER, payload_with("iss", issuer));
        assert_eq!(read(&strategy, &token), Err(BadClaim), "{issuer}");
    }
    let without = token(HEADER, payload());
    assert_eq!(read(&strategy, &without), Err(BadClaim));
    assert_eq!(
        read_payload(&payload_with("iss", r#""https://any.example""#)),
        Ok(())
    );
}

#[test]
fn deviation_26_j9_a_token_is_good_for_the_audience_that_it_was_issued_for_and_no_other() {
    let subject = Subject::new(USER.parse().expect("a UUID"), 7);
    let read =
        |strategy: &JwtStrategy, audience: &str, token: &str| match at_once(strategy.read(audience, token)) {
            Ok(_credential) => Ok(()),
            Err(ReadError::Rejected(rejection)) => Err(rejection),
            Err(ReadError::Unavailable(error)) => panic!("there is no store: {error}"),
        };
    let strategies = [
        strategy(),
        // Its tokens are for the backend `web`, too, as two audiences of one token are equals.
        strategy().audience("web"),
        strategy().also_accept("old").also_accept("older"),
    ];
    let audiences = ["web", "app", "old", "older"];
    for own in audiences {
        for (at, issuing) in strategies.iter().enumerate() {
            let issued = at_once(issuing.issue(&NewLogIn::new(own, &subject, &ClientInfo::default())))
                .expect("issued");
            let token = issued.access.secret.expose_secret();
            let names_web = own == "web" || at == 1;
            for other in audiences {
                let is_named = other == own || (other == "web" && names_web);
                let expected = if is_named { Ok(()) } else { Err(BadClaim) };
                assert_eq!(read(&strategies[0], other, token), expected, "{own} {other}");
            }
            let is_old = own == "old" || own == "older";
            let expected = if is_old { Ok(()) } else { Err(BadClaim) };
            assert_eq!(read(&strategies[2], "new", token), expected, "{own}");
        }
    }
}

#[test]
fn j9_two_issuers_of_one_audience_are_told_apart() {
    let [a, b] = ["https://a.example", "https://b.example"].map(|issuer| strategy().issuer(issuer));
    assert_eq!(read(&a, &issue(&b)).map(drop), Err(BadClaim));
    assert_eq!(read(&b, &issue(&a)).map(drop), Err(BadClaim));
}

#[test]
fn j10_a_name_twice_among_the_claims_is_rejected_at_any_depth() {
    let valid = payload();
    for twice in [
        valid.replacen('{', r#"{"exp":9999999999,"#, 1),
        valid.replacen('{', r#"{"sub":"6f4dfb1f-0f3f-4c3a-9f5e-3b1b2a1d0c77","#, 1),
        valid.replacen('{', r#"{"\u0065xp":9999999999,"#, 1),
        valid.replacen('{', r#"{"own":1,"own":1,"#, 1),
        valid.replacen('{', r#"{"own":{"a":1,"a":2},"#, 1),
        valid.replacen('{', r#"{"own":[{"a":1,"a":2}],"#, 1),
    ] {
        assert_eq!(read_payload(&twice), Err(Malformed), "{twice}");
    }
    let own = valid.replacen('{', r#"{"own":{"a":1,"b":[{"a":1},{"a":1}]},"#, 1);
    assert_eq!(read_payload(&own), Ok(()), "an issuer may add claims");
}

#[test]
fn j10_claims_that_are_no_object_are_rejected() {
    for payload in [
        "null",
        "5",
        "\"text\"",
        "[]",
        "{",
        "{}}",
        "not JSON",
        "\u{feff}{}",
        &format!("[{}]", payload()),
        // What serde would take for the claims in their order.
        &format!(
            r#"["{USER}",["fastapi-users:auth"],{},null,null,null,null,7]"#,
            START + LIFETIME
        ),
        &format!(
            r#"["{USER}",["fastapi-users:auth"],{},"i",{START},{START},"j",7]"#,
            START + LIFETIME
        ),
    ] {
        assert_eq!(read_payload(payload), Err(Malformed), "{payload}");
    }
    assert_eq!(read_payload("{}"), Err(BadClaim));
    let mut not_utf8 = payload().into_bytes();
    not_utf8.splice(1..1, *b"\"own\":\"\xff\",");
    assert_eq!(read(&strategy(), &token(HEADER, not_utf8)), Err(Malformed));
}

#[test]
fn nothing_is_believed_before_the_signature_was_verified() {
    let other =
        EncodingKey::from_secret(b"another secret, of more than thirty-two bytes").expect("not empty");
    for payload in [
        payload(),
        payload_with("exp", "1"),
        payload_with("aud", "\"other\""),
        "{}".to_owned(),
        "not JSON".to_owned(),
    ] {
        let forged = signed(HEADER, payload, Algorithm::HS256, &other);
        assert_eq!(read(&strategy(), &forged), Err(BadSignature));
    }
}

#[test]
fn a_token_without_an_epoch_is_rejected_unless_that_is_allowed() {
    let without = token(HEADER, payload_without("epoch"));
    assert_eq!(read(&strategy(), &without), Err(BadClaim));
    let lenient = strategy().accept_without_epoch();
    assert_eq!(read(&lenient, &without).expect("allowed").subject.epoch, 0);
    let with = token(HEADER, payload());
    assert_eq!(read(&lenient, &with).expect("valid").subject.epoch, 7);
    for wrong in [
        "null",
        "\"0\"",
        "0.5",
        "true",
        "[]",
        "1e30",
        "9223372036854775808",
    ] {
        let token = token(HEADER, payload_with("epoch", wrong));
        assert_eq!(read(&lenient, &token), Err(BadClaim), "{wrong}");
    }
}
