//! The libraries in C of those who make the databases.

use std::fs;

/// Neither is linked into the program nor loaded by it.
pub(crate) fn no_client_library_in_c_is_needed() {
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock");
    let lock = fs::read_to_string(lock).expect("the packages of the workspace");
    assert!(lock.contains("\nname = \"tokio-postgres\"\n") && lock.contains("\nname = \"mysql_async\"\n"));
    for bindings in [
        "pq-sys",
        "pq-src",
        "mysqlclient-sys",
        "mysqlclient-src",
        "libmariadb-sys",
    ] {
        assert!(
            !lock.contains(&format!("\nname = \"{bindings}\"\n")),
            "{bindings}"
        );
    }
    // What is loaded from a file stands there; elsewhere than on Linux the packages have to do.
    if let Ok(loaded) = fs::read_to_string("/proc/self/maps") {
        assert!(loaded.contains("libc"), "the libraries of this process");
        for library in ["libpq", "libmysqlclient", "libmariadb"] {
            assert!(!loaded.contains(library), "{library}");
        }
    }
}
