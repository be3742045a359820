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
}

/// The lake at `address`, or its `object`, refuses the deed.
pub(super) fn failed(deed: Deed, address: &str, object: String, cause: Cause) -> Error {
    let found = match deed {
        Deed::List | Deed::Read => "cannot read from the lake's bucket",
        Deed::Write | Deed::Delete => "cannot write to the lake's bucket",
    };
    let remedy = remedy(deed, address, &cause);
    Error::store(found).caused_by(cause).at("object", object).hint(remedy)
}

fn remedy(deed: Deed, address: &str, cause: &Cause) -> String {
    match cause {
        Cause::PermissionDenied { .. } => format!(
            "the keys lack a right, or are not those of this store; the policy needs {}, and, where objects are \
             encrypted by KMS, kms:GenerateDataKey and kms:Decrypt on the key",
            deed.statement(address)
        ),
        Cause::Unauthenticated { .. } => {
            "the keys are not accepted: look at AWS_PROFILE, AWS_ACCESS_KEY_ID, \
                                          AWS_SESSION_TOKEN and the clock of this machine"
                .to_owned()
        }
        Cause::NotFound { .. } => {
            "there is no such bucket at this endpoint: create it, or look at --lake and AWS_ENDPOINT_URL"
                .to_owned()
        }
        _ => "check the endpoint, the region and the network, then run again; what was committed is safe"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missing_right_is_named_as_a_statement() {
        let cause = || Cause::PermissionDenied { path: "a".into(), source: "403".into() };
        let said = |deed| {
            let error = failed(deed, "s3://bucket/some/prefix", "s3://bucket/some/prefix/a".into(), cause());
            error.advice().unwrap().to_owned()
        };
        assert!(said(Deed::List).contains(r#""Action":"s3:ListBucket","Resource":"arn:aws:s3:::bucket""#));
        let put = r#""Action":"s3:PutObject","Resource":"arn:aws:s3:::bucket/some/prefix/*""#;
        assert!(said(Deed::Write).contains(put));
        assert!(said(Deed::Delete).contains("s3:DeleteObject") && said(Deed::Read).contains("s3:GetObject"));
    }
}
