//! One mail over SMTP, each recipient asked for on its own: an address that the server does not take must not keep the mail
//! from all the others. It must never send a mail to nobody, and never without the encryption that was asked for.

use lettre::address::Address;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Tls};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::{Error, response::Code};
use std::time::Duration;

/// A mail server.
pub(super) struct Server {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub tls: Tls,
    /// Who we are there.
    pub credentials: Option<Credentials>,
}

/// A recipient that the server did not take, and what it said.
pub(super) struct Refused {
    /// Who.
    pub address: Address,
    /// What it said.
    pub error: Error,
}

impl Server {
    /// Sends a mail; returns the recipients that were not taken. When none was, nothing is sent.
    ///
    /// # Errors
    /// What the server said to the mail as a whole, or the connection.
    pub async fn send(
        &self,
        from: &Address,
        to: &[Address],
        mail: &[u8],
        limit: Duration,
    ) -> Result<Vec<Refused>, Error> {
        let mut connection = self.connect(limit).await?;
        let sent = transact(&mut connection, from, to, mail).await;
        // Politeness; what it answers changes nothing.
        let _ = connection.quit().await;
        sent
    }

    async fn connect(&self, limit: Duration) -> Result<AsyncSmtpConnection, Error> {
        let name = ClientId::default();
        let wrapper = match &self.tls {
            Tls::Wrapper(parameters) => Some(parameters.clone()),
            _ => None,
        };
        let to = (self.host.as_str(), self.port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(to, Some(limit), &name, wrapper, None).await?;
        if let Tls::Required(parameters) = &self.tls {
            connection.starttls(parameters.clone(), &name).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }
}

async fn transact(
    connection: &mut AsyncSmtpConnection,
    from: &Address,
    to: &[Address],
    mail: &[u8],
) -> Result<Vec<Refused>, Error> {
    let foreign = |address: &Address| !AsRef::<str>::as_ref(address).is_ascii();
    let utf8 = connection.server_info().supports_feature(Extension::SmtpUtfEight) && to.iter().any(foreign);
    let options = if utf8 { vec![MailParameter::SmtpUtfEight] } else { Vec::new() };
    connection.command(Mail::new(Some(from.clone()), options)).await?;
    let mut refused = Vec::new();
    for address in to {
        match connection.command(Rcpt::new(address.clone(), Vec::new())).await {
            Ok(_) => {}
            Err(error) if error.status().is_some() => refused.push(Refused { address: address.clone(), error }),
            Err(error) => return Err(error),
        }
    }
    if refused.len() < to.len() {
        connection.command(Data).await?;
        connection.message(mail).await?;
    }
    Ok(refused)
}

/// Whether a server's answer is its last word on a mail: 5xx, but for those that refuse our sign-in (RFC 4954), which
/// an operator can set right.
pub(super) fn is_final(code: Code) -> bool {
    let code: u16 = code.into();
    (500..600).contains(&code) && ![530, 534, 535, 538].contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lettre::transport::smtp::response::{Category, Detail, Severity};

    #[test]
    fn only_a_refused_mail_is_given_up_not_a_refused_password() {
        use Category::{Information, MailSystem, Unspecified3};
        for (severity, category, detail, last_word) in [
            (Severity::TransientNegativeCompletion, Category::Connections, Detail::One, false),
            (Severity::TransientNegativeCompletion, MailSystem, Detail::One, false),
            (Severity::PermanentNegativeCompletion, Unspecified3, Detail::Five, false),
            (Severity::PermanentNegativeCompletion, Unspecified3, Detail::Zero, false),
            (Severity::PermanentNegativeCompletion, MailSystem, Detail::Zero, true),
            (Severity::PermanentNegativeCompletion, Information, Detail::Zero, true),
        ] {
            assert_eq!(is_final(Code::new(severity, category, detail)), last_word, "{severity:?} {category:?}");
        }
    }
}
