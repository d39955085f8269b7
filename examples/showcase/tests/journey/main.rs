//! Every sentence of the HTTP contract, said of the program itself: on each database, with and without Redis, for each
//! backend, with verification required and not. The sentences are those of the library's own journey.
//!
//! Each test has a process and a database to itself; the next one has them, too, once they are empty again. What needs a
//! clock that is set, or routes of an application's own, is said of the library alone.

#[allow(
    dead_code,
    unused_imports,
    reason = "the sentences of the showcase use their own part of what the library's use"
)]
mod harness;

#[path = "../../../../tests/journey/case.rs"]
mod case;
#[path = "../../../../tests/journey/claims.rs"]
mod claims;
#[path = "../../../../tests/journey/errors.rs"]
mod errors;
#[path = "../../../../tests/journey/log_in.rs"]
mod log_in;
#[path = "../../../../tests/journey/log_out.rs"]
mod log_out;
#[path = "../../../../tests/journey/register.rs"]
mod register;
#[path = "../../../../tests/journey/reset.rs"]
mod reset;
#[path = "../../../../tests/journey/superuser.rs"]
mod superuser;
#[path = "../../../../tests/journey/users.rs"]
mod users;
#[path = "../../../../tests/journey/verification.rs"]
mod verification;

mod dump;
mod protected;

use std::{
    panic::{self, AssertUnwindSafe},
    sync::LazyLock,
    time::Duration,
};

use tokio::{runtime::Runtime, time::timeout};

use case::Case;
use harness::{Kind, Place, Setting};

/// A test that takes longer has failed: it waits for what does not come.
const PATIENCE: Duration = Duration::from_secs(120);

/// The one that every test runs on: connections stay open from one to the next.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

impl Case {
    /// Runs `sentence` against a process at `place` that is all its own, and where nobody is registered.
    fn run(place: Place, kind: Kind, setting: Setting, sentence: impl AsyncFnOnce(&Case)) {
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
            let case = Case {
                service: within_patience("a process", harness::take(place, setting)),
                kind,
                verification: setting.verification,
            };
            let said = panic::catch_unwind(AssertUnwindSafe(|| {
                within_patience("the end of the sentence", sentence(&case));
            }));
            match said {
                Ok(()) => within_patience("the end of a process", harness::give_back(case.service)),
                Err(failure) => {
                    case.service.show_log();
                    within_patience("the end of the process", case.service.end());
                    panic::resume_unwind(failure);
                }
            }
        }));
        within_patience("the end of every process", harness::finish());
        if let Err(failure) = outcome {
            panic::resume_unwind(failure);
        }
    }
}

fn within_patience<T>(what: &str, comes: impl Future<Output = T>) -> T {
    let outcome = RUNTIME.block_on(async { timeout(PATIENCE, comes).await });
    outcome.unwrap_or_else(|_elapsed| panic!("in vain: {what}"))
}

/// Makes a test of each of these `async fn(&Case)` for each backend of each place.
///
/// It is the program that asks for a verified e-mail, not the store: where it is required, one backend of a place stands
/// for all on every database but SQLite.
macro_rules! sentences {
    ($($sentence:ident)*) => {
        $crate::places! { [$($sentence)*]
            sqlite [Sqlite Without]: {
                jwt(Jwt): open verified_only; db(Db): open verified_only; cookie(Cookie): open verified_only;
            }
            postgres [Postgres Without "needs PostgreSQL"]: {
                jwt(Jwt): open; db(Db): open verified_only; cookie(Cookie): open;
            }
            mariadb [MariaDb Without "needs MariaDB"]: {
                jwt(Jwt): open; db(Db): open; cookie(Cookie): open verified_only;
            }
            mongodb [MongoDb Without "needs MongoDB"]: {
                jwt(Jwt): open verified_only; db(Db): open; cookie(Cookie): open;
            }
            redis [Sqlite Single "needs Redis"]: {
                jwt(Jwt): open; db(Db): open; cookie(Cookie): open;
                redis(Redis): open verified_only; redis_cookie(RedisCookie): open verified_only;
            }
            redis_and_postgres [Postgres Single "needs PostgreSQL and Redis"]: {
                jwt(Jwt): open; db(Db): open; cookie(Cookie): open;
                redis(Redis): open; redis_cookie(RedisCookie): open verified_only;
            }
            redis_and_mariadb [MariaDb Single "needs MariaDB and Redis"]: {
                jwt(Jwt): open; db(Db): open; cookie(Cookie): open;
                redis(Redis): open verified_only; redis_cookie(RedisCookie): open;
            }
            redis_and_mongodb [MongoDb Single "needs MongoDB and Redis"]: {
                jwt(Jwt): open; db(Db): open; cookie(Cookie): open;
                redis(Redis): open; redis_cookie(RedisCookie): open verified_only;
            }
            redis_cluster [Sqlite Cluster "needs Redis Cluster"]: {
                redis(Redis): open verified_only; redis_cookie(RedisCookie): open;
            }
            redis_sentinel [Sqlite Sentinel "needs Redis Sentinel"]: {
                redis(Redis): open; redis_cookie(RedisCookie): open verified_only;
            }
        }
    };
}

/// The same for the backend of JWTs.
macro_rules! sentences_of_jwts {
    ($($sentence:ident)*) => {
        $crate::places! { [$($sentence)*]
            sqlite [Sqlite Without]: { jwt(Jwt): open verified_only; }
            postgres [Postgres Without "needs PostgreSQL"]: { jwt(Jwt): open; }
            mariadb [MariaDb Without "needs MariaDB"]: { jwt(Jwt): open; }
            mongodb [MongoDb Without "needs MongoDB"]: { jwt(Jwt): open; }
        }
    };
}

/// Makes a test of each of these for each place: they see to the backends by themselves.
macro_rules! sentences_of_places {
    ($($sentence:ident)*) => {
        $crate::places! { [$($sentence)*]
            sqlite [Sqlite Without]: { every_backend(Jwt): open; }
            postgres [Postgres Without "needs PostgreSQL"]: { every_backend(Jwt): open; }
            mariadb [MariaDb Without "needs MariaDB"]: { every_backend(Jwt): open; }
            mongodb [MongoDb Without "needs MongoDB"]: { every_backend(Jwt): open; }
            redis [Sqlite Single "needs Redis"]: { every_backend(Jwt): open; }
            redis_and_postgres [Postgres Single "needs PostgreSQL and Redis"]: { every_backend(Jwt): open; }
            redis_and_mariadb [MariaDb Single "needs MariaDB and Redis"]: { every_backend(Jwt): open; }
            redis_and_mongodb [MongoDb Single "needs MongoDB and Redis"]: { every_backend(Jwt): open; }
            redis_cluster [Sqlite Cluster "needs Redis Cluster"]: { every_backend(Jwt): open; }
            redis_sentinel [Sqlite Sentinel "needs Redis Sentinel"]: { every_backend(Jwt): open; }
        }
    };
}

macro_rules! places {
    ($sentences:tt $($name:ident $place:tt: $backends:tt)*) => {
        $(mod $name {
            $crate::backends! { $sentences $place $backends }
        })*
    };
}

macro_rules! backends {
    ($sentences:tt $place:tt { $($name:ident($kind:ident): $($setting:ident)*;)* }) => {
        $(mod $name {
            $($crate::setting! { $sentences $place $kind $setting })*
        })*
    };
}

macro_rules! setting {
    ([$($sentence:ident)*] $place:tt $kind:ident $setting:ident) => {
        mod $setting {
            $($crate::sentence! { $sentence $place $kind $setting })*
        }
    };
}

macro_rules! sentence {
    ($sentence:ident [$store:ident $redis:ident $($needs:literal)?] $kind:ident $setting:ident) => {
        #[test]
        $(#[ignore = $needs])?
        fn $sentence() {
            use $crate::harness::{Kind, Place, Redis, Setting, Store};
            let place = Place { store: Store::$store, redis: Redis::$redis };
            $crate::Case::run(place, Kind::$kind, Setting::$setting(), super::super::super::$sentence);
        }
    };
}

use {backends, places, sentence, sentences, sentences_of_jwts, sentences_of_places, setting};
