//! What is said when a bucket cannot be used: which object, what the store said, and what helps. A right that is
//! missing is named as the statement of a policy that grants it.

use object_store::Error as Cause;

use crate::error::Error;

/// What was to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    List,
    Read,
    Write,
    Delete,
}

impl Deed {
    fn action(self) -> &'static str {
        match self {
            Self::List => "s3:ListBucket",
            Self::Read => "s3:GetObject",
            Self::Write => "s3:PutObject",
            Self::Delete => "s3:DeleteObject",
        }
    }

    /// What the right is granted on, of the lake at `address`.
    fn resource(self, address: &str) -> String {
        let lake = address.trim_start_matches("s3://");
        let bucket = lake.split('/').next().unwrap_or(lake);
        if self == Self::List { format!("arn:aws:s3:::{bucket}") } else { format!("arn:aws:s3:::{lake}/*") }
    }

    fn statement(self, address: &str) -> String {
        let (action, resource) = (self.action(), self.resource(address));
        format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}"#)
    }

    fn lacking(self, address: &str) -> String {
        let statement = self.statement(address);
        format!(
            "the keys lack a right: the policy needs {statement}, and, where objects are encrypted by KMS, \
             kms:GenerateDataKey and kms:Decrypt on the key"
        )
    }
}

/// The lake at `address`, or its `object`, refuses the deed.
pub(super) fn failed(deed: Deed, address: &str, object: String, cause: &Cause) -> Error {
    let found = match deed {
        Deed::List | Deed::Read => "cannot read from the lake's bucket",
        Deed::Write | Deed::Delete => "cannot write to the lake's bucket",
    };
    let said = Said::by(cause);
    let remedy = remedy(deed, address, cause, &said);
    Error::store(found).caused_by(said.text).at("object", object).hint(remedy)
}

/// Whether it was the way that failed: the store itself has said nothing.
pub(super) fn is_cut(cause: &Cause) -> bool {
    Said::by(cause).code.is_empty()
}

/// What the store said, without the repetitions of every layer it came through.
struct Said {
    /// S3's name of the kind of error, such as `AccessDenied`; empty where there is none.
    code: String,
    text: String,
}

impl Said {
    fn by(cause: &Cause) -> Self {
        let mut inner: &dyn std::error::Error = cause;
        while let Some(source) = inner.source() {
            inner = source;
        }
        let whole = inner.to_string();
        let code = between(&whole, "<Code>", "</Code>").unwrap_or_default().to_owned();
        let text = match between(&whole, "<Message>", "</Message>") {
            Some(message) => format!("{code}: {message}"),
            None => whole,
        };
        Self { code, text }
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(inside, _)| inside)
}

fn remedy(deed: Deed, address: &str, cause: &Cause, said: &Said) -> String {
    let told = match said.code.as_str() {
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "InvalidToken"
        | "RequestTimeTooSkewed" => KEYS,
        "NoSuchBucket" => NO_BUCKET,
        "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => REGION,
        "AccessDenied" => return deed.lacking(address),
        _ => match cause {
            Cause::PermissionDenied { .. } => return deed.lacking(address),
            Cause::Unauthenticated { .. } => KEYS,
            Cause::NotFound { .. } => NO_BUCKET,
            _ => LATER,
        },
    };
    told.to_owned()
}

const KEYS: &str = "the keys are not accepted: look at AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, \
                    AWS_SESSION_TOKEN and the clock of this machine";
const NO_BUCKET: &str =
    "there is no such bucket at this endpoint: create it, or look at --lake and AWS_ENDPOINT_URL";
const REGION: &str = "the bucket is in another region: set AWS_REGION to that one, or leave it out";
const LATER: &str =
    "check the endpoint, the region and the network, then run again; what was committed is safe";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missing_right_is_named_as_a_statement() {
        let cause = || Cause::PermissionDenied { path: "a".into(), source: "403".into() };
        let said = |deed| {
            let error = failed(deed, "s3://bucket/some/prefix", "s3://bucket/some/prefix/a".into(), &cause());
            error.advice().unwrap().to_owned()
        };
        assert!(said(Deed::List).contains(r#""Action":"s3:ListBucket","Resource":"arn:aws:s3:::bucket""#));
        let put = r#""Action":"s3:PutObject","Resource":"arn:aws:s3:::bucket/some/prefix/*""#;
        assert!(said(Deed::Write).contains(put));
        assert!(said(Deed::Delete).contains("s3:DeleteObject") && said(Deed::Read).contains("s3:GetObject"));
    }

    /// Bug: a listing that was refused came as an error of no kind, so that the network was blamed, and what the
    /// store had said stood there three times.
    #[test]
    fn what_the_store_said_is_told_once_and_understood() {
        let refused = |code: &str| Cause::Generic {
            store: "S3",
            source: format!("403: <Error><Code>{code}</Code><Message>No.</Message></Error>").into(),
        };
        let said = |code| failed(Deed::List, "s3://bucket", "s3://bucket".into(), &refused(code));
        assert!(said("AccessDenied").advice().unwrap().contains("s3:ListBucket"));
        assert!(said("SignatureDoesNotMatch").advice().unwrap().contains("AWS_SECRET_ACCESS_KEY"));
        assert!(said("NoSuchBucket").advice().unwrap().contains("no such bucket"));
        assert_eq!(said("AccessDenied").to_string().matches("No.").count(), 1);
    }
}
