use crate::{
    InsertUserError, NewUser, NormalizedEmail, UserStore as _,
    conformance::{
        UserFixture, answered,
        sample::{assert_same, email, insert, new_user},
    },
};

/// Spellings of one e-mail that differ in case, width, composition or the domain's encoding collide, and each finds
/// the user.
pub async fn variants_of_an_email_are_one_email<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    let families: [&[&str]; 6] = [
        &[
            "King.Arthur@camelot.example",
            "king.arthur@CAMELOT.example",
            "KING.ARTHUR@Camelot.Example",
        ],
        &[
            "josé@example.com",
            "JOSÉ@example.com",
            "jose\u{301}@example.com",
            "ｊｏｓé@example.com",
        ],
        &["straße@example.com", "STRASSE@example.com", "strasse@example.com"],
        &["a@bücher.example", "A@BÜCHER.example", "a@xn--bcher-kva.example"],
        &["b@straße.example", "b@XN--Strae-OQA.example", "b@STRAẞE.example"],
        &[
            "ΣΊΣΥΦΟΣ@example.com",
            "σίσυφος@example.com",
            "σίσυφοσ@example.com",
        ],
    ];
    for (n, family) in (0..).zip(families) {
        let user = insert(
            fixture,
            NewUser {
                email: email(family[0]),
                ..new_user(fixture, n)
            },
        )
        .await;
        for spelling in family {
            let variant = email(spelling);
            let found = answered(store.find_by_email(variant.normalized()).await);
            assert_same(found, &user, spelling);
            let twin = NewUser {
                email: variant,
                ..new_user(fixture, n + 100)
            };
            let refused = store.insert(twin).await;
            assert!(
                matches!(refused, Err(InsertUserError::EmailTaken)),
                "{spelling} is {}, so it is taken",
                family[0]
            );
        }
    }
}

/// E-mails that a careless collation would confuse belong to different users: accents, scripts, emoji and punctuation
/// matter, and so do domains that IDNA 2008 distinguishes.
pub async fn different_emails_are_different_users<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    let locals = [
        "rene",
        "rené",
        "renè",
        "reneé",
        "søren",
        "soren",
        "ısık",
        "isik",
        "ae",
        "æ",
        "はな",
        "ハナ",
        "ばな",
        "a",
        "а",
        "\u{1f600}",
        "\u{1f601}",
        "o'brien",
        "obrien",
        "o-brien",
        "first.last",
        "firstlast",
        "tag",
        "tag+1",
        "tag+2",
        "x",
        "x~",
        "l",
        "1",
        "0",
        "00",
    ];
    let domains = [
        "straße.example",
        "strasse.example",
        "βόλος.example",
        "βόλοσ.example",
        "نامه\u{200c}ای.example",
        "نامهای.example",
        "ශ්\u{200d}රී.example",
        "ශ්රී.example",
    ];
    let addresses = locals
        .iter()
        .map(|local| format!("{local}@example.com"))
        .chain(domains.iter().map(|domain| format!("a@{domain}")));
    let mut users = Vec::new();
    for (n, address) in (0..).zip(addresses) {
        let new = NewUser {
            email: email(&address),
            ..new_user(fixture, n)
        };
        match store.insert(new).await {
            Ok(user) => users.push(user),
            Err(error) => panic!("{address} is a user of its own: {error}"),
        }
    }
    for user in &users {
        let found = answered(store.find_by_email(user.email.normalized()).await);
        assert_same(found, user, user.email.as_str());
    }
}

/// An e-mail is compared, never matched as a pattern: `_`, `%`, `*`, `?` and regular expressions have no special meaning.
pub async fn wildcards_in_an_email_match_nothing_else<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    let user = insert(
        fixture,
        NewUser {
            email: email("axb@example.com"),
            ..new_user(fixture, 1)
        },
    )
    .await;
    let patterns = [
        "a_b", "a%b", "%", "_x_", "a*b", "a?b", "*", "a.b", ".*", "^axb", "axb|c", "a{1}xb", "/axb/", "ax",
    ];
    for pattern in patterns {
        let pattern =
            NormalizedEmail::from_typed(&format!("{pattern}@example.com")).expect("a form to look up");
        assert!(
            answered(store.find_by_email(&pattern).await).is_none(),
            "{} finds nobody",
            pattern.as_str()
        );
    }
    let wild = NewUser {
        email: email("a_b@example.com"),
        ..new_user(fixture, 2)
    };
    let wild = insert(fixture, wild).await;
    for user in [user, wild] {
        let found = answered(store.find_by_email(user.email.normalized()).await);
        assert_same(found, &user, "an e-mail finds its own user");
    }
}
