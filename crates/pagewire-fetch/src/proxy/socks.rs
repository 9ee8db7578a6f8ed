//! What is said to a SOCKS5 proxy (RFC 1928, RFC 1929).

use tokio_socks::{Error, TargetAddr, tcp::Socks5Stream};

use super::address::Credentials;
use super::fault::ProxyFault;
use super::link::Link;

/// Turns a connection to a proxy into one to the target.
pub(super) async fn connect(
    link: Link,
    target: TargetAddr<'_>,
    credentials: Option<&Credentials>,
) -> Result<Link, ProxyFault> {
    let connected = match credentials {
        Some(Credentials { name, password }) => {
            Socks5Stream::connect_with_password_and_socket(link, target, name, password).await
        }
        None => Socks5Stream::connect_with_socket(link, target).await,
    };
    connected.map(Socks5Stream::into_inner).map_err(|error| fault(&error))
}

fn fault(error: &Error) -> ProxyFault {
    match error {
        Error::Io(_) | Error::ProxyServerUnreachable => ProxyFault::Closed,
        Error::NoAcceptableAuthMethods
        | Error::PasswordAuthFailure(_)
        | Error::AuthorizationRequired
        | Error::InvalidAuthValues(_) => ProxyFault::Credentials,
        Error::ConnectionNotAllowedByRuleset => ProxyFault::Refused(2),
        // The replies of RFC 1928, section 6.
        Error::GeneralSocksServerFailure => ProxyFault::TargetUnreached(1),
        Error::NetworkUnreachable => ProxyFault::TargetUnreached(3),
        Error::HostUnreachable => ProxyFault::TargetUnreached(4),
        Error::ConnectionRefused => ProxyFault::TargetUnreached(5),
        Error::TtlExpired => ProxyFault::TargetUnreached(6),
        Error::CommandNotSupported => ProxyFault::Refused(7),
        Error::AddressTypeNotSupported => ProxyFault::Refused(8),
        _ => ProxyFault::Protocol,
    }
}
