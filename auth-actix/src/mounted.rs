//! The place of the routes of an [`Auth`](crate::Auth). An `App` or scope has one `Auth` for each type of user.

use std::{
    any::type_name,
    marker::PhantomData,
    rc::{Rc, Weak},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use actix_web::{
    HttpRequest,
    dev::{AppService, HttpServiceFactory},
    test::TestRequest,
    web::{Data, ServiceConfig},
};
use auth_core::{Profile, User, UserId};

use crate::auth::Shared;

/// A resource of the library, whose path shows where the routes are mounted.
pub(crate) struct Landmark {
    /// Its name, which no other resource of the `App` has.
    pub(crate) name: String,
    /// Its path, as the table of routes has it.
    pub(crate) path: String,
}

/// The names of the cookies of the backends whose routes were mounted last in an `App` or scope.
pub(crate) struct BackendCookies(Vec<String>);

impl BackendCookies {
    pub(crate) fn have_one_of(&self, names: &[String]) -> bool {
        names.iter().any(|name| self.0.contains(name))
    }
}

/// A mark in the data of an `App` or scope, which the next one of the same type replaces.
struct Mark<Id, P> {
    by: Data<Shared<Id, P>>,
    landmark: Rc<Landmark>,
}

/// Mounts nothing. It checks its mark when the `App` starts.
struct Mounted<Id, P> {
    mark: Weak<Landmark>,
    user: PhantomData<fn() -> User<Id, P>>,
}

/// Leaves a mark for the routes of `by`, of which one has `path`.
///
/// It makes the `App` panic at start if another `Auth` is mounted in the same place for users of this type, because
/// extractors would only use the last one.
pub(crate) fn mark<Id: UserId, P: Profile>(
    config: &mut ServiceConfig,
    by: &Data<Shared<Id, P>>,
    path: &str,
) -> Rc<Landmark> {
    static MOUNTED: AtomicU64 = AtomicU64::new(0);
    let landmark = Rc::new(Landmark {
        name: format!("portcullis-{}", MOUNTED.fetch_add(1, Ordering::Relaxed)),
        path: path.to_owned(),
    });
    let mounted = Mounted::<Id, P> {
        mark: Rc::downgrade(&landmark),
        user: PhantomData,
    };
    let mark = Mark {
        by: by.clone(),
        landmark: Rc::clone(&landmark),
    };
    let cookies = by.endpoints.authenticator().cookies().collect();
    config
        .app_data(BackendCookies(cookies))
        .app_data(mark)
        .service(mounted);
    landmark
}

/// The landmark of `by` in the `App` or scope of the request. `None` if the routes are mounted elsewhere, or not at all.
pub(crate) fn landmark<'r, Id: UserId, P: Profile>(
    request: &'r HttpRequest,
    by: &Data<Shared<Id, P>>,
) -> Option<&'r Landmark> {
    let mark = request.app_data::<Mark<Id, P>>()?;
    Arc::ptr_eq(&mark.by, by).then_some(&*mark.landmark)
}

impl Landmark {
    /// The path in front of the routes' own, as the client wrote it.
    pub(crate) fn mount(&self, request: &HttpRequest) -> Option<String> {
        let written = request.match_info().get_ref().uri().path();
        Some(first_segments(written, self.depth(request)?).to_owned())
    }

    /// True if the router has come to the place of the routes: what it has not matched yet is a path as they have it.
    pub(crate) fn is_in_front(&self, request: &HttpRequest) -> bool {
        let path = request.match_info();
        let is_here = |depth| {
            first_segments(path.as_str(), depth).len() + path.unprocessed().len() == path.as_str().len()
        };
        self.depth(request).is_some_and(is_here)
    }

    /// The number of segments in front of the routes' own.
    fn depth(&self, request: &HttpRequest) -> Option<usize> {
        // actix-web tells a path only as a URL, in which dots would be resolved, and which needs a host: it takes that from
        // `Forwarded` and `X-Forwarded-Host`, which any client can send. So neither the parameters nor the request go in.
        let parameters = request.match_info().iter();
        let parameters = parameters.map(|(_, value)| vec!["x"; value.split('/').count()].join("/"));
        let url =
            request
                .resource_map()
                .url_for(&TestRequest::default().to_http_request(), &self.name, parameters);
        Some(url.ok()?.path().strip_suffix(&*self.path)?.matches('/').count())
    }
}

/// The first `number` segments of `path`. An encoded slash does not end one.
fn first_segments(path: &str, number: usize) -> &str {
    let end = path.match_indices('/').nth(number);
    end.map_or(path, |(end, _)| &path[..end])
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
