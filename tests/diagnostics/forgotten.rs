//! A mailer without `#[async_trait]`. It is not to compile: `main.rs` reads what the compiler says.

use portcullis::users::{Mail, MailError, Mailer};

struct Own;

impl Mailer for Own {
    async fn send(&self, _mail: &Mail) -> Result<(), MailError> {
        Ok(())
    }
}
