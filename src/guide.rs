#![doc = include_str!("guide/links.md")]
#![doc = include_str!("../docs/src/introduction.md")]

/// A page. `links.md` says where links to other pages lead here; what the page itself says of them is for the book. Rustdoc
/// counts the lines of an example that fails from the beginning of `links.md`.
macro_rules! page {
    ($name:ident, $file:literal) => {
        #[doc = include_str!("guide/links.md")]
        #[doc = include_str!(concat!("../docs/src/", $file))]
        pub mod $name {}
    };
}

page!(strategies, "strategies.md");
page!(single_page_application, "single-page-application.md");
page!(mobile, "mobile.md");
page!(server_rendered, "server-rendered.md");
page!(sessions, "sessions.md");
page!(accounts, "accounts.md");
page!(events, "events.md");
page!(own_table, "own-table.md");
page!(protect, "protect.md");
page!(log_ins, "log-ins.md");
page!(cached_users, "cached-users.md");
page!(cors, "cors.md");
page!(proxy, "proxy.md");
page!(openapi, "openapi.md");
page!(mail, "mail.md");
page!(roles, "roles.md");
page!(superuser, "superuser.md");
page!(importing, "import.md");
page!(invitation, "invitation.md");
page!(rotation, "rotation.md");
page!(metrics, "metrics.md");
page!(operation, "operation.md");
page!(testing, "testing.md");
page!(moving, "moving.md");
page!(errors, "errors.md");
page!(in_redis, "redis.md");
page!(http_contract, "http-contract.md");
page!(security_bar, "security-bar.md");
page!(architecture, "architecture.md");
