//! The page of the docs, as a newcomer uses it.

use std::{path::Path, time::Duration};

use fantoccini::{Client, Locator, elements::Element};
use serde_json::Value;

pub(crate) const EMAIL: &str = "arthur@camelot.example";
pub(crate) const PASSWORD: &str = "a grail of many words";

/// The page of the docs.
pub(crate) struct Page<'c> {
    client: &'c Client,
}

impl<'c> Page<'c> {
    pub(crate) async fn open(client: &'c Client, url: String) -> Self {
        client.goto(&url).await.expect("the page");
        let page = Self { client };
        page.find("//button[contains(@class, 'authorize')]").await;
        page
    }

    /// The operation, opened, with its form.
    pub(crate) async fn operation(&self, method: &str, path: &str) -> Operation<'_> {
        let block = format!("//div[contains(@class, 'opblock-{method}')][.//span[@data-path='{path}']]");
        let operation = Operation { page: self, block };
        self.click(&operation.within("//button[contains(@class, 'opblock-summary-control')]"))
            .await;
        self.click(&operation.within("//button[contains(@class, 'try-out__btn')]"))
            .await;
        operation
    }

    /// Logs in by "Authorize".
    pub(crate) async fn authorize(&self, scheme: &str) {
        self.click(OPEN).await;
        let scheme = scheme_at(scheme);
        self.write(&format!("{scheme}//input[@id='oauth_username']"), EMAIL)
            .await;
        self.write(&format!("{scheme}//input[@id='oauth_password']"), PASSWORD)
            .await;
        self.picture("authorize.png").await;
        self.click(&format!("{scheme}//button[.='Authorize']")).await;
        self.find(&format!("{scheme}//button[.='Logout']")).await;
        self.click(CLOSE).await;
    }

    /// Has the page forget a token.
    pub(crate) async fn forget(&self, scheme: &str) {
        self.click(OPEN).await;
        let scheme = scheme_at(scheme);
        self.click(&format!("{scheme}//button[.='Logout']")).await;
        self.find(&format!("{scheme}//button[.='Authorize']")).await;
        self.click(CLOSE).await;
    }

    pub(crate) async fn fetched_from_the_service_alone(&self, service: &str) {
        let script = "return performance.getEntriesByType('resource').map(entry => entry.name)";
        let fetched = self.script(script).await;
        let fetched = fetched.as_array().expect("a list");
        assert!(
            fetched.len() >= 5,
            "the page, its files and our calls: {fetched:?}"
        );
        for url in fetched {
            let url = url.as_str().expect("an address");
            assert!(url.starts_with(service) || url.starts_with("data:"), "{url}");
        }
    }

    /// No token is left for whoever sits down next.
    pub(crate) async fn kept_nothing(&self) {
        let kept = self
            .script("return JSON.stringify([localStorage, sessionStorage])")
            .await;
        assert_eq!(kept, "[{},{}]");
    }

    pub(crate) async fn script(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.expect("the script")
    }

    async fn find(&self, xpath: &str) -> Element {
        let found = self.client.wait().at_most(Duration::from_secs(20));
        match found.for_element(Locator::XPath(xpath)).await {
            Ok(element) => element,
            Err(error) => {
                self.picture("missing.png").await;
                panic!("{xpath}: {error}")
            }
        }
    }

    async fn click(&self, xpath: &str) {
        let element = self.find(xpath).await;
        // What stands at the edge of the window may lie below something.
        let centre = "arguments[0].scrollIntoView({ block: 'center' })";
        let argument = serde_json::to_value(&element).expect("JSON");
        self.client
            .execute(centre, vec![argument])
            .await
            .expect("the script");
        element.click().await.expect(xpath);
    }

    async fn write(&self, xpath: &str, text: &str) {
        let element = self.find(xpath).await;
        element.clear().await.expect(xpath);
        element.send_keys(text).await.expect(xpath);
    }

    /// For whoever wants to know what it looks like.
    pub(crate) async fn picture(&self, name: &str) {
        let picture = self.client.screenshot().await.expect("a picture");
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(path, picture).expect("a file");
    }
}

/// An operation on the page.
pub(crate) struct Operation<'p> {
    page: &'p Page<'p>,
    block: String,
}

impl Operation<'_> {
    /// Writes the body.
    pub(crate) async fn write(&self, body: &str) {
        let xpath = self.within("//textarea");
        self.page.write(&xpath, body).await;
    }

    /// Writes into the field of a form.
    pub(crate) async fn fill(&self, field: &str, text: &str) {
        let xpath = self.within(&format!("//tr[@data-property-name='{field}']//input"));
        self.page.write(&xpath, text).await;
    }

    /// The status and the body that the service answers.
    pub(crate) async fn execute(&self) -> (u16, Value) {
        let before = self
            .page
            .client
            .find_all(Locator::XPath(&self.within(CLEAR)))
            .await;
        if !before.expect("the page").is_empty() {
            self.page.click(&self.within(CLEAR)).await;
        }
        self.page
            .click(&self.within("//button[contains(@class, 'execute')]"))
            .await;
        let row = self.within("//table[contains(@class, 'live-responses-table')]/tbody/tr");
        let status = format!("{row}/td[contains(@class, 'response-col_status')]");
        let status = self.page.find(&status).await.text().await.expect("text");
        let status = status
            .split_whitespace()
            .next()
            .and_then(|status| status.parse().ok());
        let body = self
            .page
            .client
            .find_all(Locator::XPath(&format!("{row}//code")))
            .await;
        let body = match body.expect("the page").first() {
            Some(code) => serde_json::from_str(&code.text().await.expect("text")).unwrap_or_default(),
            None => Value::Null,
        };
        (status.expect("a status"), body)
    }

    fn within(&self, xpath: &str) -> String {
        format!("{}{xpath}", self.block)
    }
}

const OPEN: &str = "//div[contains(@class, 'auth-wrapper')]//button[contains(@class, 'authorize')]";
const CLOSE: &str = "(//button[contains(@class, 'btn-done')])[1]";
const CLEAR: &str = "//button[contains(@class, 'btn-clear')]";

fn scheme_at(name: &str) -> String {
    format!("//h4[starts-with(., '{name} ')]/..")
}
