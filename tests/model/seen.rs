//! The tokens that were issued, by what they say.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis::{
    ExposeSecret as _,
    store::{Issued, TokenId},
};
use serde_json::Value;

use crate::{
    rules::SECOND,
    step::{BACKENDS, Kind, LogInNumber, Person, Token, Tokens},
};

#[derive(Default)]
pub(crate) struct Seen {
    /// Each log-in by the name that its tokens carry.
    names: HashMap<String, (LogInNumber, Person)>,
    ids: HashMap<LogInNumber, TokenId>,
    tokens: Vec<Token>,
}

impl Seen {
    pub(crate) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    pub(crate) fn id(&self, log_in: LogInNumber) -> TokenId {
        self.ids[&log_in]
    }

    pub(crate) fn log_in(&self, id: TokenId) -> LogInNumber {
        let found = self.ids.iter().find(|(_, held)| **held == id);
        *found.expect("it was issued").0
    }

    /// Numbers the log-in of an access token that was just issued.
    pub(crate) fn name(&mut self, access: &str, number: LogInNumber, person: Person, id: TokenId) {
        let name = text(&claims(access)["jti"]).to_owned();
        self.names.insert(name, (number, person));
        self.ids.insert(number, id);
    }

    /// Keeps tokens, and tells what they say.
    ///
    /// # Panics
    /// If a token was issued before with another text.
    pub(crate) fn note(&mut self, issued: &Issued) -> Tokens {
        let access = issued.access.secret.expose_secret();
        let said = claims(access);
        let integer = |claim: &str| said[claim].as_i64();
        let (log_in, person) = self.names[text(&said["jti"])];
        let backend = text(&said["aud"][0]);
        let backend = BACKENDS.into_iter().find(|name| *name == backend);
        let mut token = Token {
            kind: Kind::Access,
            log_in,
            person,
            backend: backend.expect("a backend"),
            number: integer("gen").unwrap_or_default(),
            epoch: integer("epoch").expect("a number"),
            issued: integer("iat").expect("a number") * SECOND,
            end: integer("exp").expect("a number") * SECOND,
            text: access.to_owned(),
        };
        let mut tokens = Tokens {
            log_in,
            epoch: token.epoch,
            access: token.number,
            issued: token.issued,
            end: token.end,
            refresh: None,
        };
        self.keep(token.clone());
        if let Some(refresh) = &issued.refresh {
            let refresh = refresh.secret.expose_secret();
            let number = refresh.split('.').nth(1).and_then(|number| number.parse().ok());
            tokens.refresh = number;
            token.kind = Kind::Refresh;
            token.number = number.expect("a number");
            token.text = refresh.to_owned();
            // A refresh token says nothing of the time.
            (token.issued, token.end) = (0, 0);
            self.keep(token);
        }
        tokens
    }

    fn keep(&mut self, token: Token) {
        // An access token that is handed out again ends later, if its log-in was refreshed meanwhile.
        let name = |token: &Token| (token.kind, token.log_in, token.number, token.issued, token.end);
        match self.tokens.iter().find(|held| name(held) == name(&token)) {
            Some(held) => assert_eq!(held.text, token.text, "one token with two texts"),
            None => self.tokens.push(token),
        }
    }
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("three parts");
    let json = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&json).expect("JSON")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
