//! What a route asks of its user, as a type.

use auth_http::Requirement;

/// What a route asks of its user. Every role asks for an active user.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no role",
    label = "no role",
    note = "roles are `Active`, `Verified`, `Superuser` and `VerifiedSuperuser`",
    note = "the role comes first: `CurrentUser<Active, i64, Member>` for users with ids and profiles of your own"
)]
pub trait Role: Copy + 'static {
    /// What is asked beside being active.
    const REQUIREMENT: Requirement;
}

/// An active user.
#[derive(Clone, Copy, Debug)]
pub struct Active;

/// An active user with a verified e-mail.
#[derive(Clone, Copy, Debug)]
pub struct Verified;

/// An active superuser.
#[derive(Clone, Copy, Debug)]
pub struct Superuser;

/// An active superuser with a verified e-mail.
#[derive(Clone, Copy, Debug)]
pub struct VerifiedSuperuser;

impl Role for Active {
    const REQUIREMENT: Requirement = Requirement {
        verified: false,
        superuser: false,
    };
}

impl Role for Verified {
    const REQUIREMENT: Requirement = Requirement {
        verified: true,
        superuser: false,
    };
}

impl Role for Superuser {
    const REQUIREMENT: Requirement = Requirement {
        verified: false,
        superuser: true,
    };
}

impl Role for VerifiedSuperuser {
    const REQUIREMENT: Requirement = Requirement {
        verified: true,
        superuser: true,
    };
}
