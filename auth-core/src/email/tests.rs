mod properties;

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{ChangesWhenNfkcCasefolded, DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup},
};

use super::*;

fn email(typed: &str) -> Email {
    typed.parse().expect(typed)
}

fn normalized(typed: &str) -> String {
    email(typed).normalized().as_str().to_owned()
}

fn is_refused(typed: &str) -> bool {
    typed.parse::<Email>().is_err()
}

/// The shown form can be typed, at a registration and at a log-in.
fn assert_can_be_typed(email: &Email) {
    let shown = email.as_str();
    assert_eq!(shown.parse::<Email>().as_ref(), Ok(email), "{shown:?}");
    let normalized = email.normalized();
    assert_eq!(
        NormalizedEmail::from_typed(shown).as_ref(),
        Some(normalized),
        "{shown:?}"
    );
    assert_eq!(
        NormalizedEmail::from_typed(normalized.as_str()).as_ref(),
        Some(normalized),
        "{shown:?}"
    );
    assert!(shown.len() <= MAX_BYTES && normalized.as_str().len() <= MAX_BYTES);
    assert!(!shown.contains(character::is_invisible), "{shown:?}");
}

#[test]
fn v1_case_width_and_composition_do_not_make_another_address() {
    for variant in [
        "josé@example.com",
        "JOSÉ@EXAMPLE.COM",
        "jose\u{301}@example.com",
        "ｊｏｓé@example.com",
        "josé@ｅxample．com",
        "josé@example。com",
    ] {
        assert_eq!(normalized(variant), "josé@example.com", "{variant}");
    }
    for (one, other) in [
        ("a@BÜCHER.example", "a@xn--bcher-kva.example"),
        ("a@bu\u{308}cher.example", "a@XN--BCHER-KVA.example"),
        ("straße@example.com", "STRASSE@example.com"),
        ("ΣΊΣΥΦΟΣ@example.com", "σίσυφος@example.com"),
        ("\u{212a}elvin@example.com", "kelvin@example.com"),
        ("ſam@example.com", "SAM@example.com"),
        ("\u{ab70}@example.com", "\u{13a0}@example.com"),
        ("α\u{345}@example.com", "ΑΙ@example.com"),
        ("ᾳ\u{307}@example.com", "α\u{307}ι@example.com"),
        ("a@\u{212a}elvin.example", "a@kelvin.example"),
    ] {
        assert_eq!(normalized(one), normalized(other), "{one}, {other}");
    }
}

#[test]
fn a3_a_domain_in_unicode_and_in_ascii_is_one() {
    let unicode = email("bob@straße.de");
    assert_eq!(unicode.normalized().as_str(), "bob@xn--strae-oqa.de");
    for spelling in ["bob@xn--strae-oqa.de", "bob@XN--Strae-OQA.de", "bob@STRAẞE.de"] {
        assert_eq!(email(spelling), unicode, "{spelling}");
    }
    assert_eq!(unicode.as_str(), "bob@straße.de");
}

#[test]
fn a1_domains_that_idna_2008_keeps_apart_are_two() {
    for (one, other) in [
        ("m@weiß.de", "m@weiss.de"),
        ("m@βόλος.example", "m@βόλοσ.example"),
        ("m@نامه\u{200c}ای.example", "m@نامهای.example"),
        ("m@ශ්\u{200d}රී.example", "m@ශ්රී.example"),
        ("m@ısık.example", "m@isik.example"),
    ] {
        assert_ne!(normalized(one), normalized(other), "{one}, {other}");
        assert!(!email(one).is_same_but_for_ascii_case(&email(other)));
    }
}

#[test]
fn a4_a_joiner_in_a_domain_is_compared_and_not_shown() {
    for (unicode, ascii) in [
        ("m@نامه\u{200c}ای.example", "m@xn--mgba3gch31f060k.example"),
        ("m@ශ්\u{200d}රී.example", "m@xn--10cl1a0b660p.example"),
    ] {
        assert_eq!(email(unicode), email(ascii));
        assert_eq!(email(unicode).as_str(), ascii);
        assert_can_be_typed(&email(ascii));
        let typed = NormalizedEmail::from_typed(unicode).expect("typed at a log-in");
        assert_eq!(typed.as_str(), ascii);
    }
    for out_of_place in [
        "m@a\u{200d}b.example",
        "m@\u{200c}a.example",
        "m\u{200d}@a.example",
    ] {
        assert!(is_refused(out_of_place), "{out_of_place:?}");
        assert_eq!(
            NormalizedEmail::from_typed(out_of_place),
            None,
            "{out_of_place:?}"
        );
    }
}

#[test]
fn a4_a_domain_too_long_in_unicode_is_shown_in_ascii() {
    let label = "\u{20000}".repeat(55);
    let address = email(&format!("m@{label}.{label}.example"));
    assert!(address.as_str().starts_with("m@xn--"), "{address}");
    assert_can_be_typed(&address);
}

#[test]
fn a5_only_the_case_of_ascii_letters_leaves_an_address_the_same() {
    let same = |one: &str, other: &str| email(one).is_same_but_for_ascii_case(&email(other));
    assert!(same("Ada@example.org", "aDA@EXAMPLE.org"));
    assert!(same("é@straße.example", "é@xn--STRAE-oqa.example"));
    for (one, other) in [
        ("kelvin.strasse@example.org", "\u{212a}elvin.straße@example.org"),
        ("kelvin@example.org", "\u{212a}elvin@example.org"),
        ("strasse@example.org", "straße@example.org"),
        ("é@example.org", "É@example.org"),
        ("é@example.org", "e\u{301}@example.org"),
        ("sam@example.org", "ſam@example.org"),
    ] {
        assert_eq!(normalized(one), normalized(other));
        assert!(!same(one, other), "{one}, {other}");
    }
}

#[test]
fn a6_nothing_invisible_is_an_address() {
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let categories = CodePointMapData::<GeneralCategory>::new();
    let invisible = GeneralCategoryGroup::Other.union(GeneralCategoryGroup::Separator);
    let ranges = ignorable
        .iter_ranges()
        .chain(categories.iter_ranges_for_group(invisible));
    let mut tried = 0;
    // Of the wide ranges of what is unassigned or private both ends are tried.
    for c in ranges
        .flat_map(|range| {
            let end = *range.end();
            range.take(300).chain([end])
        })
        .filter_map(char::from_u32)
        .chain(['\u{2800}', '\u{1d159}', '\u{fffc}', '\u{fffd}'])
    {
        tried += 1;
        for typed in [
            format!("admin{c}@example.net"),
            format!("ad{c}min@example.net"),
            format!("admin@example{c}.net"),
            format!("admin@ex{c}ample.net"),
        ] {
            // Trailing white space is stripped. These have none.
            assert!(is_refused(&typed), "{typed:?}");
        }
    }
    assert!(tried > 4000, "{tried}");
    assert!(is_refused("admin@xn--7fa.net"), "U+2800 as an A-label");
}

#[test]
fn a6_what_is_seen_stays_an_address() {
    for typed in [
        "😀@example.com",
        "🇩🇪@example.com",
        "👍🏽@example.com",
        "♥@☃.example",
        "はな@例え.テスト.example",
        "אדם@example.com",
        "दीपक@उदाहरण.example",
        "first.last+tag@example.com",
        "o'brien@example.com",
        "№1@example.com",
    ] {
        assert_can_be_typed(&email(typed));
    }
}

#[test]
fn the_local_part_is_kept_as_typed_and_the_domain_lower_cased() {
    let email = email("\t King.Arthur+Grail@CAMELOT.Bt\n");
    assert_eq!(email.as_str(), "King.Arthur+Grail@camelot.bt");
}

#[test]
fn what_is_no_address_is_refused() {
    let long = format!("{}@example.com", "a".repeat(243));
    let huge = "a@".repeat(1 << 20);
    for typed in [
        "",
        " ",
        "@",
        "a",
        "a@",
        "@b.example",
        "a@localhost",
        "a@b@c.example",
        "a＠b@c.example",
        "a＠c.example",
        "a\u{fe6b}c.example",
        "a b@c.example",
        "a\0@c.example",
        ".a@c.example",
        "a.@c.example",
        "a..b@c.example",
        "a\u{2025}b@c.example",
        "\u{301}a@c.example",
        "\"a b\"@c.example",
        "a@[127.0.0.1]",
        "a@127.0.0.1",
        "a@１２７.0.0.１",
        "a@-c.example",
        "a@c-.example",
        "a@c..example",
        "a@c.example.",
        "a@c。。example",
        "a@c_d.example",
        "a@\u{301}c.example",
        "a@xn--a.example",
        "a@xn--.example",
        "a@xn--abc-.example",
        "a@x.test",
        "a@x.ｔｅｓｔ",
        "a@printer.local",
        "a,b@c.example",
        "Arthur <a@c.example>",
        "a@c.example\r\nBcc: d@e.example",
        &long,
        &huge,
    ] {
        assert_eq!(typed.parse::<Email>(), Err(InvalidEmail), "{typed:?}");
    }
    assert!(!is_refused(&format!("{}@example.com", "a".repeat(242))));
}

#[test]
fn a_look_up_does_not_strip_white_space() {
    assert_eq!(NormalizedEmail::from_typed(" a@example.com"), None);
    assert_eq!(NormalizedEmail::from_typed("a@example.com\n"), None);
}

#[test]
fn v7_each_character_that_folding_changes_makes_an_address_that_can_be_typed() {
    let changed = CodePointSetData::new::<ChangesWhenNfkcCasefolded>();
    let mut valid = 0;
    for c in changed.iter_ranges().flatten().filter_map(char::from_u32) {
        for typed in [format!("a{c}b@example.com"), format!("a@b{c}d.example")] {
            if let Ok(email) = typed.parse::<Email>() {
                valid += 1;
                assert_can_be_typed(&email);
                assert_eq!(
                    NormalizedEmail::from_typed(&typed).as_ref(),
                    Some(email.normalized()),
                    "{typed:?}"
                );
            }
        }
    }
    assert!(valid > 10_000, "{valid}");
}
