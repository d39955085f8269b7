//! Log-in and log-out.

use auth_core::{Client, IssueError, Profile, Subject, UserId};
use auth_users::AuthenticateError;

use super::{Endpoints, Request, answer};
use crate::{
    AuthBackend, Enabled, ErrorCode, HttpError, LoginForm, Presented, RequestHead, Response,
    request::{Header, header},
};

const MAX_USER_AGENT_BYTES: usize = 256;

impl<Id: UserId, P: Profile> Endpoints<Id, P> {
    /// `POST /login` of the backend called `name`. A credential of this backend that the request itself presents is
    /// revoked once the new one is issued.
    pub async fn log_in(&self, name: &str, request: Request<'_, impl RequestHead>) -> Response {
        answer(self.judge_log_in(name, request)).await
    }

    /// `POST /logout` of the backend called `name`: revokes the credential that the request presents to it.
    pub async fn log_out(&self, name: &str, request: Request<'_, impl RequestHead>) -> Response {
        answer(self.judge_log_out(name, request)).await
    }

    async fn judge_log_in(
        &self,
        name: &str,
        request: Request<'_, impl RequestHead>,
    ) -> Result<Response, HttpError> {
        let backend = self.authenticator.backend(name).ok_or(HttpError::NotFound)?;
        if backend.is_cookie() {
            self.authenticator.refuse_cross_site(request.head)?;
        }
        let form = LoginForm::parse(request.content_type(), request.body).await?;
        let user = self
            .users
            .authenticate(&form.username, &form.password)
            .await
            .map_err(|error| match error {
                AuthenticateError::BadCredentials(_) => HttpError::Code(ErrorCode::LoginBadCredentials),
                AuthenticateError::NotVerified => HttpError::Code(ErrorCode::LoginUserNotVerified),
                AuthenticateError::Unavailable(error) => error.into(),
            })?;
        let issued = backend
            .strategy()
            .issue(&Subject::from(&user), &client(request.head))
            .await;
        let token = issued.map_err(|error| match error {
            IssueError::UnknownUser => HttpError::Code(ErrorCode::LoginBadCredentials),
            IssueError::Unavailable(error) => error.into(),
        })?;
        revoke_presented(backend, request.head).await?;
        self.users.logged_in(&user).await.map_err(HttpError::Hook)?;
        backend.transport().log_in(&token)
    }

    async fn judge_log_out(
        &self,
        name: &str,
        request: Request<'_, impl RequestHead>,
    ) -> Result<Response, HttpError> {
        let backend = self
            .authenticator
            .backend(name)
            .filter(|b| b.has_logout())
            .ok_or(HttpError::NotFound)?;
        let found = self
            .authenticator
            .require(request.head, &Enabled::only([name]), self.base_requirement())
            .await?;
        revoke_presented(backend, request.head).await?;
        tracing::info!(target: "portcullis::http", outcome = "logged_out", user = %found.user.id, backend = name, "a user logged out");
        Ok(backend.transport().log_out())
    }
}

async fn revoke_presented<Id>(backend: &AuthBackend<Id>, head: &impl RequestHead) -> Result<(), HttpError> {
    if let (Some(strategy), Presented::Token(token)) =
        (backend.revocable(), backend.transport().extract(head))
    {
        strategy.revoke(token).await?;
    }
    Ok(())
}

fn client(head: &impl RequestHead) -> Client {
    let user_agent = match header(head, "user-agent") {
        Header::One(value) => {
            let end = value.len().min(MAX_USER_AGENT_BYTES);
            Some(String::from_utf8_lossy(&value[..end]).replace('\0', ""))
        }
        Header::Absent | Header::Many => None,
    };
    Client {
        user_agent,
        address: head.client_address(),
        label: None,
    }
}
