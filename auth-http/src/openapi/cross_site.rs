//! How other sites are kept from making a browser act for its user.

use std::collections::BTreeMap;

use crate::AuthBackend;
use utoipa::openapi::{
    ObjectBuilder, Required, Type,
    path::{OperationBuilder, Parameter, ParameterIn},
};

pub(crate) const CROSS_SITE: &str = "A page of another site made a browser send the request";

/// What an unsafe request by some backends is asked for, and why it is refused.
pub(crate) struct CrossSite {
    reasons: Vec<String>,
    parameters: Vec<Parameter>,
}

impl CrossSite {
    /// For an operation that any of `backends` opens.
    pub(crate) fn of<'b, Id: 'b>(backends: impl IntoIterator<Item = &'b AuthBackend<Id>>) -> Self {
        let mut asked: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let (mut has_cookie, mut count) = (false, 0);
        for backend in backends {
            if let Some(header) = backend.transport().confirmation() {
                asked.entry(header).or_default().push(backend.name());
            }
            has_cookie |= backend.is_cookie();
            count += 1;
        }
        let unconfirmed = asked
            .keys()
            .map(|header| format!("The header `{header}` does not confirm the cookie"));
        Self {
            reasons: has_cookie
                .then(|| CROSS_SITE.to_owned())
                .into_iter()
                .chain(unconfirmed)
                .collect(),
            parameters: asked
                .iter()
                .map(|(header, names)| parameter(header, names, names.len() == count))
                .collect(),
        }
    }

    /// Why a request is refused: the reasons for a 403.
    pub(crate) fn reasons(&self) -> impl Iterator<Item = String> {
        self.reasons.iter().cloned()
    }

    /// `operation`, with the headers that confirm it.
    pub(crate) fn confirmed(&self, operation: OperationBuilder) -> OperationBuilder {
        let parameters = self.parameters.iter().cloned();
        parameters.fold(operation, OperationBuilder::parameter)
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
