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
mod current_user;
mod errors;
mod json_web_token;
mod log_in;
mod log_out;
mod register;
mod reset;
mod superuser;
mod users;
mod verification;

use std::ops::Deref;

use harness::{Blueprint, Kind, Pass, Sample, Service, Store, address, person};
use portcullis::User;

/// A service with one backend.
struct Case {
    service: Service,
    kind: Kind,
    verification: bool,
}

impl Deref for Case {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}

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

    /// Somebody who may log in, here.
    fn someone(&self, name: &str) -> Sample {
        person(name).verified(self.verification)
    }

    /// A user who may log in, and a credential of theirs.
    async fn member(&self, name: &str) -> (User, Pass) {
        self.logged_in(self.someone(name)).await
    }

    /// A superuser who may log in, and a credential of theirs.
    async fn king(&self) -> (User, Pass) {
        self.logged_in(self.someone("arthur").superuser()).await
    }

    async fn logged_in(&self, sample: Sample) -> (User, Pass) {
        let user = self.seed(sample).await;
        let pass = self.pass(self.kind, user.email.as_str()).await;
        (user, pass)
    }

    /// A credential of this backend that was never issued.
    fn bad_pass(&self) -> Pass {
        Pass::new(self.kind, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    }

    /// A user logs in and is then no longer verified: they changed their e-mail, say.
    async fn no_longer_verified(&self, name: &str) -> (User, Pass) {
        let (user, pass) = self.member(name).await;
        self.set(&address(name), |user| user.is_verified = false).await;
        (user, pass)
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

use {of_each_backend, of_each_setting, sentences};
