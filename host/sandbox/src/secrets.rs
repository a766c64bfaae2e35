//! The values of granted secrets: read once, set on requests, taken out of everything else.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use hotcell_call::{Asked, Code, Failure, Log, Payload, SecretGrant, SecretSource, Target};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::redact::Redactor;

/// The secrets of one tool.
pub(crate) struct Secrets {
    list: Vec<Secret>,
    redactor: Redactor,
}

/// Why the value of a secret can't be used; the value is not in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct SecretUnread {
    /// Why.
    pub why: &'static str,
    /// What to do about it.
    pub fix: String,
}

struct Secret {
    grant: SecretGrant,
    header: HeaderName,
    value: HeaderValue,
}

/// Fewer bytes than this can't be told from other text.
const LEAST: usize = 8;
const MOST: usize = 8 << 10;

impl Secrets {
    /// Reads their values; none if there are no secrets.
    ///
    /// # Errors
    ///
    /// [`Code::Secret`] with the first that is not there, or is nothing that a header can hold and a redactor can find.
    pub(crate) fn read(grants: &[SecretGrant]) -> Result<Option<Arc<Self>>, Failure> {
        if grants.is_empty() {
            return Ok(None);
        }
        let mut list = Vec::new();
        let mut values = Vec::new();
        for grant in grants {
            let value = read_secret(&grant.from).map_err(|unread| refused(grant, unread.why, &unread.fix))?;
            let wrong = || refused(grant, "it makes no header", "mend its header or its format");
            let header = HeaderName::try_from(grant.header.as_str()).map_err(|_| wrong())?;
            let mut text = HeaderValue::try_from(grant.format.replacen("{}", &value, 1)).map_err(|_| wrong())?;
            text.set_sensitive(true);
            values.push((grant.name.clone(), value));
            list.push(Secret { grant: grant.clone(), header, value: text });
        }
        let redactor = Redactor::new(values.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        Ok(Some(Arc::new(Self { list, redactor })))
    }

    /// Sets on a request what is bound to it; what the guest set under the same name is taken away.
    pub(crate) fn put_on(&self, asked: &Asked, headers: &mut HeaderMap) {
        for secret in self.list.iter().filter(|secret| secret.grant.to.allows(asked)) {
            headers.insert(secret.header.clone(), secret.value.clone());
        }
    }

    /// The names of those that are bound to a request.
    pub(crate) fn names_for(&self, asked: &Asked) -> Vec<String> {
        let bound = self.list.iter().filter(|secret| secret.grant.to.allows(asked));
        bound.map(|secret| secret.grant.name.clone()).collect()
    }

    /// Takes them out of the fields of a response, before the guest sees it.
    pub(crate) fn clean(&self, headers: &mut HeaderMap) {
        for value in headers.values_mut() {
            if let Some(clean) = self.redactor.redacted(value.as_bytes()) {
                *value = HeaderValue::from_bytes(&clean).unwrap_or_else(|_| HeaderValue::from_static("[redacted]"));
            }
        }
    }

    /// Covers them in what a server sends, with as many stars.
    pub(crate) fn mask(&self, bytes: &mut [u8]) {
        self.redactor.mask(bytes);
    }

    /// The most bytes that one can take, in whatever form.
    pub(crate) fn longest(&self) -> usize {
        self.redactor.longest()
    }

    /// Takes them out of a text.
    pub(crate) fn text(&self, text: &str) -> Option<String> {
        self.redactor.text(text)
    }

    /// Takes them out of an answer.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidResult`] if one stands where there can be no text: as a number.
    pub(crate) fn answer(&self, answer: Payload, target: &Target) -> Result<Payload, Failure> {
        let Some(clean) = self.redactor.text(answer.as_str()) else { return Ok(answer) };
        match serde_json::from_str::<serde::de::IgnoredAny>(&clean) {
            Ok(_) => Ok(Payload::new(clean)),
            Err(_) => Err(Failure::new(Code::InvalidResult, format!("{target} answered with a secret"))
                .why("it stands where it can't be taken out")),
        }
    }

    /// Takes them out of what was printed.
    pub(crate) fn log(&self, log: &mut Log) {
        for bytes in [&mut log.stdout, &mut log.stderr] {
            if let Some(clean) = self.redactor.redacted(bytes) {
                *bytes = clean;
            }
        }
    }

    /// Takes them out of what is said of a failure.
    pub(crate) fn failure(&self, failure: Failure) -> Failure {
        failure.map_texts(|text| self.redactor.text(text))
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.list.iter().map(|secret| &secret.grant.name)).finish()
    }
}

/// Reads the value of a secret that is put on requests.
///
/// # Errors
///
/// [`SecretUnread`] if it is not there, or is nothing that a header can hold and a [`Redactor`] can find.
pub fn read_secret(from: &SecretSource) -> Result<String, SecretUnread> {
    let unread = |why, fix: &str| SecretUnread { why, fix: fix.to_owned() };
    let value = match from {
        SecretSource::Env(name) => {
            std::env::var(name).map_err(|_| unread("its variable is not set, or is no text", &format!("set {name}")))?
        }
        SecretSource::File(path) => {
            in_file(path).map_err(|_| unread("its file can't be read", "name a file that holds it"))?
        }
    };
    let value = value.strip_suffix('\n').map_or(value.as_str(), |value| value.strip_suffix('\r').unwrap_or(value));
    if !(LEAST..=MOST).contains(&value.len()) {
        return Err(unread(
            "it has fewer than 8 bytes, or more than 8 KiB",
            "a shorter one could not be told from other text",
        ));
    }
    // With these it could not be told from its own escapes.
    if !value.bytes().all(|byte| (byte.is_ascii_graphic() || byte == b' ') && !matches!(byte, b'"' | b'\\' | b'%')) {
        return Err(unread("it has other than ASCII letters, or one of `\"`, `\\`, `%`", "use a key without them"));
    }
    Ok(value.to_owned())
}

fn in_file(path: &Path) -> std::io::Result<String> {
    let file = rustix::fs::open(
        path,
        rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )?;
    let file = File::from(file);
    if !file.metadata()?.is_file() {
        return Err(std::io::ErrorKind::InvalidInput.into());
    }
    let mut text = String::new();
    file.take(MOST as u64 + 3).read_to_string(&mut text)?;
    Ok(text)
}

fn refused(grant: &SecretGrant, why: &str, fix: &str) -> Failure {
    Failure::new(Code::Secret, format!("the secret {} can't be used", grant.name)).why(why).fix(fix)
}
