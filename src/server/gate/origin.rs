//! Where a request comes from: which machine, by which name, from whose page.

use crate::config::serve::ServeSection;
use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName};
use std::net::IpAddr;

/// The two ends of a connection; both nothing on a socket in the file system.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::server) struct Ends {
    /// Theirs.
    pub(in crate::server) peer: Option<IpAddr>,
    /// Ours.
    pub(in crate::server) own: Option<IpAddr>,
}

impl Ends {
    /// True when both are on this machine.
    pub(in crate::server) fn are_local(&self) -> bool {
        self.peer == self.own || self.peer.is_some_and(|peer| peer.to_canonical().is_loopback())
    }
}

/// What is believed of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    /// Who asks; nobody's address when it came through a socket in the file system.
    pub(super) address: Option<IpAddr>,
    /// Whether it was read by nobody on its way.
    pub(super) is_https: bool,
}

/// The names that are this server's.
#[derive(Debug)]
pub(super) struct Names {
    hosts: Vec<String>,
    is_behind_proxy: bool,
}

impl Names {
    pub(super) fn of(serve: &ServeSection) -> Names {
        let hosts = serve.hosts.iter().map(|host| host.to_ascii_lowercase());
        Names { hosts: hosts.collect(), is_behind_proxy: serve.behind_proxy }
    }

    /// Who asks, and how: a proxy on this machine is believed, its last word only. The others are the client's own.
    pub(super) fn origin(&self, ends: Ends, headers: &HeaderMap) -> Origin {
        let is_proxy = self.is_behind_proxy && ends.are_local();
        let said = |name| last(headers, name).filter(|_| is_proxy);
        let address = said("x-forwarded-for").and_then(address_in);
        let is_https = said("x-forwarded-proto").is_some_and(|word| word.eq_ignore_ascii_case("https"));
        Origin { address: address.or(ends.peer), is_https }
    }

    /// The name by which the server was called, when it is one of its own: a page elsewhere whose name is made to lead
    /// here gets nothing.
    pub(super) fn own_name(&self, ends: Ends, parts: &Parts) -> Option<Authority> {
        let mut headers = parts.headers.get_all(HOST).into_iter();
        let in_header = headers.next().map(|host| Authority::try_from(host.as_bytes()));
        let named: Authority = in_header.transpose().ok()??;
        let is_only = headers.next().is_none() && parts.uri.authority().is_none_or(|other| *other == named);
        (is_only && self.is_own(ends, &named)).then_some(named)
    }

    fn is_own(&self, ends: Ends, name: &Authority) -> bool {
        let host = name.host();
        if name.as_str().contains('@') {
            return false;
        }
        match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            // An address leads where it says: only the one that was called can be meant.
            Ok(address) if address.is_loopback() => true,
            Ok(address) => ends.own.is_some_and(|own| own.to_canonical() == address) || self.is_listed(host),
            Err(_) => host.eq_ignore_ascii_case("localhost") || self.is_listed(host),
        }
    }

    fn is_listed(&self, host: &str) -> bool {
        self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
    }
}

/// True when a page of this server asks, or no page at all.
pub(super) fn is_own_page(headers: &HeaderMap, own: &Authority, origin: Origin) -> bool {
    let mut origins = headers.get_all(ORIGIN).into_iter();
    let Some(page) = origins.next() else { return true };
    let Some((scheme, name)) = page.to_str().ok().and_then(|page| page.split_once("://")) else {
        return false;
    };
    let is_right_scheme = scheme == "https" || (scheme == "http" && !origin.is_https);
    let without_port = |name: &str| {
        let port = if scheme == "https" { ":443" } else { ":80" };
        name.strip_suffix(port).unwrap_or(name).to_ascii_lowercase()
    };
    origins.next().is_none() && is_right_scheme && without_port(name) == without_port(own.as_str())
}

/// True when the browser itself says that the request was made by a page of this server.
pub(super) fn is_surely_own_page(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(axum::http::HeaderValue::as_bytes);
    // The origin was compared before.
    headers.contains_key(ORIGIN) || site == Some(b"same-origin")
}

/// The last of the words that proxies have added to a header.
fn last<'a>(headers: &'a HeaderMap, name: &'static str) -> Option<&'a str> {
    let mut values = headers.get_all(HeaderName::from_static(name)).into_iter();
    let word = values.next_back()?.to_str().ok()?.rsplit(',').next()?;
    Some(word.trim())
}

/// An address as proxies write it: alone, or with a port.
fn address_in(word: &str) -> Option<IpAddr> {
    let with_port = || word.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    word.trim_matches(['[', ']']).parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    const LOCAL: Ends = Ends { peer: Some(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)), own: None };

    fn names(behind_proxy: bool) -> Names {
        let hosts = vec!["Bot.example.org".to_owned(), "192.0.2.9".to_owned()];
        Names::of(&ServeSection { hosts, behind_proxy, ..ServeSection::default() })
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_own_names_are_answered() {
        let ends = Ends { peer: Some("192.0.2.1".parse().unwrap()), own: Some("192.0.2.2".parse().unwrap()) };
        let is_own = |uri: &str, host: &str| {
            let (parts, ()) = Request::get(uri).header(HOST, host).body(()).unwrap().into_parts();
            names(false).own_name(ends, &parts).is_some()
        };
        for host in [
            "localhost",
            "LOCALHOST:8000",
            "127.0.0.1:8000",
            "[::1]:8000",
            "[::1]",
            "192.0.2.2:8000",
            "bot.example.org",
            "BOT.example.org:8443",
            "192.0.2.9",
        ] {
            assert!(is_own("/", host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "192.0.2.1",
            "127.0.0.1.evil.example",
            "evil@localhost",
            "localhost@evil.example",
            "xbot.example.org",
            "bot.example.org.",
            "0.0.0.0",
            "a b",
            "localhost:8000:9",
        ] {
            assert!(!is_own("/", host), "{host}");
        }
        assert!(!is_own("http://evil.example/", "localhost"));
        assert!(is_own("http://localhost/", "localhost"));
    }

    #[test]
    fn a_page_is_own_when_its_address_is_that_of_the_request() {
        let is_own = |host: &str, page: &str, is_https| {
            let own = Authority::try_from(host).unwrap();
            is_own_page(&headers(&[("origin", page)]), &own, Origin { address: None, is_https })
        };
        assert!(is_own("localhost:8000", "http://localhost:8000", false));
        assert!(is_own("bot.example.org", "https://bot.example.org", true));
        assert!(is_own("bot.example.org:443", "https://Bot.example.org", true));
        assert!(is_own("localhost", "http://localhost:80", false));
        assert!(!is_own("localhost:8000", "http://localhost:8001", false));
        assert!(!is_own("localhost:8000", "http://127.0.0.1:8000", false));
        assert!(!is_own("bot.example.org", "http://bot.example.org", true), "the page was not encrypted");
        for page in
            ["null", "", "https://evil.example", "localhost:8000", "file://", "http://localhost:8000/x"]
        {
            assert!(!is_own("localhost:8000", page, false), "{page}");
        }
    }

    #[test]
    fn only_the_last_word_of_a_proxy_on_this_machine_is_believed() {
        let said =
            headers(&[("x-forwarded-for", "203.0.113.1, 198.51.100.7"), ("x-forwarded-proto", "https")]);
        let seen = |names: &Names, ends| names.origin(ends, &said);
        let proxied = Origin { address: Some("198.51.100.7".parse().unwrap()), is_https: true };
        assert_eq!(seen(&names(true), LOCAL), proxied);
        assert_eq!(seen(&names(true), Ends::default()), proxied);
        assert_eq!(seen(&names(false), LOCAL), Origin { address: LOCAL.peer, is_https: false });
        let far =
            Ends { peer: Some("203.0.113.5".parse().unwrap()), own: Some("203.0.113.6".parse().unwrap()) };
        assert_eq!(seen(&names(true), far), Origin { address: far.peer, is_https: false });
    }

    #[test]
    fn addresses_are_read_with_and_without_a_port() {
        for (word, address) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("192.0.2.1:4000", Some("192.0.2.1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("[2001:db8::1]:4000", Some("2001:db8::1")),
            ("unknown", None),
            ("", None),
        ] {
            assert_eq!(address_in(word), address.map(|address| address.parse().unwrap()), "{word}");
        }
    }
}
