//! Everything that stands in a store, and how a secret would be found in it.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

/// Each byte stands as the character of its number: the standard library finds text quickly, and bytes not at all.
pub struct Dump(String);

fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

impl Dump {
    pub fn new(bytes: &[u8]) -> Self {
        Self(text(bytes))
    }

    pub fn holds(&self, bytes: &[u8]) -> bool {
        self.0.contains(&text(bytes))
    }

    /// Whether the bytes stand in it as they are, or in hexadecimal or base64, perhaps with other bytes around them.
    pub fn tells(&self, bytes: &[u8]) -> bool {
        forms(bytes).any(|form| self.holds(&form))
    }
}

fn forms(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let hexadecimal: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![
        bytes.to_vec(),
        hexadecimal.to_uppercase().into(),
        hexadecimal.into(),
    ];
    for base64 in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        // By three bytes at a time: where the bytes begin among them decides how they look.
        for before in 0..3_usize {
            let encoded = base64.encode([&[0; 3][..before], bytes].concat());
            let whole = (before + bytes.len()) / 3 * 4;
            // What shares a letter with the bytes around is unknown.
            let start = (before * 8).div_ceil(6);
            forms.push(encoded.as_bytes()[start..whole].to_vec());
        }
    }
    forms.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_form_and_wherever_it_begins() {
        let secret = b"correct horse battery staple";
        for before in ["", "a", "ab", "abc"] {
            let text = [before.as_bytes(), secret, b"!?"].concat();
            let hexadecimal: String = text.iter().map(|byte| format!("{byte:02x}")).collect();
            for stored in [
                text.clone(),
                hexadecimal.clone().into(),
                hexadecimal.to_uppercase().into(),
                STANDARD_NO_PAD.encode(&text).into(),
                URL_SAFE_NO_PAD.encode(&text).into(),
            ] {
                let dump = Dump::new(&stored);
                assert!(dump.tells(secret), "{before}");
                assert!(!dump.tells(b"correct horse battery stable"));
            }
        }
    }
}
