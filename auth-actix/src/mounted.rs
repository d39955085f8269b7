//! One [`Auth`](crate::Auth) for each type of user in an `App` or scope.

use std::{
    any::type_name,
    marker::PhantomData,
    rc::{Rc, Weak},
};

use actix_web::{
    dev::{AppService, HttpServiceFactory},
    web::ServiceConfig,
};
use auth_core::{Profile, User, UserId};

/// A mark in the data of an `App` or scope, which the next one of the same type replaces.
struct Mark<Id, P> {
    _place: Rc<()>,
    user: PhantomData<fn() -> User<Id, P>>,
}

/// Mounts nothing. It checks its mark when the `App` starts.
struct Mounted<Id, P> {
    mark: Weak<()>,
    user: PhantomData<fn() -> User<Id, P>>,
}

/// Makes the `App` panic at start if another `Auth` is mounted in the same place for users of this type, because
/// extractors would only use the last one.
pub(crate) fn only_once<Id: UserId, P: Profile>(config: &mut ServiceConfig) {
    let place = Rc::new(());
    let mounted = Mounted::<Id, P> {
        mark: Rc::downgrade(&place),
        user: PhantomData,
    };
    let mark = Mark::<Id, P> {
        _place: place,
        user: PhantomData,
    };
    config.app_data(mark).service(mounted);
}

impl<Id: UserId, P: Profile> HttpServiceFactory for Mounted<Id, P> {
    fn register(self, _config: &mut AppService) {
        assert!(
            self.mark.strong_count() > 0,
            "the routes of two `Auth`s for users with ids `{}` and profiles `{}` are mounted in one `App` or scope, and its \
             extractors could not tell which of them to ask: mount one of them in a scope of its own, or give its users a profile \
             type of their own",
            type_name::<Id>(),
            type_name::<P>()
        );
    }
}
