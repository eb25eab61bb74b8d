//! Where a redirect leads to, and whether it is followed.

use super::Answer;
use super::address::is_loopback;
use super::request::{Call, Redirects};
use reqwest::{Method, Url};

/// As many as are followed, one after another.
pub(super) const MOST: usize = 5;

const ELSEWHERE: &str = "it redirects to another machine, which is not followed";

impl Redirects {
    /// The call that an answer asks for, or why it is not made; `None` for an answer that is no redirect.
    pub(super) fn next(self, call: &Call, answer: &Answer) -> Option<Result<Call, String>> {
        // With 301 to 303 a POST may turn into a GET, which would be another question.
        let is_redirect = match answer.status.as_u16() {
            307 | 308 => true,
            301..=303 => call.method == Method::GET,
            _ => false,
        };
        let is_redirect = is_redirect && self != Redirects::Nowhere;
        is_redirect.then(|| self.follow(call, answer.header("location").unwrap_or_default()))
    }

    fn follow(self, call: &Call, location: &str) -> Result<Call, String> {
        let nowhere = || "it redirects without saying where to".to_owned();
        if location.is_empty() {
            return Err(nowhere());
        }
        let mut url = call.url.join(location).map_err(|_| nowhere())?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it redirects to an address with a password, which is not followed".to_owned());
        }
        url.set_fragment(None);
        let mut next = call.clone();
        if url.origin() != call.url.origin() {
            match self {
                Redirects::Anywhere if is_fine(&call.url, &url) => {}
                _ => return Err(ELSEWHERE.to_owned()),
            }
            next.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
        }
        next.url = url;
        Ok(next)
    }
}

/// From another machine nothing leads to this one, whose services trust it, and nothing leads out of TLS.
fn is_fine(from: &Url, to: &Url) -> bool {
    match (to.scheme(), is_loopback(to)) {
        (_, true) => is_loopback(from) && matches!(to.scheme(), "http" | "https"),
        (scheme, false) => scheme == "https" && to.has_host(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(url: &str, method: Method) -> Call {
        let headers = vec![("authorization", "Bearer x".to_owned()), ("accept", "*/*".to_owned())];
        Call { method, url: Url::parse(url).unwrap(), headers, body: bytes::Bytes::new() }
    }

    fn next(policy: Redirects, from: &str, location: &str) -> Result<(String, usize), String> {
        let answer = Answer::made(301, &[("location", location)], "");
        let next = policy.next(&call(from, Method::GET), &answer).unwrap();
        next.map(|call| (call.url.to_string(), call.headers.len()))
    }

    #[test]
    fn a_token_stays_on_its_machine() {
        let from = "https://api.host/repos/a/b";
        let same = next(Redirects::SameOrigin, from, "/repositories/7");
        assert_eq!(same, Ok(("https://api.host/repositories/7".to_owned(), 2)));
        for elsewhere in [
            "https://other.host/repositories/7",
            "http://api.host/repositories/7",
            "https://api.host:444/",
            "//other.host/",
            "file:///etc/passwd",
            "http://127.0.0.1/",
        ] {
            assert_eq!(
                next(Redirects::SameOrigin, from, elsewhere),
                Err(ELSEWHERE.to_owned()),
                "{elsewhere}"
            );
        }
        let elsewhere = next(Redirects::Anywhere, from, "https://other.host/");
        assert_eq!(elsewhere, Ok(("https://other.host/".to_owned(), 1)));
    }

    #[test]
    fn nothing_leads_out_of_tls_nor_from_elsewhere_to_this_machine() {
        let from = "https://host/code/json";
        for bad in [
            "http://host/code/json",
            "http://127.0.0.1:6379/",
            "https://localhost/",
            "https://[::1]/",
            "file:///etc/passwd",
            "ftp://host/",
            "javascript:0",
            "data:text/plain,x",
        ] {
            assert_eq!(next(Redirects::Anywhere, from, bad), Err(ELSEWHERE.to_owned()), "{bad}");
        }
        assert!(next(Redirects::Anywhere, "http://127.0.0.1:1/", "http://127.0.0.1:2/").is_ok());
        assert!(next(Redirects::Anywhere, "http://127.0.0.1:1/", "http://host/").is_err());
    }

    #[test]
    fn what_leads_nowhere_or_shows_a_password_is_not_followed() {
        let from = "https://host/";
        assert!(next(Redirects::Anywhere, from, "").unwrap_err().contains("without saying where"));
        assert!(next(Redirects::Anywhere, from, "https://").unwrap_err().contains("without saying where"));
        let password = next(Redirects::SameOrigin, from, "https://me:x@host/");
        assert!(password.unwrap_err().contains("password"));
    }

    #[test]
    fn a_question_with_a_body_is_not_turned_into_another() {
        let post = call("https://host/graphql", Method::POST);
        let answer = |status| Answer::made(status, &[("location", "/v2")], "");
        assert!(Redirects::SameOrigin.next(&post, &answer(302)).is_none());
        assert!(Redirects::SameOrigin.next(&post, &answer(304)).is_none());
        let next = Redirects::SameOrigin.next(&post, &answer(308)).unwrap().ok().unwrap();
        assert_eq!((next.method.as_str(), next.url.path()), ("POST", "/v2"));
    }
}
