//! What a sentence is said of.

use std::{ops::Deref, sync::Arc};

use portcullis::User;

use crate::{Answer, Kind, Pass, Sample, Site, address, person};

/// A service, and the backend through which one logs in.
pub struct Case {
    pub site: Arc<Site>,
    pub kind: Kind,
    pub verification: bool,
}

impl Deref for Case {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Case {
    /// Somebody who may log in, here.
    pub fn someone(&self, name: &str) -> Sample {
        person(name).verified(self.verification)
    }

    /// A user who may log in, and a credential of theirs.
    pub async fn member(&self, name: &str) -> (User, Pass) {
        self.logged_in(self.someone(name)).await
    }

    /// A superuser who may log in, and a credential of theirs.
    pub async fn king(&self) -> (User, Pass) {
        self.logged_in(self.someone("arthur").superuser()).await
    }

    pub async fn logged_in(&self, sample: Sample) -> (User, Pass) {
        let user = self.seed(sample).await;
        let pass = self.pass(self.kind, user.email.as_str()).await;
        (user, pass)
    }

    /// A credential of this backend that was never issued.
    pub fn bad_pass(&self) -> Pass {
        Pass::new(self.kind, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    }

    /// Presents the refresh token of `pass`, the way it travels.
    pub async fn refreshed(&self, pass: &Pass) -> Answer {
        self.refresh(self.kind, pass.refresh()).await
    }

    /// A user logs in and is then no longer verified: they changed their e-mail, say.
    pub async fn no_longer_verified(&self, name: &str) -> (User, Pass) {
        let (user, pass) = self.member(name).await;
        self.set(&address(name), |user| user.is_verified = false).await;
        (user, pass)
    }
}
