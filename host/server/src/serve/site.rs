//! By which names a request may come, and for which pages.
//!
//! A page in a browser can send requests to this machine, and, by a name of its own that leads here, read the answers ("DNS
//! rebinding"). Two headers give it away, and no page can forge them: `Host` is the name that the browser was told, `Origin` the page
//! that asks. Both are judged before anything else of a request is read.

use std::net::{IpAddr, SocketAddr};

use hotcell_call::{Code, Failure, shortened};
use hotcell_runtime::config::ServerConfig;
use http::header::{HOST, HeaderValue, ORIGIN};
use http::request::Parts;
use http::uri::Authority;

/// Who may be asked for, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Site {
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl Site {
    pub(crate) fn new(config: &ServerConfig) -> Self {
        Self { hosts: config.hosts.clone(), origins: config.origins.clone() }
    }

    /// Lets a request in that came to `local`, and gives the page that may read the answer, if it is a page that asks.
    ///
    /// # Errors
    ///
    /// [`Code::Site`], or [`Code::Request`] where the request names no host, or several.
    pub(crate) fn admit(&self, request: &Parts, local: SocketAddr) -> Result<Option<HeaderValue>, Failure> {
        let host = host(request)?;
        if !self.is_ours(&host, local) {
            return Err(Failure::new(
                Code::Site,
                format!("{} is no name of this server", shortened(host.as_str(), 80)),
            )
            .why("the Host header is the name by which the client knows it")
            .fix(format!("hosts = [\"{}\"] under [server] in hotcell.toml", shortened(host.host(), 80))));
        }
        let mut origins = request.headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => Ok(None),
            (Some(origin), None) if self.lets_in(origin, &host) => Ok(Some(origin.clone())),
            (Some(origin), _) => {
                let page = shortened(&String::from_utf8_lossy(origin.as_bytes()), 80);
                Err(Failure::new(Code::Site, format!("the page {page} may not call this server"))
                    .why("the Origin header is the page for which a browser asks")
                    .fix(format!("origins = [\"{page}\"] under [server] in hotcell.toml")))
            }
        }
    }

    /// A name of this machine, the very address that was connected to, or a name that the operator gave.
    fn is_ours(&self, host: &Authority, local: SocketAddr) -> bool {
        let name = host.host().trim_start_matches('[').trim_end_matches(']');
        let by_address = name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback() || ip == local.ip().to_canonical());
        // Without its port a name is meant with any.
        let given =
            |known: &String| known.eq_ignore_ascii_case(host.as_str()) || known.eq_ignore_ascii_case(host.host());
        name.eq_ignore_ascii_case("localhost") || by_address || self.hosts.iter().any(given)
    }

    /// A page of this very server, or one that the operator named.
    fn lets_in(&self, origin: &HeaderValue, host: &Authority) -> bool {
        let Ok(origin) = origin.to_str() else { return false };
        let own = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        own.is_some_and(|own| own.eq_ignore_ascii_case(host.as_str()))
            || self.origins.iter().any(|known| known.eq_ignore_ascii_case(origin))
    }
}

/// The one host that a request is for.
fn host(request: &Parts) -> Result<Authority, Failure> {
    let refuse = |why: &str| Failure::new(Code::Request, "the request does not say for which host it is").why(why);
    let mut hosts = request.headers.get_all(HOST).iter();
    let header = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host,
        (None, _) => return Err(refuse("it has no Host header")),
        (Some(_), Some(_)) => return Err(refuse("it has several Host headers")),
    };
    let host: Authority =
        header.to_str().ok().and_then(|host| host.parse().ok()).ok_or_else(|| refuse("its Host is none"))?;
    match request.uri.authority() {
        Some(other) if other != &host => Err(refuse("its target and its Host header name different hosts")),
        _ if host.as_str().contains('@') => Err(refuse("its Host has a user's name")),
        _ => Ok(host),
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn judge(hosts: &[&str], origins: &[&str]) -> Result<bool, &'static str> {
        let config = ServerConfig {
            hosts: vec!["tools.example.com".to_owned(), "other.example:8443".to_owned()],
            origins: vec!["https://app.example.com".to_owned()],
            ..ServerConfig::default()
        };
        let mut request = Request::get("/v1/tools");
        for host in hosts {
            request = request.header(HOST, *host);
        }
        for origin in origins {
            request = request.header(ORIGIN, *origin);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let local = "10.1.2.3:7070".parse().unwrap();
        let admitted = Site::new(&config).admit(&parts, local);
        admitted.map(|page| page.is_some()).map_err(|failure| failure.code().page().id)
    }

    // H83: a page that reaches this machine by a name of its own, or that asks from elsewhere.
    #[test]
    fn only_our_names_and_the_pages_that_were_let_in_come_in() {
        const STRANGE: Result<bool, &str> = Err("E0309");
        const UNFIT: Result<bool, &str> = Err("E0214");
        for (hosts, origins, judged) in [
            (&["localhost:7070"][..], &[][..], Ok(false)),
            (&["LocalHost"], &[], Ok(false)),
            (&["127.0.0.1:7070"], &[], Ok(false)),
            (&["127.9.9.9"], &[], Ok(false)),
            (&["[::1]:7070"], &[], Ok(false)),
            (&["10.1.2.3:7070"], &[], Ok(false)),
            (&["tools.example.com"], &[], Ok(false)),
            (&["Tools.Example.com:443"], &[], Ok(false)),
            (&["other.example:8443"], &[], Ok(false)),
            (&["other.example"], &[], STRANGE),
            (&["evil.test"], &[], STRANGE),
            (&["127.0.0.1.evil.test"], &[], STRANGE),
            (&["localhost.evil.test"], &[], STRANGE),
            (&["10.1.2.4"], &[], STRANGE),
            (&["0.0.0.0"], &[], STRANGE),
            (&["me@localhost"], &[], UNFIT),
            (&[""], &[], UNFIT),
            (&[], &[], UNFIT),
            (&["localhost", "evil.test"], &[], UNFIT),
            (&["localhost:7070"], &["https://app.example.com"], Ok(true)),
            (&["localhost:7070"], &["http://localhost:7070"], Ok(true)),
            (&["localhost:7070"], &["http://localhost:3000"], STRANGE),
            (&["localhost:7070"], &["https://evil.test"], STRANGE),
            (&["localhost:7070"], &["http://app.example.com"], STRANGE),
            (&["localhost:7070"], &["null"], STRANGE),
            (&["localhost:7070"], &[""], STRANGE),
            (&["localhost:7070"], &["https://app.example.com", "https://evil.test"], STRANGE),
        ] {
            assert_eq!(judge(hosts, origins), judged, "{hosts:?} {origins:?}");
        }
    }

    #[test]
    fn a_target_of_another_host_is_no_way_around() {
        let request = Request::get("http://evil.test/v1/tools").header(HOST, "localhost").body(()).unwrap();
        let refused =
            Site::new(&ServerConfig::default()).admit(&request.into_parts().0, "127.0.0.1:1".parse().unwrap());
        assert_eq!(refused.unwrap_err().code(), Code::Request);
    }
}
