//! What a sentence is said of.

use std::ops::Deref;

use portcullis::User;

use crate::harness::{Kind, Pass, Sample, Service, address, person};

/// A service, and the backend through which one logs in.
pub(crate) struct Case {
    pub(crate) service: Service,
    pub(crate) kind: Kind,
    pub(crate) verification: bool,
}

impl Deref for Case {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}

impl Case {
    /// Somebody who may log in, here.
    pub(crate) fn someone(&self, name: &str) -> Sample {
        person(name).verified(self.verification)
    }

    /// A user who may log in, and a credential of theirs.
    pub(crate) async fn member(&self, name: &str) -> (User, Pass) {
        self.logged_in(self.someone(name)).await
    }

    /// A superuser who may log in, and a credential of theirs.
    pub(crate) async fn king(&self) -> (User, Pass) {
        self.logged_in(self.someone("arthur").superuser()).await
    }

    pub(crate) async fn logged_in(&self, sample: Sample) -> (User, Pass) {
        let user = self.seed(sample).await;
        let pass = self.pass(self.kind, user.email.as_str()).await;
        (user, pass)
    }

    /// A credential of this backend that was never issued.
    pub(crate) fn bad_pass(&self) -> Pass {
        Pass::new(self.kind, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    }

    /// A user logs in and is then no longer verified: they changed their e-mail, say.
    pub(crate) async fn no_longer_verified(&self, name: &str) -> (User, Pass) {
        let (user, pass) = self.member(name).await;
        self.set(&address(name), |user| user.is_verified = false).await;
        (user, pass)
    }
}
