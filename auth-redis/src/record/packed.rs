//! Texts in fewer bytes. A packed text is the text itself, or it has bytes that UTF-8 never has.

use std::{borrow::Cow, net::IpAddr};

use uuid::Uuid;

use super::Malformed;

/// Begins a packed UUID or IP address; its bytes follow.
const BYTES: u8 = 0xff;

/// Phrases of most browsers' `User-Agent`, and the byte that stands for each. The table is part of the stored form:
/// never change an entry.
const PHRASES: [(u8, &str); 13] = [
    (0xc0, "Mozilla/5.0 ("),
    (0xc1, "Windows NT 10.0; Win64; x64"),
    (0xf5, "Macintosh; Intel Mac OS X 10"),
    (0xf6, "X11; Linux x86_64"),
    (0xf7, "Linux; Android 10; K"),
    (0xf8, "iPhone; CPU iPhone OS "),
    (0xf9, " like Mac OS X"),
    (0xfa, ") AppleWebKit/537.36 (KHTML, like Gecko) Chrome/"),
    (0xfb, ".0.0.0 Safari/537.36"),
    (0xfc, ".0.0.0 Mobile Safari/537.36"),
    (0xfd, ") AppleWebKit/605.1.15 (KHTML, like Gecko) Version/"),
    (0xfe, " Mobile/15E148 Safari/604.1"),
    (0xff, ".0) Gecko/20100101 Firefox/"),
];

/// A UUID as its 16 bytes, if the text is the usual one of it.
pub(super) fn id(text: &str) -> Cow<'_, [u8]> {
    match text.parse::<Uuid>() {
        Ok(id) if id.to_string() == text => behind_mark(id.as_bytes()),
        _ => Cow::Borrowed(text.as_bytes()),
    }
}

pub(super) fn id_from(packed: &[u8]) -> Result<String, Malformed> {
    with_id(packed, str::to_owned)
}

/// What `read` makes of the text of an id.
pub(super) fn with_id<T>(packed: &[u8], read: impl FnOnce(&str) -> T) -> Result<T, Malformed> {
    match packed.split_first() {
        Some((&BYTES, id)) => {
            let id = Uuid::from_slice(id).map_err(|_| Malformed::Text)?;
            Ok(read(id.hyphenated().encode_lower(&mut Uuid::encode_buffer())))
        }
        _ => std::str::from_utf8(packed).map(read).map_err(|_| Malformed::Text),
    }
}

/// An IP address as its 4 or 16 bytes, if the text is the usual one of it.
pub(super) fn address(text: &str) -> Cow<'_, [u8]> {
    match text.parse::<IpAddr>() {
        Ok(address) if address.to_string() == text => match address {
            IpAddr::V4(address) => behind_mark(&address.octets()),
            IpAddr::V6(address) => behind_mark(&address.octets()),
        },
        _ => Cow::Borrowed(text.as_bytes()),
    }
}

pub(super) fn address_from(packed: &[u8]) -> Result<String, Malformed> {
    match packed.split_first() {
        Some((&BYTES, octets)) => {
            let address = <[u8; 4]>::try_from(octets)
                .map(IpAddr::from)
                .or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from));
            address
                .map(|address| address.to_string())
                .map_err(|_| Malformed::Text)
        }
        _ => text(packed.to_vec()),
    }
}

/// The text with a byte for each phrase.
pub(super) fn user_agent(text: &str) -> Vec<u8> {
    let (mut packed, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&next, behind)) = rest.split_first() {
        let phrase = PHRASES
            .iter()
            .find_map(|(mark, phrase)| Some((*mark, rest.strip_prefix(phrase.as_bytes())?)));
        let (byte, behind) = phrase.unwrap_or((next, behind));
        packed.push(byte);
        rest = behind;
    }
    packed
}

pub(super) fn user_agent_from(packed: &[u8]) -> Result<String, Malformed> {
    let mut bytes = Vec::with_capacity(4 * packed.len());
    for byte in packed {
        match PHRASES.iter().find(|(mark, _)| mark == byte) {
            Some((_, phrase)) => bytes.extend_from_slice(phrase.as_bytes()),
            None => bytes.push(*byte),
        }
    }
    text(bytes)
}

fn behind_mark(bytes: &[u8]) -> Cow<'static, [u8]> {
    Cow::Owned([&[BYTES], bytes].concat())
}

fn text(bytes: Vec<u8>) -> Result<String, Malformed> {
    String::from_utf8(bytes).map_err(|_| Malformed::Text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BROWSERS: [(&str, usize); 8] = [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
            7,
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
            12,
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
            7,
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
            21,
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
            13,
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
            28,
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
            16,
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:143.0) Gecko/20100101 Firefox/143.0",
            19,
        ),
    ];

    #[test]
    fn what_browsers_call_themselves_takes_a_few_bytes() {
        for (text, bytes) in BROWSERS {
            let packed = user_agent(text);
            assert_eq!(packed.len(), bytes, "{text}");
            assert_eq!(user_agent_from(&packed).expect("a text"), text);
        }
    }

    #[test]
    fn no_text_has_a_byte_that_stands_for_a_phrase() {
        for character in '\0'..=char::MAX {
            let mut bytes = [0; 4];
            let bytes = character.encode_utf8(&mut bytes).as_bytes();
            assert!(
                !bytes.contains(&BYTES) && !PHRASES.iter().any(|(mark, _)| bytes.contains(mark)),
                "{character:?}"
            );
        }
    }

    #[test]
    fn ids_and_addresses_are_kept_to_the_letter() {
        for (text, bytes) in [
            ("01941f29-7c7b-7000-8000-00000000002a", 17),
            ("01941F29-7c7b-7000-8000-00000000002a", 36),
            ("01941f297c7b7000800000000000002a", 32),
            ("7", 1),
            ("", 0),
        ] {
            let packed = id(text);
            assert_eq!(packed.len(), bytes, "{text}");
            assert_eq!(id_from(&packed).expect("a text"), text);
        }
        for (text, bytes) in [
            ("203.0.113.7", 5),
            ("2001:db8:85a3::8a2e:370:7334", 17),
            ("::ffff:203.0.113.7", 17),
            ("2001:DB8::7", 11),
            ("203.0.113.7:80", 14),
            ("", 0),
        ] {
            let packed = address(text);
            assert_eq!(packed.len(), bytes, "{text}");
            assert_eq!(address_from(&packed).expect("a text"), text);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_unpacked_as_it_was(text: String, cut in 0..120_usize, browser in 0..BROWSERS.len()) {
            let browser: String = BROWSERS[browser].0.chars().skip(cut).collect();
            for text in [browser.clone() + &text, text + &browser] {
                prop_assert_eq!(&id_from(&id(&text)).expect("a text"), &text);
                prop_assert_eq!(&address_from(&address(&text)).expect("a text"), &text);
                prop_assert_eq!(&user_agent_from(&user_agent(&text)).expect("a text"), &text);
            }
        }

        #[test]
        fn any_bytes_are_a_text_or_an_error(bytes: Vec<u8>) {
            let _whether = (id_from(&bytes), address_from(&bytes), user_agent_from(&bytes));
        }
    }
}
