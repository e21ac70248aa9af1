//! Where people and servers are reached.

use crate::plan::scalar::{ScalarError, text_scalar};

name!(
    /// An address that alerts go to.
    Email, "an e-mail address", max: 254, pattern: r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$",
    rule: "a mailbox, `@` and a domain", examples: ["ops@example.com"], is_email
);

name!(
    /// A server that exists already: `host`, or `user@host`.
    SshAddress, "a server's address", max: 300, pattern: r"^([a-z_][a-z0-9_.-]*@)?[A-Za-z0-9:][A-Za-z0-9.:-]*$",
    rule: "a host name or an address, before it a user and `@` if needed", examples: ["deploy@198.51.100.7"], is_reachable
);

impl SshAddress {
    /// The user before the `@`.
    pub fn user(&self) -> Option<&str> {
        self.0.split_once('@').map(|(user, _)| user)
    }

    /// The host name or address.
    pub fn host(&self) -> &str {
        self.0.split_once('@').map_or(&self.0, |(_, host)| host)
    }
}

fn is_email(text: &str) -> bool {
    let mailbox = |c: char| c.is_ascii_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
    let label = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    text.split_once('@').is_some_and(|(user, domain)| {
        !user.is_empty() && user.chars().all(mailbox) && domain.contains('.') && domain.split('.').all(label)
    })
}

/// No `-` in front: ssh would take the address for an option.
fn is_reachable(text: &str) -> bool {
    let is_user = |user: &str| {
        user.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && user.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-".contains(c))
    };
    let is_host = |host: &str| {
        host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == ':')
            && host.chars().all(|c| c.is_ascii_alphanumeric() || ".:-".contains(c))
    };
    match text.split_once('@') {
        Some((user, host)) => is_user(user) && is_host(host),
        None => is_host(text),
    }
}
