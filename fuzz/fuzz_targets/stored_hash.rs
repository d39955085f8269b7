//! Any text as a stored password hash: never a panic, and never one that costs more than is promised.

#![no_main]

use auth_users::StoredHash;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(hash) = StoredHash::parse(text) else {
        return;
    };
    assert!(!format!("{hash:?}").contains(text));
    match hash.scheme() {
        "bcrypt" => check_bcrypt(text),
        "argon2id" | "argon2i" | "argon2d" => check_argon2(text, hash.scheme()),
        other => panic!("accepted as a scheme: {other}"),
    }
});

fn check_bcrypt(hash: &str) {
    assert_eq!(hash.len(), 60);
    let cost: u32 = hash[4..6].parse().expect("a number");
    assert!((4..=14).contains(&cost));
}

/// Reads the parameters by itself; one that is not written has the default of the crate that verifies.
fn check_argon2(hash: &str, scheme: &str) {
    assert!(hash.len() <= 512);
    assert!(hash.starts_with(&format!("${scheme}$")));
    let parameter = |name: &str, default: u64| -> u64 {
        hash.split(['$', ','])
            .find_map(|part| part.strip_prefix(name))
            .map_or(default, |number| number.parse().expect("a number"))
    };
    let (memory, passes, lanes) = (parameter("m=", 19_456), parameter("t=", 2), parameter("p=", 1));
    assert!(memory <= 128 * 1024 && passes >= 1 && (1..=16).contains(&lanes));
    assert!(memory * passes <= 512 * 1024);
}
