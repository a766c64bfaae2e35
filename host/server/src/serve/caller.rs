//! Who asks: the tenant whose token a request shows.

use std::time::{SystemTime, UNIX_EPOCH};

use hotcell_call::{Code, Failure, TenantId};
use hotcell_runtime::config::{Config, Token};
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::Shared;
use crate::tenant::TenantHost;

/// Whoever sent a request, known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) tenant: TenantId,
}

impl Caller {
    /// Who sent a request. Without any token in the configuration it is whoever works on this machine.
    ///
    /// # Errors
    ///
    /// [`Code::Token`] if there are tokens and the request shows none that is good. What it shows is in no message.
    pub(crate) fn of(request: &Parts, config: &Config) -> Result<Self, Failure> {
        if config.tenants.values().all(|tenant| tenant.tokens.is_empty()) {
            return Ok(Self { tenant: TenantId::default() });
        }
        let mut shown = request.headers.get_all(AUTHORIZATION).iter();
        let token = match (shown.next(), shown.next()) {
            (None, _) => return Err(needed("the request shows none")),
            (Some(_), Some(_)) => return Err(needed("the request has several Authorization headers")),
            (Some(header), None) => header.to_str().ok().and_then(bearer),
        };
        let token = token.ok_or_else(|| needed("its Authorization header is not `Bearer TOKEN`"))?;
        let (token, now) = (Token::of(token), SystemTime::now());
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        // All are looked at, so that the time does not tell whose token is nearly right.
        let known = config.tenants.iter().flat_map(|(name, tenant)| tenant.tokens.iter().map(move |one| (name, one)));
        let admitted = known.fold(None, |found, (name, one)| if one.admits(&token, now) { Some(name) } else { found });
        let tenant = admitted.cloned().ok_or_else(|| needed("the one that it shows is not good, or not any more"))?;
        Ok(Self { tenant })
    }

    /// What it has of the host that is served.
    pub(crate) fn host(&self, shared: &Shared) -> TenantHost {
        TenantHost::new(shared.host(), self.tenant.clone())
    }
}

/// The token of `Bearer TOKEN`; the scheme in either case.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}

fn needed(why: &str) -> Failure {
    Failure::new(Code::Token, "a token is needed").why(why).fix("send the header `Authorization: Bearer TOKEN`")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use http::Request;

    use super::*;

    fn config() -> Config {
        let mut config = Config::defaults(Path::new("/absent"));
        for (name, tokens) in [("acme", vec!["hc_one", "hc_two"]), ("bolt", vec!["hc_three"]), ("mute", vec![])] {
            let tenant = config.tenants.entry(name.parse().unwrap()).or_default();
            tenant.tokens = tokens.into_iter().map(Token::of).collect();
        }
        let old = format!("{} until 2001-01-01", Token::of("hc_old")).parse().unwrap();
        config.tenants.entry("bolt".parse().unwrap()).or_default().tokens.push(old);
        config
    }

    fn caller(config: &Config, headers: &[&str]) -> Option<String> {
        let mut request = Request::get("/v1/tools?token=hc_one");
        for header in headers {
            request = request.header(AUTHORIZATION, *header);
        }
        let caller = Caller::of(&request.body(()).unwrap().into_parts().0, config);
        caller.ok().map(|caller| caller.tenant.to_string())
    }

    // H85: a token is taken from its header alone, and is its tenant's as long as it is good.
    #[test]
    fn a_token_is_its_tenants() {
        let config = config();
        for (headers, tenant) in [
            (&["Bearer hc_one"][..], Some("acme")),
            (&["bearer  hc_two "], Some("acme")),
            (&["Bearer hc_three"], Some("bolt")),
            (&["Bearer hc_old"], None),
            (&["Bearer hc_on"], None),
            (&["Bearer "], None),
            (&["Basic hc_one"], None),
            (&["hc_one"], None),
            (&["Bearer hc_one", "Bearer hc_three"], None),
            (&[], None),
        ] {
            assert_eq!(caller(&config, headers).as_deref(), tenant, "{headers:?}");
        }
        assert_eq!(caller(&Config::defaults(Path::new("/absent")), &[]).as_deref(), Some("local"));
    }

    #[test]
    fn what_was_shown_is_in_no_message() {
        let request = Request::get("/").header(AUTHORIZATION, "Bearer hc_secret").body(()).unwrap();
        let failure = Caller::of(&request.into_parts().0, &config()).unwrap_err();
        assert!(!serde_json::to_string(&failure).unwrap().contains("hc_secret"));
    }
}
