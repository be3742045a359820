//! What stands between us and Drift, however often we ask: a certificate that nobody should believe, a port that
//! speaks no TLS, a proxy that lets nobody through. Read from the causes of a connection that failed.
//!
//! Promises to take for an obstacle only what asking again does not move, and to name what was found.

use std::error::Error as StdError;
use std::{io, iter};

use jiff::Timestamp;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription as Alert, CertificateError, InvalidMessage};

/// What was met on the way; each is mended in another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// A certificate that nobody has signed whom this machine trusts, or somebody else of that name.
    UnknownIssuer,
    /// A certificate whose time is over, or has not come.
    OutOfDate,
    /// A certificate for another host.
    OtherName,
    /// A certificate that cannot be used for another reason.
    BadCertificate,
    /// Something answers, but not in TLS.
    PlainText,
    /// The two sides find no TLS that both speak.
    NoCommonTls,
    /// The proxy wants a name and a password, or other ones.
    ProxyLogin,
    /// The proxy does not connect to the host.
    ProxyRefusal,
}

impl Obstacle {
    /// Whether one answer is enough to know. A proxy refuses with one and the same word what its rules forbid
    /// and what it cannot reach at the moment.
    pub(super) fn is_sure(self) -> bool {
        self != Self::ProxyRefusal
    }

    /// What the user can do.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::UnknownIssuer => {
                "if a proxy or gateway here opens TLS, let the machine trust its root certificate, or on Linux \
                 name a file of root certificates in SSL_CERT_FILE; otherwise check --api-url, and whether the \
                 machine's root certificates (ca-certificates) are up to date"
            }
            Self::OutOfDate => {
                "check this machine's clock; if it is right, whoever runs the server of --api-url (or the proxy \
                 that opens TLS) must renew the certificate"
            }
            Self::OtherName => {
                "check --api-url: its host must be one that the certificate names; or a proxy answers in its place"
            }
            Self::BadCertificate => {
                "check --api-url, and whether a proxy on the way replaces certificates; if one does, let the machine \
                 trust its root certificate, or on Linux name a file of root certificates in SSL_CERT_FILE"
            }
            Self::PlainText => {
                "check --api-url and its port; a proxy that is spoken to without TLS is written http:// in \
                 HTTPS_PROXY"
            }
            Self::NoCommonTls => {
                "TLS 1.2 or 1.3 is needed: check --api-url, and what a proxy or firewall on the way allows"
            }
            Self::ProxyLogin => {
                "write the proxy's user and password into HTTPS_PROXY (http://user:password@host:port), or name \
                 Drift's host in NO_PROXY"
            }
            Self::ProxyRefusal => {
                "ask whoever runs the proxy of HTTPS_PROXY to allow Drift's host, or name that host in NO_PROXY"
            }
        }
    }
}

/// The obstacle behind a connection that failed, and what was found, if it is one.
pub(super) fn behind(error: &(dyn StdError + 'static)) -> Option<(Obstacle, String)> {
    let mut whose = "the server";
    for cause in causes(error) {
        if let Some(error) = cause.downcast_ref::<rustls::Error>() {
            return of_tls(error, whose);
        }
        let words = cause.to_string();
        if let Some(refusal) = words.strip_prefix(TUNNEL).and_then(of_tunnel) {
            return Some(refusal);
        }
        if words == NO_PROXY {
            whose = "the proxy";
        }
    }
    None
}

/// Whether it is the connection to a proxy that failed.
pub(super) fn is_of_proxy(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| cause.to_string() == NO_PROXY)
}

/// How the words about a tunnel begin. The type of these errors is not public: tests hold their words.
const TUNNEL: &str = "tunnel error: ";
/// The connection to the proxy itself failed.
const NO_PROXY: &str = "tunnel error: failed to create underlying connection";

/// Whether no root certificate was found on this machine.
pub(super) fn is_without_roots(error: &(dyn StdError + 'static)) -> bool {
    causes(error).filter_map(<dyn StdError>::downcast_ref).any(|error| match error {
        rustls::Error::General(words) => words.contains("No CA certificates"),
        _ => false,
    })
}

/// An error and its causes, also those that an I/O error carries within it.
pub(super) fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    iter::successors(Some(error), |error| next(*error))
}

fn next<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(within) => Some(within),
        None => error.source(),
    }
}

fn of_tunnel(words: &str) -> Option<(Obstacle, String)> {
    match words {
        "proxy authorization required" => {
            Some((Obstacle::ProxyLogin, "the proxy asks for a login (status 407)".to_owned()))
        }
        "unsuccessful" => {
            Some((Obstacle::ProxyRefusal, "the proxy refuses to connect to the host".to_owned()))
        }
        _ => None,
    }
}

fn of_tls(error: &rustls::Error, whose: &str) -> Option<(Obstacle, String)> {
    let found = match error {
        rustls::Error::InvalidCertificate(error) => return Some(of_certificate(error, whose)),
        rustls::Error::NoCertificatesPresented => {
            (Obstacle::BadCertificate, format!("{whose} shows no certificate"))
        }
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            (Obstacle::PlainText, format!("{whose} answers, but not in TLS"))
        }
        rustls::Error::PeerIncompatible(why) => {
            (Obstacle::NoCommonTls, format!("{whose} speaks another TLS ({why:?})"))
        }
        rustls::Error::AlertReceived(alert) if is_final(*alert) => {
            (Obstacle::NoCommonTls, format!("{whose} refuses TLS with us ({alert:?})"))
        }
        _ => return None,
    };
    Some(found)
}

/// Alerts about what the two sides are, not about what just happened.
fn is_final(alert: Alert) -> bool {
    matches!(
        alert,
        Alert::HandshakeFailure
            | Alert::ProtocolVersion
            | Alert::InsufficientSecurity
            | Alert::UnrecognisedName
            | Alert::CertificateRequired
            | Alert::AccessDenied
    )
}

fn of_certificate(error: &CertificateError, whose: &str) -> (Obstacle, String) {
    use CertificateError as C;
    let certificate = format!("the certificate of {whose}");
    match error {
        C::UnknownIssuer => (
            Obstacle::UnknownIssuer,
            format!("{certificate} is of an issuer that this machine does not know"),
        ),
        // Another authority of the same name, such as a proxy's before it was set up anew.
        C::BadSignature => (
            Obstacle::UnknownIssuer,
            format!("{certificate} is not signed by the issuer of that name whom this machine knows"),
        ),
        C::Expired => (Obstacle::OutOfDate, format!("{certificate} has expired")),
        C::ExpiredContext { not_after, .. } => {
            (Obstacle::OutOfDate, format!("{certificate} expired on {}", day(*not_after)))
        }
        C::NotValidYet => (Obstacle::OutOfDate, format!("{certificate} is not valid yet")),
        C::NotValidYetContext { not_before, .. } => {
            (Obstacle::OutOfDate, format!("{certificate} is not valid before {}", day(*not_before)))
        }
        C::NotValidForName => (Obstacle::OtherName, format!("{certificate} is for another host")),
        C::NotValidForNameContext { presented, .. } => {
            (Obstacle::OtherName, format!("{certificate} is for another host: {}", names(presented)))
        }
        other => (Obstacle::BadCertificate, format!("{certificate} cannot be used ({other:?})")),
    }
}

fn day(time: UnixTime) -> String {
    let time = i64::try_from(time.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "an unknown day".to_owned(), |time| time.to_string())
}

/// As many names of a certificate as anyone reads.
const NAMES_MAX: usize = 3;

/// The names in a certificate, which come as `DnsName("a.test")`.
fn names(presented: &[String]) -> String {
    let name = |name: &String| name.split('"').nth(1).unwrap_or(name).to_owned();
    let mut shown: Vec<String> = presented.iter().take(NAMES_MAX).map(name).collect();
    if shown.is_empty() {
        shown.push("it names none".to_owned());
    }
    if presented.len() > NAMES_MAX {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a connector wraps it: an I/O error within an I/O error.
    fn wrapped(error: rustls::Error) -> io::Error {
        io::Error::other(io::Error::new(io::ErrorKind::InvalidData, error))
    }

    fn obstacle(error: rustls::Error) -> Option<Obstacle> {
        behind(&wrapped(error)).map(|(obstacle, _)| obstacle)
    }

    #[test]
    fn a_cause_within_an_io_error_is_found() {
        let (obstacle, found) = behind(&wrapped(CertificateError::UnknownIssuer.into())).unwrap();
        assert_eq!(obstacle, Obstacle::UnknownIssuer);
        assert_eq!(found, "the certificate of the server is of an issuer that this machine does not know");
    }

    /// Bug: of a signature that is not right, it was not said how roots are given.
    #[test]
    fn who_is_not_trusted_is_answered_with_how_to_trust() {
        for error in
            [CertificateError::BadSignature, CertificateError::UnknownIssuer, CertificateError::BadEncoding]
        {
            let obstacle = obstacle(error.into()).unwrap();
            assert!(obstacle.hint().contains("SSL_CERT_FILE"), "{obstacle:?}");
        }
    }

    #[test]
    fn what_may_pass_is_no_obstacle() {
        assert_eq!(obstacle(rustls::Error::AlertReceived(Alert::InternalError)), None);
        assert_eq!(obstacle(rustls::Error::DecryptError), None);
        assert!(behind(&io::Error::from(io::ErrorKind::ConnectionReset)).is_none());
    }

    #[test]
    fn names_and_days_are_shown_plainly() {
        let presented = ["a", "b", "c", "d"].map(|name| format!("DnsName(\"{name}.test\")"));
        assert_eq!(names(&presented), "a.test, b.test, c.test, …");
        assert_eq!(names(&[]), "it names none");
        assert_eq!(
            day(UnixTime::since_unix_epoch(std::time::Duration::from_secs(86_400))),
            "1970-01-02T00:00:00Z"
        );
    }
}
