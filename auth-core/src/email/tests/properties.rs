//! Properties of any address.

use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizer, DecomposingNormalizer};
use icu_properties::{CodePointSetData, props::ChangesWhenNfkcCasefolded};
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use proptest::{prelude::*, sample::select};

use super::{assert_can_be_typed, normalized};
use crate::{Email, NormalizedEmail};

/// Two local parts are one for Unicode if these are equal (definition D146 of the standard).
fn caseless(local: &str) -> String {
    let mapper = CaseMapper::new();
    let compatible = DecomposingNormalizer::new_nfkd();
    let canonical = DecomposingNormalizer::new_nfd().normalize(local).into_owned();
    let once = compatible.normalize(&mapper.fold_string(&canonical)).into_owned();
    compatible.normalize(&mapper.fold_string(&once)).into_owned()
}

fn ascii(domain: &str) -> Option<String> {
    Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::Verify,
        )
        .ok()
        .map(|ascii| ascii.into_owned())
}

/// Characters that some rule treats in its own way.
const ODD: &[char] = &[
    'a', 'A', 'b', 'i', 'I', 's', 'S', 'k', 'ß', 'ẞ', 'ſ', 'σ', 'ς', 'Σ', 'ı', 'İ', '\u{212a}', 'é', 'É',
    'ﬁ', '\u{307}', '\u{301}', '\u{345}', '\u{323}', 'α', 'Α', 'ᾳ', 'ᾼ', '\u{13a0}', '\u{ab70}', '\u{10d0}',
    '\u{1c90}', 'ａ', 'Ａ', '１', '-', '.', '。', '．', '\u{200c}', '\u{200d}', '\u{ad}', '\u{94d}',
    '\u{dca}', '\u{dc1}', 'ه', 'ا', 'ی', 'א', '\u{1100}', '\u{1161}', '가', '\u{3164}', '\u{fe0f}', '😀',
    '≠', '¨', '\u{2800}', '@', '＠',
];

fn odd() -> impl Strategy<Value = String> {
    prop::collection::vec(select(ODD), 1..6).prop_map(String::from_iter)
}

fn folding() -> impl Strategy<Value = String> {
    let changed = CodePointSetData::new::<ChangesWhenNfkcCasefolded>();
    let all: Vec<char> = changed
        .iter_ranges()
        .flatten()
        .filter_map(char::from_u32)
        .collect();
    prop::collection::vec(prop_oneof![select(all), select(ODD)], 1..5).prop_map(String::from_iter)
}

fn label() -> impl Strategy<Value = String> {
    let a_label = prop_oneof![odd(), folding(), "[a-zäößçéñ]{1,6}"].prop_map(|unicode| {
        let lower = unicode.to_lowercase();
        format!("xn--{}", idna::punycode::encode_str(&lower).unwrap_or_default())
    });
    prop_oneof![
        "[a-z]{1,3}",
        odd(),
        folding(),
        a_label,
        "xn--[a-z0-9-]{1,9}",
        "[xX][nN]--[a-zA-Z0-9-]{1,5}"
    ]
}

fn domain() -> impl Strategy<Value = String> {
    prop_oneof![
        label().prop_map(|label| format!("{label}.example")),
        (label(), label()).prop_map(|(one, two)| format!("{one}.{two}.example")),
    ]
}

fn local() -> impl Strategy<Value = String> {
    prop_oneof![odd(), folding(), "[a-zA-Z0-9.+]{1,5}"]
}

/// Another spelling of `text`, of the same mailbox or of another.
fn respelt(text: &str, how: usize) -> String {
    match how {
        0 => text.to_uppercase(),
        1 => text.to_lowercase(),
        2 => ComposingNormalizer::new_nfkc().normalize(text).into_owned(),
        3 => DecomposingNormalizer::new_nfd().normalize(text).into_owned(),
        4 => text
            .replace('ß', "ss")
            .replace('ς', "σ")
            .replace(['\u{200c}', '\u{200d}'], ""),
        5 => Uts46::new()
            .to_unicode(text.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast)
            .0
            .into_owned(),
        6 => ascii(text).unwrap_or_default(),
        _ => text.to_owned(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn v7_what_is_shown_can_be_typed(local in local(), domain in domain()) {
        let typed = format!("{local}@{domain}");
        if let Ok(email) = typed.parse::<Email>() {
            assert_can_be_typed(&email);
            prop_assert_eq!(NormalizedEmail::from_typed(typed.trim()), Some(email.normalized().clone()));
        }
    }

    #[test]
    fn v7_two_addresses_are_one_exactly_if_their_ascii_domains_and_folded_local_parts_are(
        (local, domain) in (local(), domain()), l in 0..8_usize, d in 0..8_usize,
    ) {
        let (other_local, other_domain) = (respelt(&local, l), respelt(&domain, d));
        let one = NormalizedEmail::from_typed(&format!("{local}@{domain}"));
        let other = NormalizedEmail::from_typed(&format!("{other_local}@{other_domain}"));
        if let (Some(one), Some(other)) = (one, other) {
            let is_one = caseless(&local) == caseless(&other_local) && ascii(&domain) == ascii(&other_domain);
            prop_assert_eq!(one == other, is_one, "{:?} {:?}", one, other);
        }
    }

    #[test]
    fn parsing_never_panics(typed in "\\PC{0,40}|[a-zA-Zéßﬀ.@＠\\x00-\\x20-]{0,20}@[a-zA-Zü.-]{0,20}") {
        if let Ok(email) = typed.parse::<Email>() {
            assert_can_be_typed(&email);
            prop_assert_eq!(email.normalized().as_str().matches('@').count(), 1);
        }
    }

    #[test]
    fn case_never_makes_another_address(local in "[a-zA-Z0-9éÉñÑøØ]{1,12}", domain in "[a-z]{1,8}\\.(com|org)") {
        let lower = format!("{}@{}", local.to_lowercase(), domain);
        let upper = format!("{}@{}", local.to_uppercase(), domain.to_uppercase());
        prop_assert_eq!(normalized(&lower), normalized(&upper));
    }
}
