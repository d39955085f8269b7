//! The routes for where a user is logged in.

use std::{collections::HashSet, ptr};

use auth_core::{
    AccessToken, AccessTokenIndex, Profile, ShardTag, StoreError, TokenId, TokenLookup, User, UserId,
    user_id_from_text,
};
use auth_users::EventKind;
use futures_util::{
    StreamExt as _, TryStreamExt as _,
    future::{join_all, ready, try_join_all},
    stream,
};
use serde::Serialize;
use time::{OffsetDateTime, UtcOffset};
use uuid::Uuid;

use super::{Asked, Endpoints, Family, Mount, log_in::shortened, users::ID};
use crate::{AuthBackend, Authenticated, HttpError, Method, RequestHead, Response, Route};

/// The segment of a log-in's id, beside that of its user.
const SID: &str = "/{sid}";

/// The number of log-ins that one request ends at the same time.
const CONCURRENT_ENDS: usize = 8;

/// The routes of this file. Those with `Of` are for superusers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LogInsRoute {
    List,
    EndOthers,
    End,
    LogOutEverywhere,
    ListOf,
    EndAllOf,
    EndOf,
}

impl From<LogInsRoute> for Family {
    fn from(route: LogInsRoute) -> Self {
        Self::LogIns(route)
    }
}

/// The routes. All but one need a backend that `lists`.
pub(super) fn routes(mount: &Mount, lists: bool) -> impl Iterator<Item = Route> {
    use LogInsRoute::{End, EndAllOf, EndOf, EndOthers, List, ListOf, LogOutEverywhere};
    let own = format!("{}/sessions", mount.auth_path);
    let everywhere = format!("{}/logout-everywhere", mount.auth_path);
    let theirs = format!("{}{ID}/sessions", mount.users_path);
    let (one, one_of_theirs) = (format!("{own}{ID}"), format!("{theirs}{SID}"));
    let of_users = lists && mount.users;
    [
        (lists, Method::Get, own.clone(), "auth:sessions", List),
        (lists, Method::Delete, own, "auth:delete_sessions", EndOthers),
        (lists, Method::Delete, one, "auth:delete_session", End),
        (
            true,
            Method::Post,
            everywhere,
            "auth:logout_everywhere",
            LogOutEverywhere,
        ),
        (of_users, Method::Get, theirs.clone(), "users:sessions", ListOf),
        (
            of_users,
            Method::Delete,
            theirs,
            "users:delete_sessions",
            EndAllOf,
        ),
        (
            of_users,
            Method::Delete,
            one_of_theirs,
            "users:delete_session",
            EndOf,
        ),
    ]
    .into_iter()
    .filter(|(is_mounted, ..)| *is_mounted)
    .map(|(_, method, path, name, route)| Route::new(method, path, name, route))
}

impl<Id: UserId, P: Profile> Endpoints<Id, P> {
    /// Ends every credential of the user of `current`, at every backend, including `current` and plain JWTs. The answer is
    /// 204, and removes the cookies of `current`.
    ///
    /// # Errors
    /// - [`HttpError::Unauthorized`] if the user's credentials were ended since `current` was read.
    /// - [`HttpError::Forbidden`] if an unsafe request for a cookie comes from another site. Nothing is ended.
    /// - [`HttpError::NotFound`] if the backend of `current` does not exist.
    /// - [`HttpError::Unavailable`] if the store of the users does not answer. The credentials may still be valid.
    pub async fn log_out_everywhere(
        &self,
        current: &Authenticated<Id, P>,
        head: &impl RequestHead,
    ) -> Result<Response, HttpError> {
        let backend = self.backend_for(&current.backend, head)?;
        // As it also ends the present one, no credential is left.
        let users = self.users_for(Some(current), head);
        if users.log_out_elsewhere(&current.user).await?.is_none() {
            return Err(self.unauthorized_at(backend, head));
        }
        Ok(self.authenticator.clear(backend, head))
    }

    pub(super) async fn call_log_ins(
        &self,
        route: LogInsRoute,
        asked: &Asked<'_, impl RequestHead, Id, P>,
    ) -> Result<Response, HttpError> {
        use LogInsRoute::{End, EndAllOf, EndOf, EndOthers, List, ListOf, LogOutEverywhere};
        let current = match route {
            List | EndOthers | End | LogOutEverywhere => {
                self.require(asked, &self.base_requirement()).await?
            }
            ListOf => self.require_superuser(asked).await?,
            EndAllOf | EndOf => self.require_superuser_in_person(asked).await?,
        };
        match route {
            List => self.list(&current.user, &current).await,
            EndOthers => self.end_others(&current).await,
            End => self.end(&current.user.id, asked.id, &current, asked.head).await,
            LogOutEverywhere => self.log_out_everywhere(&current, asked.head).await,
            ListOf => self.list(&self.user_of(asked.id).await?, &current).await,
            EndAllOf => self.end_all(asked.id, &current, asked.head).await,
            EndOf => {
                let refused = |why| EventKind::LogOutRefused { why };
                let user = self.user_to(asked.id, &current, refused).await?;
                self.end(&user.id, asked.sid, &current, asked.head).await
            }
        }
    }

    async fn list(&self, user: &User<Id, P>, current: &Authenticated<Id, P>) -> Result<Response, HttpError> {
        let (stores, current) = (self.stores(), current.credential.id);
        let lists = stores.iter().map(|store| async {
            let mut log_ins = store.list(&user.id, user.security_epoch).await?;
            let ours = self.audiences_in(*store);
            log_ins.retain(|log_in| ours.contains(&*log_in.backend) || Some(log_in.id) == current);
            Ok::<_, StoreError>(log_ins)
        });
        let mut log_ins = try_join_all(lists).await?.concat();
        let (now, mut listed) = (self.users.clock().now(), HashSet::new());
        // Two objects can be one store.
        log_ins.retain(|log_in| log_in.is_live(now) && listed.insert(log_in.id));
        // Stable, because a store can tell the order of two that began at the same instant.
        log_ins.sort_by_key(|log_in| std::cmp::Reverse(log_in.created_at));
        let log_ins = log_ins.into_iter().map(|log_in| LogInBody::new(log_in, current));
        Ok(Response::json(200, &log_ins.collect::<Vec<_>>()))
    }

    /// Ends every log-in of the user of `current` but that one. It also ends those of other services, which a list leaves out.
    async fn end_others(&self, current: &Authenticated<Id, P>) -> Result<Response, HttpError> {
        let user = &current.user.id;
        let ended = self.end_all_but(current);
        self.ending(user, &current.origin(), ended).await?;
        self.record(EventKind::OtherLogInsEnded, user, current);
        Ok(Response::empty(204))
    }

    async fn end_all_but(&self, current: &Authenticated<Id, P>) -> Result<(), StoreError> {
        let user = &current.user;
        let tag = ShardTag::for_user(&user.id);
        for store in self.stores() {
            let log_ins = store.list(&user.id, user.security_epoch).await?;
            // By their keys, because a store may have to search for a public id.
            let keys: Vec<_> = log_ins
                .iter()
                .filter(|log_in| Some(log_in.id) != current.credential.id)
                .map(|log_in| TokenLookup {
                    digest: log_in.digest,
                    tag: Some(tag),
                })
                .collect();
            let ends: Vec<_> = keys.iter().map(|key| store.delete(key)).collect();
            let ends = stream::iter(ends).buffer_unordered(CONCURRENT_ENDS);
            ends.try_for_each(|_ended| ready(Ok(()))).await?;
        }
        Ok(())
    }

    /// Ends the log-in with the public id `log_in`.
    async fn end(
        &self,
        user_id: &Id,
        log_in: &str,
        current: &Authenticated<Id, P>,
        head: &impl RequestHead,
    ) -> Result<Response, HttpError> {
        let id = user_id_from_text::<Uuid>(log_in).ok_or(HttpError::NotFound)?;
        let ended = async {
            match self.ended(user_id, TokenId(id)).await {
                Ok(true) => Ok(()),
                Ok(false) => Err(HttpError::NotFound),
                Err(error) => Err(error.into()),
            }
        };
        self.ending(user_id, &current.origin(), ended).await?;
        self.record(EventKind::LogInEnded { log_in: TokenId(id) }, user_id, current);
        let is_current = current.credential.id == Some(TokenId(id));
        Ok(self.cleared_if(is_current, current, head))
    }

    /// True if a store had the log-in, and removed it.
    async fn ended(&self, user_id: &Id, id: TokenId) -> Result<bool, StoreError> {
        let stores = self.stores();
        let ends = join_all(stores.iter().map(|store| store.delete_by_id(user_id, id))).await;
        // It is in one store alone. If that removed it, the others need not answer.
        if ends.iter().any(|ended| matches!(ended, Ok(true))) {
            return Ok(true);
        }
        ends.into_iter().collect::<Result<Vec<_>, _>>().map(|_none| false)
    }

    /// Ends every credential of the user of `id`, plain JWTs too.
    async fn end_all(
        &self,
        id: &str,
        current: &Authenticated<Id, P>,
        head: &impl RequestHead,
    ) -> Result<Response, HttpError> {
        let id = user_id_from_text(id).ok_or(HttpError::NotFound)?;
        let users = self.users_for(Some(current), head);
        if !users.log_out_everywhere(&id).await? {
            return Err(HttpError::NotFound);
        }
        Ok(self.cleared_if(id == current.user.id, current, head))
    }

    /// 204. It removes the cookies of `current` if that has ended.
    fn cleared_if(&self, ended: bool, current: &Authenticated<Id, P>, head: &impl RequestHead) -> Response {
        match self.authenticator.backend(&current.backend) {
            Some(backend) if ended => self.authenticator.clear(backend, head),
            _ => Response::empty(204),
        }
    }

    /// The names under which `store` has log-ins that can be used: those of its backends, and the one of rows without a name.
    /// The store of a backend that cannot list is not known, so it may be this one.
    fn audiences_in(&self, store: &dyn AccessTokenIndex<Id>) -> HashSet<&str> {
        let listing = self.backends_that_list();
        let here = listing.filter(|(_backend, its_store)| ptr::addr_eq(*its_store, store));
        let backends = self.authenticator.backends();
        let others = backends.filter(|backend| backend.is_revocable() && !backend.lists());
        here.flat_map(|(backend, _)| backend.audiences())
            .chain(others.map(AuthBackend::name))
            .chain([""])
            .collect()
    }

    /// The backends whose log-ins can be listed, each with its store.
    fn backends_that_list(&self) -> impl Iterator<Item = (&AuthBackend<Id>, &dyn AccessTokenIndex<Id>)> {
        let backends = self.authenticator.backends();
        backends.filter_map(|backend| Some((backend, backend.abilities().log_ins?)))
    }

    /// The stores that list log-ins, each once.
    fn stores(&self) -> Vec<&dyn AccessTokenIndex<Id>> {
        let mut stores: Vec<&dyn AccessTokenIndex<Id>> = Vec::new();
        for (_backend, store) in self.backends_that_list() {
            if !stores.iter().any(|known| ptr::addr_eq(*known, store)) {
                stores.push(store);
            }
        }
        stores
    }
}

// Of one width, so that a front end can sort them as text.
time::serde::format_description!(
    instant,
    OffsetDateTime,
    "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
);

/// A log-in as its user sees it.
#[derive(Serialize)]
struct LogInBody {
    id: TokenId,
    backend: String,
    #[serde(with = "instant")]
    created_at: OffsetDateTime,
    #[serde(with = "instant")]
    last_used_at: OffsetDateTime,
    #[serde(with = "instant::option")]
    expires_at: Option<OffsetDateTime>,
    user_agent: Option<String>,
    address: Option<String>,
    label: Option<String>,
    current: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
}

impl LogInBody {
    fn new<Id>(log_in: AccessToken<Id>, current: Option<TokenId>) -> Self {
        let in_utc = |instant: OffsetDateTime| instant.to_offset(UtcOffset::UTC);
        Self {
            id: log_in.id,
            backend: log_in.backend,
            created_at: in_utc(log_in.created_at),
            last_used_at: in_utc(log_in.last_used_at),
            expires_at: log_in.absolute_expires_at.map(in_utc),
            // An application can have written the row itself.
            user_agent: log_in.client.user_agent.map(shortened),
            address: log_in.client.address,
            label: log_in.client.label.map(shortened),
            current: Some(log_in.id) == current,
            actor: log_in.actor,
        }
    }
}

#[cfg(feature = "openapi")]
mod description {
    use auth_core::UserId;
    use utoipa::openapi::{
        Object, ObjectBuilder, Required, SchemaFormat, Type,
        path::{OperationBuilder, Parameter, ParameterIn},
    };

    use super::LogInsRoute;
    use crate::openapi::{Answers, Service, id_schema};

    const NO_LOG_IN: &str = "The user has no such log-in.";

    impl LogInsRoute {
        pub(crate) fn describe<Id: UserId>(self, service: &Service) -> OperationBuilder {
            let ended = |about| Answers::ended(about, service.has_cookie);
            match self {
                Self::List => of_oneself(service, false, "Where one is logged in", Answers::log_ins()),
                Self::EndOthers => {
                    let answers =
                        Answers::empty("Every other log-in is dead. A plain JWT is no log-in, and stays.");
                    of_oneself(service, true, "Log out elsewhere", answers)
                }
                Self::End => {
                    let answers = ended("The log-in is dead.").not_found(NO_LOG_IN);
                    of_oneself(service, true, "End a log-in", answers).parameter(parameter("id", uuid()))
                }
                Self::LogOutEverywhere => {
                    let answers = ended("Every credential of the user is dead.");
                    of_oneself(service, true, "Log out everywhere", answers)
                }
                Self::ListOf => of_one::<Id>(service, false, "Where a user is logged in", Answers::log_ins()),
                Self::EndAllOf => {
                    let answers = ended("Every credential of the user is dead.");
                    of_one::<Id>(service, true, "Log a user out everywhere", answers)
                }
                Self::EndOf => of_one::<Id>(
                    service,
                    true,
                    "End a log-in of a user",
                    ended("The log-in is dead."),
                )
                .parameter(parameter("sid", uuid())),
            }
        }
    }

    fn of_oneself(service: &Service, is_unsafe: bool, summary: &str, answers: Answers) -> OperationBuilder {
        let unverified: Vec<_> = service.unverified().collect();
        by_any_backend(service, is_unsafe, ("auth", summary), answers, unverified)
    }

    /// An operation on the log-ins of a user, for superusers.
    fn of_one<Id: UserId>(
        service: &Service,
        is_unsafe: bool,
        summary: &str,
        answers: Answers,
    ) -> OperationBuilder {
        let answers = answers.not_found("There is no such user, or no such log-in.");
        let refused: Vec<_> = service.no_superuser().collect();
        by_any_backend(service, is_unsafe, ("users", summary), answers, refused)
            .parameter(parameter("id", id_schema::<Id>()))
    }

    fn by_any_backend(
        service: &Service,
        is_unsafe: bool,
        (tag, summary): (&str, &str),
        answers: Answers,
        mut refused: Vec<String>,
    ) -> OperationBuilder {
        if is_unsafe {
            refused.extend(service.cross_site.reasons());
        }
        let answers = answers
            .unauthorized(service.has_bearer, service.has_cookie)
            .forbidden(refused);
        let operation = service.by_any_backend(tag, summary, answers);
        if is_unsafe {
            service.cross_site.confirmed(operation)
        } else {
            operation
        }
    }

    fn parameter(name: &str, schema: Object) -> Parameter {
        Parameter::builder()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(schema))
            .build()
    }

    fn uuid() -> Object {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::Custom("uuid".to_owned())))
            .build()
    }
}
