//! The JSON object of an outcome: the same for every program that reads one.

use hotcell_call::{CallId, Code, Failure, Kind, Outcome, Receipt, Target, TenantId};
use serde::Serialize;
use serde_json::value::RawValue;

/// An outcome as a program reads it.
///
/// `value` is the tool's answer as it gave it, number by number, or `error` says why there is none; never both. What the guest
/// printed stands in `log`, with bytes that are no UTF-8 replaced.
#[derive(Debug, Serialize)]
pub struct OutcomeObject<'a> {
    call: CallId,
    target: &'a Target,
    outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Failure>,
    receipt: &'a Receipt,
    log: LogObject,
}

/// The same without answer and error, to stand beside an error that is told already.
#[derive(Debug, Serialize)]
pub(crate) struct Ended<'a> {
    call: CallId,
    target: &'a Target,
    receipt: &'a Receipt,
    log: LogObject,
}

#[derive(Debug, Serialize)]
struct LogObject {
    stdout: String,
    stderr: String,
}

impl<'a> OutcomeObject<'a> {
    /// The object of `outcome`.
    #[must_use]
    pub fn new(outcome: &'a Outcome) -> Self {
        Self {
            call: outcome.call,
            target: &outcome.target,
            outcome: outcome.word(),
            value: outcome.result.as_ref().ok().and_then(|value| serde_json::from_str(value.as_str()).ok()),
            error: outcome.result.as_ref().err(),
            receipt: &outcome.receipt,
            log: LogObject::new(outcome),
        }
    }
}

impl<'a> Ended<'a> {
    pub(crate) fn new(outcome: &'a Outcome) -> Self {
        Self { call: outcome.call, target: &outcome.target, receipt: &outcome.receipt, log: LogObject::new(outcome) }
    }
}

impl LogObject {
    fn new(outcome: &Outcome) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { stdout: text(&outcome.log.stdout), stderr: text(&outcome.log.stderr) }
    }
}

/// A failure as a tenant is told it: what is wrong with a file, and where it lies, is the operator's to know.
pub(crate) fn told_to(tenant: &TenantId, failure: Failure) -> Failure {
    let of_a_file = failure.kind() == Kind::Rejected || failure.code() == Code::File;
    if *tenant == TenantId::default() || !of_a_file {
        return failure;
    }
    Failure::new(failure.code(), failure.code().page().title)
        .why("its operator can see more, by `hotcell ls` and `hotcell check`")
}

#[cfg(test)]
mod tests {
    use hotcell_call::{Log, Payload};

    use super::*;

    fn object(result: Result<Payload, Failure>) -> serde_json::Value {
        let outcome = Outcome {
            call: CallId::from_bits(1),
            target: "calc.eval".parse().unwrap(),
            result,
            receipt: Receipt::default(),
            log: Log { stdout: vec![b'a', 0xff], stderr: Vec::new() },
            note: None,
        };
        serde_json::from_str(&serde_json::to_string(&OutcomeObject::new(&outcome)).unwrap()).unwrap()
    }

    #[test]
    fn an_answer_keeps_its_digits_and_an_error_has_no_value() {
        let answered = object(Ok(Payload::new("{\"n\":18446744073709551615}")));
        assert_eq!(answered["value"]["n"], serde_json::json!(u64::MAX));
        assert_eq!((answered["outcome"].as_str(), answered.get("error")), (Some("ok"), None));
        assert_eq!(answered["log"]["stdout"], "a\u{fffd}");
        let failed = object(Err(Failure::new(Code::Fuel, "calc.eval used up its fuel")));
        assert_eq!(failed["error"]["code"], "E0401");
        assert_eq!(failed.get("value"), None);
    }

    #[test]
    fn where_files_lie_is_told_to_nobody_but_the_operator() {
        let failure = || Failure::new(Code::NotComponent, "/srv/tools/x.wasm is not a component").why("at byte 9");
        let (local, acme) = (TenantId::default(), "acme".parse().unwrap());
        assert!(told_to(&local, failure()).what().contains("/srv"));
        let told = told_to(&acme, failure());
        assert!(told.code() == Code::NotComponent && !format!("{told}").contains("/srv"), "{told}");
        let own = Failure::new(Code::Fuel, "calc.eval used up its fuel");
        assert_eq!(told_to(&acme, own).what(), "calc.eval used up its fuel");
    }
}
