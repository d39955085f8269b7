//! Section 10: how long a browser keeps the cookies of a log-in whose absolute end is near.

use serde_json::Value;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::harness::{Answer, Blueprint, Kind, Pass, Service, Store, address, person};

const KIND: Kind = Kind::TrackedCookie;

/// The seconds in the `Max-Age` of the cookies of an access token and of a refresh token, as far as they are set.
#[track_caller]
fn max_ages(answer: &Answer) -> [Option<i64>; 2] {
    [KIND.cookie(), KIND.refresh_cookie()].map(|name| {
        let cookie = answer.cookie(name.expect("a cookie"))?;
        let mut attributes = cookie.attributes.iter();
        let age = attributes.find_map(|attribute| attribute.strip_prefix("Max-Age="));
        Some(age.expect("a Max-Age").parse().expect("seconds"))
    })
}

/// The end of the only log-in, which no use puts off.
async fn absolute_end(service: &Service, pass: &Pass) -> OffsetDateTime {
    let listed = service.get("/auth/sessions").with(pass).send().await.json();
    let [Value::Object(log_in)] = &**listed.as_array().expect("a list") else {
        panic!("{listed}");
    };
    let end = log_in["expires_at"].as_str().expect("an instant");
    OffsetDateTime::parse(end, &Rfc3339).expect(end)
}

#[test]
fn f5_neither_cookie_outlives_its_log_in_by_more_than_the_second_in_which_that_ends() {
    let mut blueprint = Blueprint::of(&[KIND]);
    blueprint.store = Store::Memory;
    blueprint.refresh.rotate_after = Some(std::time::Duration::from_secs(60));
    blueprint.run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        service.advance(Duration::milliseconds(700));
        let mut pass = service.pass(KIND, &address("lancelot")).await;
        let end = absolute_end(service, &pass).await;
        let (hour, fortnight) = (3600, 14 * 86_400);
        // Rounded up, or a browser would log a user out too early.
        let left =
            || i64::try_from((end - service.now()).whole_milliseconds() + 999).expect("a month") / 1000;
        for before_end in [
            Duration::days(20),
            Duration::days(10),
            Duration::HOUR * 2,
            Duration::HOUR - Duration::milliseconds(1),
            Duration::minutes(10) + Duration::milliseconds(250),
        ] {
            service.advance(end - before_end - service.now());
            let answer = service.refresh(KIND, pass.refresh()).await;
            let expected = [left().min(hour), left().min(fortnight)];
            assert_eq!(max_ages(&answer), expected.map(Some), "{before_end}");
            pass = KIND.issued(&answer);
        }
        // A rotation puts nothing off either.
        service.advance(Duration::seconds(100));
        let rotated = service.me(&pass).await;
        assert_eq!(rotated.status, 200);
        assert_eq!(max_ages(&rotated), [Some(left()), None]);
        service.advance(end - Duration::milliseconds(1) - service.now());
        let last = service.refresh(KIND, pass.refresh()).await;
        assert_eq!(max_ages(&last), [Some(1), Some(1)]);
        pass = KIND.issued(&last);
        service.advance(Duration::milliseconds(1));
        service.me(&pass).await.is_unauthorized();
        service.refresh(KIND, pass.refresh()).await.is_unauthorized();
    });
}
