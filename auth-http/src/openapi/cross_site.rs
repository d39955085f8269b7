//! The protection against other sites that make a browser act for its user.

use utoipa::openapi::{
    ObjectBuilder, Required, Type,
    path::{OperationBuilder, Parameter, ParameterIn},
};

use crate::{AuthBackend, CsrfPolicy};

pub(crate) const CROSS_SITE: &str = "A page of another site made a browser send the request";

/// The requirements on unsafe requests by some backends, and the reasons for refusing one.
pub(crate) struct CrossSite {
    reasons: Vec<String>,
    parameter: Option<Parameter>,
}

impl CrossSite {
    /// For an operation that accepts `backends`, under `policy`.
    pub(crate) fn new<'b, Id: 'b>(
        policy: &CsrfPolicy,
        backends: impl IntoIterator<Item = &'b AuthBackend<Id>>,
    ) -> Self {
        let (cookies, others): (Vec<_>, Vec<_>) =
            backends.into_iter().partition(|backend| backend.is_cookie());
        let confirmation = policy.confirmation().filter(|_| !cookies.is_empty());
        let unconfirmed =
            confirmation.map(|header| format!("The header `{header}` does not confirm the cookie"));
        let cross_site = (!cookies.is_empty()).then(|| CROSS_SITE.to_owned());
        Self {
            reasons: cross_site.into_iter().chain(unconfirmed).collect(),
            parameter: confirmation.map(|header| {
                let names: Vec<_> = cookies.iter().map(|backend| backend.name()).collect();
                parameter(header, &names, others.is_empty())
            }),
        }
    }

    /// The reasons for a 403.
    pub(crate) fn reasons(&self) -> impl Iterator<Item = String> {
        self.reasons.iter().cloned()
    }

    /// `operation`, with the header that a page must send.
    pub(crate) fn confirmed(&self, operation: OperationBuilder) -> OperationBuilder {
        match &self.parameter {
            Some(parameter) => operation.parameter(parameter.clone()),
            None => operation,
        }
    }
}

fn parameter(header: &str, backends: &[&str], is_required: bool) -> Parameter {
    let backends: Vec<_> = backends.iter().map(|name| format!("`{name}`")).collect();
    let about = format!(
        "Confirms a request with the cookie of {}: the token that the log-in sets beside it, in a cookie that scripts \
         of the page read.",
        backends.join(" or ")
    );
    Parameter::builder()
        .name(header)
        .parameter_in(ParameterIn::Header)
        .required(if is_required {
            Required::True
        } else {
            Required::False
        })
        .description(Some(about))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}
