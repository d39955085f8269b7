//! Conditions on the user of a request.

use std::{any::type_name, sync::Arc};

use auth_core::{Credential, Permission, User};
use uuid::Uuid;

use crate::Authenticated;

/// A condition on the user and the credential of a request. Every route for users also requires an active user.
///
/// [`Active`] requires nothing more. [`Verified`] and [`Superuser`] require a flag, and [`InPerson`] that nobody else logged in
/// as the user. A [`Permission`] requires that a role of the user grants it. A function is your own rule. A pair requires both. A
/// type with a [`Default`] can also be the requirement of an extractor.
///
/// ```
/// use portcullis::{Credential, User, http::{Requirement, Verified}};
/// use uuid::Uuid;
///
/// /// Colleagues have an address of the company.
/// fn is_colleague(user: &User, _credential: &Credential<Uuid>) -> bool {
///     user.email.as_str().ends_with("@camelot.example")
/// }
///
/// fn verified_colleagues() -> impl Requirement {
///     (Verified, is_colleague)
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no requirement of a user with ids of `{Id}` and a profile of `{P}`",
    label = "no requirement",
    note = "requirements are `Active`, `Verified`, `Superuser`, `VerifiedSuperuser`, `InPerson`, a permission such as `Permission::from_static(\"reports:read\")`, a function like `fn(&User<{Id}, {P}>, &Credential<{Id}>) -> bool`, and your own types that implement `Requirement`",
    note = "an extractor names the requirement first: `CurrentUser<Active, i64, Member>` for users with ids and profiles of your own"
)]
pub trait Requirement<Id = Uuid, P = ()>: Send + Sync + 'static {
    /// True if the user and the credential that were `found` meet it.
    fn is_met(&self, found: &Authenticated<Id, P>) -> bool;

    /// Its name in the event of a 403: by default that of the type or function.
    fn name(&self) -> String {
        type_name::<Self>().to_owned()
    }
}

/// An active user. Every route for users requires that.
#[derive(Clone, Copy, Debug, Default)]
pub struct Active;

/// A user with a verified e-mail.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verified;

/// A superuser.
#[derive(Clone, Copy, Debug, Default)]
pub struct Superuser;

/// A superuser with a verified e-mail.
#[derive(Clone, Copy, Debug, Default)]
pub struct VerifiedSuperuser;

/// A user who acts for themselves: nobody else [logged in as them](auth_users::Identified::acting).
///
/// Ask for it on routes that only the user may use, and on the one on which a superuser logs in as somebody else:
/// `CurrentUser<(Superuser, InPerson)>`.
#[derive(Clone, Copy, Debug, Default)]
pub struct InPerson;

impl<Id, P> Requirement<Id, P> for Active {
    fn is_met(&self, _found: &Authenticated<Id, P>) -> bool {
        true
    }

    fn name(&self) -> String {
        "Active".to_owned()
    }
}

impl<Id, P> Requirement<Id, P> for Verified {
    fn is_met(&self, found: &Authenticated<Id, P>) -> bool {
        found.user.is_verified
    }

    fn name(&self) -> String {
        "Verified".to_owned()
    }
}

impl<Id, P> Requirement<Id, P> for Superuser {
    fn is_met(&self, found: &Authenticated<Id, P>) -> bool {
        found.user.is_superuser
    }

    fn name(&self) -> String {
        "Superuser".to_owned()
    }
}

impl<Id, P> Requirement<Id, P> for VerifiedSuperuser {
    fn is_met(&self, found: &Authenticated<Id, P>) -> bool {
        found.user.is_verified && found.user.is_superuser
    }

    fn name(&self) -> String {
        "VerifiedSuperuser".to_owned()
    }
}

impl<Id, P> Requirement<Id, P> for InPerson {
    fn is_met(&self, found: &Authenticated<Id, P>) -> bool {
        found.credential.actor.is_none()
    }

    fn name(&self) -> String {
        "InPerson".to_owned()
    }
}

/// A user with the permission, by the [roles](auth_core::Roles) that the service defines.
impl<Id, P> Requirement<Id, P> for Permission {
    fn is_met(&self, found: &Authenticated<Id, P>) -> bool {
        found.permits(self)
    }

    fn name(&self) -> String {
        format!("permission {self}")
    }
}

/// Both.
impl<Id, P, A: Requirement<Id, P>, B: Requirement<Id, P>> Requirement<Id, P> for (A, B) {
    fn is_met(&self, found: &Authenticated<Id, P>) -> bool {
        self.0.is_met(found) && self.1.is_met(found)
    }

    fn name(&self) -> String {
        format!("{} and {}", self.0.name(), self.1.name())
    }
}

/// `None` requires nothing more.
impl<Id, P, R: Requirement<Id, P>> Requirement<Id, P> for Option<R> {
    fn is_met(&self, found: &Authenticated<Id, P>) -> bool {
        self.as_ref().is_none_or(|required| required.is_met(found))
    }

    fn name(&self) -> String {
        self.as_ref()
            .map_or_else(|| Requirement::<Id, P>::name(&Active), R::name)
    }
}

impl<Id: 'static, P: 'static> Requirement<Id, P> for Arc<dyn Requirement<Id, P>> {
    fn is_met(&self, found: &Authenticated<Id, P>) -> bool {
        (**self).is_met(found)
    }

    fn name(&self) -> String {
        (**self).name()
    }
}

/// A rule of the application.
impl<Id, P, F> Requirement<Id, P> for F
where
    F: Fn(&User<Id, P>, &Credential<Id>) -> bool + Send + Sync + 'static,
{
    fn is_met(&self, found: &Authenticated<Id, P>) -> bool {
        self(&found.user, &found.credential)
    }
}

/// A type that requires a [`Permission`], for the signature of a handler: `CurrentUser<ReadReports>`, or
/// `CurrentUser<(Verified, ReadReports)>`. A wrong name of a permission does not compile.
///
/// ```
/// use portcullis::http::{Requirement, Verified, permission};
///
/// permission! {
///     /// Reads the reports.
///     pub struct ReadReports = "reports:read";
///     struct WriteReports = "reports:write";
/// }
///
/// fn verified_readers() -> impl Requirement {
///     (Verified, ReadReports)
/// }
/// # fn _writers() -> impl Requirement { WriteReports }
/// ```
///
/// ```compile_fail
/// portcullis::http::permission! {
///     struct ReadReports = "reports:*";
/// }
/// ```
#[macro_export]
macro_rules! permission {
    ($($(#[$meta:meta])* $vis:vis struct $name:ident = $permission:literal;)+) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Copy, Debug, Default)]
            $vis struct $name;

            impl $name {
                const PERMISSION: $crate::__private::Permission = $crate::__private::Permission::from_static($permission);
            }

            impl<Id, P> $crate::Requirement<Id, P> for $name {
                fn is_met(&self, found: &$crate::Authenticated<Id, P>) -> bool {
                    found.permits(&Self::PERMISSION)
                }

                fn name(&self) -> ::std::string::String {
                    $crate::Requirement::<Id, P>::name(&Self::PERMISSION)
                }
            }
        )+
    };
}
