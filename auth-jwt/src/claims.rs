//! The claims of a token (RFC 7519 §4.1).

use std::fmt;

use auth_core::{Rejection, Scope, from_unix_milliseconds};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use crate::{compact::present, unique_names::UniqueNames};

/// The claims that are written.
#[derive(Serialize)]
pub(crate) struct IssuedClaims<'a> {
    pub(crate) sub: &'a str,
    pub(crate) aud: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) iss: Option<&'a str>,
    pub(crate) exp: i64,
    pub(crate) nbf: i64,
    pub(crate) iat: i64,
    pub(crate) jti: &'a str,
    pub(crate) epoch: i64,
    #[serde(rename = "gen", skip_serializing_if = "Option::is_none")]
    pub(crate) generation: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) act: Option<Actor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<&'a str>,
}

/// The party that acts as the subject (RFC 8693 §4.1).
#[derive(Debug, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub(crate) struct Actor {
    pub(crate) sub: String,
}

impl TryFrom<Map<String, Value>> for Actor {
    type Error = &'static str;

    fn try_from(mut members: Map<String, Value>) -> Result<Self, Self::Error> {
        match members.remove("sub") {
            Some(Value::String(sub)) => Ok(Self { sub }),
            _ => Err("an actor without a subject"),
        }
    }
}

/// The claims that are read. A claim that is present must have its type. Other claims are ignored (§4).
#[derive(Debug, Deserialize)]
pub(crate) struct Claims {
    pub(crate) sub: String,
    aud: Audience,
    pub(crate) exp: NumericDate,
    #[serde(default, deserialize_with = "present")]
    iss: Option<String>,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<NumericDate>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) iat: Option<NumericDate>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) jti: Option<String>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) epoch: Option<i64>,
    #[serde(default, rename = "gen", deserialize_with = "present")]
    pub(crate) generation: Option<i64>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) act: Option<Actor>,
    /// Of any type: other issuers write what they like, and most services do not read it.
    #[serde(default, deserialize_with = "present")]
    scope: Option<Value>,
}

impl Claims {
    /// Reads the claims of a payload whose signature was verified. It must be a JSON object.
    pub(crate) fn parse(payload: &str) -> Result<Self, Rejection> {
        serde_json::from_str::<UniqueNames>(payload).map_err(|_error| Rejection::Malformed)?;
        serde_json::from_str(payload).map_err(|_error| Rejection::BadClaim)
    }

    /// True if `issuer` issued it, or if any issuer will do.
    pub(crate) fn is_of(&self, issuer: Option<&str>) -> bool {
        issuer.is_none_or(|issuer| self.iss.as_deref() == Some(issuer))
    }

    /// True if it is for `audience`, perhaps beside others.
    pub(crate) fn is_for(&self, audience: &str) -> bool {
        self.aud.all().any(|one| one == audience)
    }

    /// The backend that issued it, if that was one of this crate: it is the last audience.
    pub(crate) fn backend(&self) -> Option<&str> {
        self.aud.all().last()
    }

    /// The permissions that the token names (RFC 8693 §4.2, RFC 9068 §2.2.3).
    pub(crate) fn scope(&self) -> Result<Scope, Rejection> {
        match &self.scope {
            None => Ok(Scope::default()),
            Some(Value::String(text)) => text.parse().map_err(|_error| Rejection::BadClaim),
            Some(_) => Err(Rejection::BadClaim),
        }
    }

    /// Checks the time. `exp` is exact. The leeway is for clocks that run ahead of this one.
    pub(crate) fn check_time(&self, now: OffsetDateTime, leeway: Duration) -> Result<(), Rejection> {
        if now >= self.exp.0 {
            return Err(Rejection::Expired);
        }
        let latest_start = now + leeway;
        if [&self.nbf, &self.iat]
            .into_iter()
            .flatten()
            .any(|start| start.0 > latest_start)
        {
            return Err(Rejection::NotYetValid);
        }
        Ok(())
    }
}

/// One audience or several (§4.1.3).
#[derive(Debug)]
struct Audience(Vec<String>);

impl Audience {
    fn all(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AudienceVisitor)
    }
}

struct AudienceVisitor;

impl<'de> Visitor<'de> for AudienceVisitor {
    type Value = Audience;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an audience, or an array of them")
    }

    fn visit_str<E>(self, one: &str) -> Result<Audience, E> {
        Ok(Audience(vec![one.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Audience, A::Error> {
        let mut several = Vec::new();
        while let Some(one) = items.next_element()? {
            several.push(one);
        }
        Ok(Audience(several))
    }
}

/// Seconds since 1970, up to the end of the year 9999. They may have a fraction (§2).
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct NumericDate(pub(crate) OffsetDateTime);

const END_OF_9999: f64 = 253_402_300_799.0;
const REFUSED: &str = "not an instant between 1970 and 9999";

impl TryFrom<f64> for NumericDate {
    type Error = &'static str;

    fn try_from(seconds: f64) -> Result<Self, Self::Error> {
        if !(0.0..=END_OF_9999).contains(&seconds) {
            return Err(REFUSED);
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "under 2^53 milliseconds, and a fraction of a millisecond is cut off"
        )]
        let milliseconds = (seconds * 1000.0) as i64;
        from_unix_milliseconds(milliseconds).map(Self).ok_or(REFUSED)
    }
}
