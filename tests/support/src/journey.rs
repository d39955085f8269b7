//! The HTTP contract, sentence by sentence. A test program says them of its own services, row by row.

mod case;
mod claims;
mod errors;
pub mod log_in;
mod log_ins;
mod log_out;
mod refresh;
mod register;
mod reset;
mod roles;
mod row;
mod smoke;
mod superuser;
mod users;
mod verification;

use std::pin::Pin;

pub use {
    case::Case,
    claims::{decoded, jti_of},
    row::{Row, is_full, within_patience},
    smoke::{said, said_of_refresh},
};

/// One promise of the contract.
#[derive(Clone, Copy, Debug)]
pub struct Sentence {
    /// The module in which it stands, and the path to that.
    pub module: &'static str,
    pub name: &'static str,
    pub says: Says,
}

type Says = for<'a> fn(&'a Case) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

impl Sentence {
    /// `log_in::a_token_elsewhere_is_no_credential`.
    pub fn path(&self) -> String {
        let module = self.module.rsplit("::").next().unwrap_or(self.module);
        format!("{module}::{}", self.name)
    }
}

/// Lists these `async fn(&Case)` of a module as its `SENTENCES`.
#[macro_export]
macro_rules! sentences {
    ($($sentence:ident)*) => {
        pub(super) const SENTENCES: &[$crate::journey::Sentence] = &[$(
            $crate::journey::Sentence {
                module: module_path!(),
                name: stringify!($sentence),
                says: |case| Box::pin($sentence(case)),
            }
        ),*];
    };
}

/// Every sentence that is said of whatever backend.
pub fn sentences() -> Vec<Sentence> {
    [
        errors::SENTENCES,
        log_in::SENTENCES,
        log_ins::SENTENCES,
        log_out::SENTENCES,
        register::SENTENCES,
        reset::SENTENCES,
        roles::SENTENCES,
        superuser::SENTENCES,
        users::SENTENCES,
        verification::SENTENCES,
    ]
    .concat()
}

/// Every sentence that is said of a backend with refresh tokens.
pub fn sentences_of_refresh() -> &'static [Sentence] {
    refresh::SENTENCES
}

/// Every sentence that is said of a backend of JWTs.
pub fn sentences_of_jwts() -> &'static [Sentence] {
    claims::SENTENCES
}
