//! Every sentence of the HTTP contract, over real HTTP: for each kind of backend, with verification required and not,
//! on SQLite and in memory.

#[path = "../harness/harness.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "each test binary uses its own part of the harness"
)]
mod harness;

mod backends;
mod case;
mod claims;
mod current_user;
mod errors;
mod expiry;
mod json_web_token;
mod log_in;
mod log_out;
mod own_routes;
mod register;
mod reset;
mod superuser;
mod users;
mod verification;

use case::Case;
use harness::{Blueprint, Kind, Service, Store};

impl Case {
    /// Runs `sentence` against a new service.
    fn run(store: Store, kind: Kind, verification: bool, sentence: impl AsyncFnOnce(&Case)) {
        let mut blueprint = Blueprint::of(&[kind]);
        blueprint.store = store;
        Self::run_on(blueprint, verification, sentence);
    }

    fn run_on(mut blueprint: Blueprint, verification: bool, sentence: impl AsyncFnOnce(&Case)) {
        blueprint.verification = verification;
        let kind = blueprint.backends[0];
        harness::run(async {
            let service = Service::start(blueprint).await;
            let case = Case {
                service,
                kind,
                verification,
            };
            sentence(&case).await;
        });
    }
}

/// Makes a test of each of these `async fn(&Case)` for each kind of backend, store and setting.
macro_rules! sentences {
    ($($sentence:ident)*) => {
        mod sqlite {
            $crate::of_each_backend! { Sqlite: $($sentence)* }
        }
        mod memory {
            $crate::of_each_backend! { Memory: $($sentence)* }
        }
    };
}

/// The same, for the backends of JWTs.
macro_rules! sentences_of_jwts {
    ($($sentence:ident)*) => {
        mod sqlite {
            mod jwt_bearer {
                $crate::of_each_setting! { Sqlite JwtBearer: $($sentence)* }
            }
            mod jwt_cookie {
                $crate::of_each_setting! { Sqlite JwtCookie: $($sentence)* }
            }
        }
    };
}

macro_rules! of_each_backend {
    ($store:ident: $($sentence:ident)*) => {
        mod jwt_bearer {
            $crate::of_each_setting! { $store JwtBearer: $($sentence)* }
        }
        mod db_bearer {
            $crate::of_each_setting! { $store DbBearer: $($sentence)* }
        }
        mod db_cookie {
            $crate::of_each_setting! { $store DbCookie: $($sentence)* }
        }
    };
}

macro_rules! of_each_setting {
    ($store:ident $kind:ident: $($sentence:ident)*) => {
        mod open {
            $(
                #[test]
                fn $sentence() {
                    use $crate::harness::{Kind, Store};
                    $crate::Case::run(Store::$store, Kind::$kind, false, super::super::super::$sentence);
                }
            )*
        }
        mod verified_only {
            $(
                #[test]
                fn $sentence() {
                    use $crate::harness::{Kind, Store};
                    $crate::Case::run(Store::$store, Kind::$kind, true, super::super::super::$sentence);
                }
            )*
        }
    };
}

use {of_each_backend, of_each_setting, sentences, sentences_of_jwts};
