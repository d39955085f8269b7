//! The settings from the environment. A value that cannot be used, or is empty, is an error at start that names its
//! variable.

use std::{
    env::{self, VarError},
    net::{SocketAddr, ToSocketAddrs as _},
    num::NonZeroU16,
};

use portcullis::{
    ConfigError, Email, SecretString, SigningSecret,
    http::{CsrfPolicy, PublicUrl, TrustedProxies},
    users::{DefaultPasswordPolicy, FolderMailer, MailBudget, PasswordPolicy as _, Registration},
};

use crate::{domains::Domains, events_file::EventsFile, log_ins::LogIns};

/// What is cached of users and log-ins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caching {
    Off,
    /// Users on Redis, for all nodes.
    Redis,
    /// The same, and both in the memory of this node.
    Near,
}

impl Caching {
    fn from_env() -> Result<Self, ConfigError> {
        let caching = match variable("CACHE")?.as_deref() {
            None | Some("off") => Self::Off,
            Some("redis") => Self::Redis,
            Some("near") => Self::Near,
            Some(other) => {
                let problem = format_args!("{other:?} is none of `off`, `redis` and `near`");
                return Err(ConfigError::new("CACHE", problem));
            }
        };
        if caching != Self::Off && variable("REDIS_URL")?.is_none() {
            return Err(ConfigError::new("CACHE", "needs a Redis: set REDIS_URL, too"));
        }
        Ok(caching)
    }
}

/// Every setting, checked.
pub(crate) struct Settings {
    /// `BIND`: the address to listen on; `127.0.0.1:8080`.
    pub(crate) bind: Vec<SocketAddr>,
    /// `METRICS_BIND`: the address of `/metrics` alone; no metrics.
    pub(crate) metrics_bind: Option<Vec<SocketAddr>>,
    /// `DATABASE_URL`; `sqlite://showcase.db`. It may hold a password.
    pub(crate) database_url: String,
    /// `REDIS_URL`: `redis://…`, `redis-cluster://…` or `redis-sentinel://…`; no Redis. It may hold a password.
    pub(crate) redis_url: Option<String>,
    /// `CACHE`: `off`, `redis` or `near`; `off`.
    pub(crate) cache: Caching,
    /// `AUTH_SECRET`: signs JWTs and one-time tokens; a new one at each start, with a warning.
    pub(crate) secret: SigningSecret,
    /// How long log-ins last, and how many a user may have.
    pub(crate) log_ins: LogIns,
    /// `REQUIRES_VERIFICATION`: `true` or `false`; `false`.
    pub(crate) requires_verification: bool,
    /// `SUPERUSER`: `email:password` of a user to create if it is missing; none.
    pub(crate) superuser: Option<Registration>,
    /// `EMAIL_DOMAINS`: domains of e-mails, with commas between them, that may register; every one.
    pub(crate) domains: Option<Domains>,
    /// `EVENTS_FILE`: where events are written, one JSON object a line; nowhere.
    pub(crate) events: Option<EventsFile>,
    /// `OUTBOX_DIR`: the folder for mails; `outbox`.
    pub(crate) mailer: FolderMailer,
    /// `THROTTLE`: `on` or `off`; `on`, with the default budget of mails.
    pub(crate) mail_budget: MailBudget,
    /// `PUBLIC_URL`: the origin and path that clients use; what the client asked for, which is `http://BIND`.
    pub(crate) public_url: Option<PublicUrl>,
    /// `TRUSTED_PROXIES`: addresses and networks whose `X-Forwarded-For` is believed; none.
    pub(crate) trusted_proxies: TrustedProxies,
    /// `TRUSTED_ORIGINS`: other origins of our own front ends, with commas between them; none.
    pub(crate) csrf: CsrfPolicy,
    /// `WORKERS`: threads that serve; as many as cores.
    pub(crate) workers: Option<NonZeroU16>,
}

impl Settings {
    /// # Errors
    /// [`ConfigError`] naming the variable that cannot be used.
    pub(crate) async fn from_env() -> Result<Self, ConfigError> {
        Ok(Self {
            bind: bind("BIND", variable("BIND")?.as_deref().unwrap_or("127.0.0.1:8080"))?,
            metrics_bind: variable("METRICS_BIND")?
                .map(|address| bind("METRICS_BIND", &address))
                .transpose()?,
            database_url: variable("DATABASE_URL")?.unwrap_or_else(|| "sqlite://showcase.db".to_owned()),
            redis_url: variable("REDIS_URL")?,
            cache: Caching::from_env()?,
            secret: SigningSecret::from_env_or_generate("AUTH_SECRET")?,
            log_ins: LogIns::from_env()?,
            requires_verification: boolean("REQUIRES_VERIFICATION")?.unwrap_or(false),
            superuser: match variable("SUPERUSER")? {
                None => None,
                Some(value) => Some(superuser(&value).await?),
            },
            domains: variable("EMAIL_DOMAINS")?
                .as_deref()
                .map(Domains::parse)
                .transpose()?,
            events: variable("EVENTS_FILE")?
                .as_deref()
                .map(EventsFile::open)
                .transpose()?,
            mailer: FolderMailer::new(variable("OUTBOX_DIR")?.as_deref().unwrap_or("outbox"))
                .map_err(|problem| ConfigError::new("OUTBOX_DIR", problem))?,
            mail_budget: mail_budget(variable("THROTTLE")?.as_deref().unwrap_or("on"))?,
            public_url: variable("PUBLIC_URL")?
                .map(|url| PublicUrl::parse(&url))
                .transpose()
                .map_err(|error| error.in_setting("PUBLIC_URL"))?,
            trusted_proxies: match variable("TRUSTED_PROXIES")? {
                None => TrustedProxies::default(),
                Some(list) => {
                    TrustedProxies::parse(&list).map_err(|error| error.in_setting("TRUSTED_PROXIES"))?
                }
            },
            csrf: trusted_origins(variable("TRUSTED_ORIGINS")?.as_deref())?,
            workers: variable("WORKERS")?.as_deref().map(workers).transpose()?,
        })
    }
}

/// The value of the variable `name`, or `None` if it is not set.
pub(crate) fn variable(name: &str) -> Result<Option<String>, ConfigError> {
    match env::var(name) {
        Ok(value) if value.is_empty() => {
            Err(ConfigError::new(name, "is empty; leave it out for the default"))
        }
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(ConfigError::new(name, "is not UTF-8")),
    }
}

fn bind(name: &str, value: &str) -> Result<Vec<SocketAddr>, ConfigError> {
    let addresses = value.to_socket_addrs();
    let addresses = addresses
        .map_err(|problem| ConfigError::new(name, format_args!("{value:?} is not an address: {problem}")))?;
    Ok(addresses.collect())
}

fn boolean(name: &str) -> Result<Option<bool>, ConfigError> {
    let value = variable(name)?;
    let parse = |value: String| {
        let problem = |_| ConfigError::new(name, format_args!("{value:?} is neither `true` nor `false`"));
        value.parse().map_err(problem)
    };
    value.map(parse).transpose()
}

/// Checks the password by the policy of registrations here, because nobody would notice a later refusal.
async fn superuser(value: &str) -> Result<Registration, ConfigError> {
    // No part of the value is repeated: it contains a password.
    let refused = |problem: &str| ConfigError::new("SUPERUSER", problem);
    let (email, password) = value
        .split_once(':')
        .ok_or_else(|| refused("is not of the form `email:password`"))?;
    let email: Email = email
        .parse()
        .map_err(|_invalid| refused("has no valid e-mail before its first colon"))?;
    let password = SecretString::from(password);
    DefaultPasswordPolicy
        .check(&password, &email)
        .await
        .map_err(|refusal| ConfigError::new("SUPERUSER", refusal))?;
    let mut registration = Registration::new(email, password, ());
    registration.is_superuser = true;
    registration.is_verified = true;
    Ok(registration)
}

fn mail_budget(value: &str) -> Result<MailBudget, ConfigError> {
    match value {
        "on" => Ok(MailBudget::default()),
        "off" => Ok(MailBudget::UNLIMITED),
        _ => {
            let problem = format!("{value:?} is neither `on` nor `off`");
            Err(ConfigError::new("THROTTLE", problem))
        }
    }
}

fn trusted_origins(list: Option<&str>) -> Result<CsrfPolicy, ConfigError> {
    let mut origins = list.into_iter().flat_map(|list| list.split(',')).map(str::trim);
    let policy = origins.try_fold(CsrfPolicy::same_origin(), CsrfPolicy::trust);
    policy.map_err(|error| error.in_setting("TRUSTED_ORIGINS"))
}

fn workers(value: &str) -> Result<NonZeroU16, ConfigError> {
    let problem = |_| {
        ConfigError::new(
            "WORKERS",
            format_args!("{value:?} is not a number from 1 to 65535"),
        )
    };
    value.parse().map_err(problem)
}
