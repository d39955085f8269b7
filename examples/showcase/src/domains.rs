//! A veto: only e-mails of some domains may register.

use portcullis::{
    ConfigError, Email, async_trait,
    users::{Intent, Origin, UserManager, Veto, VetoError},
};

/// The domains of e-mails that may register.
pub(crate) struct Domains(Vec<String>);

impl Domains {
    /// Reads domains with commas between them.
    pub(crate) fn parse(list: &str) -> Result<Self, ConfigError> {
        let domains = list.split(',').map(|domain| {
            let domain = domain.trim();
            // In the form in which they are compared.
            let email: Result<Email, _> = format!("anybody@{domain}").parse();
            email
                .map(|email| domain_of(&email).to_owned())
                .map_err(|_invalid| {
                    ConfigError::new(
                        "EMAIL_DOMAINS",
                        format_args!("{domain:?} is not the domain of an e-mail"),
                    )
                })
        });
        domains.collect::<Result<_, _>>().map(Self)
    }
}

fn domain_of(email: &Email) -> &str {
    let (_, domain) = email.normalized().as_str().rsplit_once('@').unwrap_or_default();
    domain
}

#[async_trait]
impl Veto for Domains {
    async fn check(
        &self,
        intent: Intent<'_>,
        _origin: &Origin,
        _users: &UserManager,
    ) -> Result<(), VetoError> {
        match intent {
            Intent::Registration { email, .. } if !self.0.iter().any(|domain| domain == domain_of(email)) => {
                Err(VetoError::refused("not a domain of EMAIL_DOMAINS"))
            }
            _ => Ok(()),
        }
    }
}
