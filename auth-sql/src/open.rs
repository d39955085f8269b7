//! The shortest way to the default tables.

/// Gives the `Database` of a module its `open`, with these docs, and the stores of its default tables.
macro_rules! default_stores {
    (
        $(#[$open:meta])*
        connect($location:ident) $(.$wait:ident)?;
        $users:ident, $tokens:ident, $sessions:ident
    ) => {
        impl Database {
            $(#[$open])*
            pub async fn open($location: &str) -> Result<Self, auth_core::ConfigError> {
                let pool = connect($location)$(.$wait)??;
                let migrated = migrate(&pool).await;
                migrated.map_err(|error| auth_core::ConfigError::new(crate::SETTING, error))?;
                Ok(Self::new(pool))
            }

            /// The users in the default table.
            #[must_use]
            pub fn users(&self) -> std::sync::Arc<$users> {
                std::sync::Arc::new($users::new(self))
            }

            /// Tokens in the default table that live for `lifetime`, for a backend. Several backends can share the table.
            #[must_use]
            pub fn tokens(&self, lifetime: auth_core::Lifetime) -> auth_core::OpaqueStrategy {
                auth_core::OpaqueStrategy::new(std::sync::Arc::new($tokens::new(self)), lifetime)
            }

            /// Sessions with data in the default table. Several kinds of session can share it.
            #[must_use]
            pub fn sessions(&self) -> std::sync::Arc<$sessions> {
                std::sync::Arc::new($sessions::new(self))
            }
        }
    };
}

pub(crate) use default_stores;
