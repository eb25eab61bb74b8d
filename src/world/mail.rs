//! E-mail: one message at a time to the server that takes it.

use super::World;
use crate::config::alerts::{Mail, Tls};
use crate::engine::apply::Permit;
use crate::error::{Problem, plain};
use crate::text;
use anyhow::{Context as _, Result, anyhow};
use chrono::{DateTime, Utc};
use lettre::address::{AddressError, Envelope};
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls as Encryption, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Message, SmtpTransport, Transport as _};
use secrecy::{ExposeSecret as _, SecretString};
use std::io::ErrorKind;
use std::sync::mpsc::channel;
use std::time::Duration;

/// The whole of the talk with a server, which is a dozen of lines each way.
const PATIENCE: Duration = Duration::from_secs(25);

/// What a mail says.
pub(crate) struct Letter {
    /// One line.
    pub(crate) subject: String,
    /// Lines.
    pub(crate) body: String,
    /// The same for the same letter sent twice.
    pub(crate) id: String,
    /// When.
    pub(crate) date: DateTime<Utc>,
}

/// A mail server, and those between whom it carries letters.
pub(crate) struct Post<'a> {
    section: &'a Mail,
    from: Mailbox,
    to: Vec<Mailbox>,
    password: Option<SecretString>,
}

impl<'a> Post<'a> {
    /// What `[alerts.mail]` tells.
    pub(crate) fn of(world: &World, section: &'a Mail) -> Result<Post<'a>> {
        let mailbox = |text: &String, key: &str| {
            text.parse::<Mailbox>().map_err(|_: AddressError| {
                let text = text::escape(text);
                Problem::usage(format!("`{key}` of [alerts.mail]: `{text}` is no e-mail address"))
            })
        };
        let password = section.password.as_ref().map(|secret| {
            let place = secret.place();
            world.secret(secret).ok_or_else(|| Problem::usage(format!("the password {place} cannot be read")))
        });
        Ok(Post {
            section,
            from: mailbox(&section.from, "from")?,
            to: section.to.iter().map(|to| mailbox(to, "to")).collect::<Result<_>>()?,
            password: password.transpose()?,
        })
    }

    /// Sends a letter. The error is one line.
    pub(crate) fn send(&self, world: &World, letter: &Letter, _permit: &Permit) -> Result<()> {
        let timeout = world.config.http.timeout.duration();
        let message = self.message(letter)?;
        let transport = self.transport(timeout)?;
        let patience = world.stop.left().map_or(PATIENCE, |left| left.min(PATIENCE));
        let (sender, receiver) = channel();
        // A server that says a line now and then, and a name server that is silent, can only be left behind.
        let (from, to) = (self.from.email.clone(), self.to.clone());
        let call = move || drop(sender.send(send_to_all(&transport, &from, &to, &message.formatted())));
        std::thread::Builder::new().spawn(call).context("the mail cannot be sent")?;
        let answer = receiver.recv_timeout(patience);
        let answer = answer.unwrap_or_else(|_| Err(format!("no end within {}", text::duration(patience))));
        answer.map_err(|why| anyhow!("{}:{}: {why}", text::escape(&self.section.host), self.section.port()))
    }

    fn message(&self, letter: &Letter) -> Result<Message> {
        let mut builder = Message::builder().from(self.from.clone());
        for to in &self.to {
            builder = builder.to(to.clone());
        }
        // No answering machine is to answer.
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        builder
            .subject(&letter.subject)
            .date(letter.date.into())
            .message_id(Some(format!("<{}@{}>", letter.id, self.from.email.domain())))
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .body(letter.body.clone())
            .context("the mail cannot be written")
    }

    fn transport(&self, timeout: Duration) -> Result<SmtpTransport> {
        let Mail { host, tls, user, .. } = self.section;
        let parameters = || {
            super::http::install_tls();
            TlsParameters::new(host.clone()).map_err(|error| anyhow!("{}", words(&error)))
        };
        let encryption = match tls {
            Tls::Starttls => Encryption::Required(parameters()?),
            Tls::Tls => Encryption::Wrapper(parameters()?),
            Tls::None => Encryption::None,
        };
        let name = super::environment::host_name();
        let mut builder = SmtpTransport::builder_dangerous(host)
            .port(self.section.port())
            .tls(encryption)
            .hello_name(ClientId::Domain(name))
            .timeout(Some(timeout));
        if let (Some(user), Some(password)) = (user, &self.password) {
            let password = password.expose_secret().to_owned();
            builder = builder.credentials(Credentials::new(user.clone(), password));
        }
        Ok(builder.build())
    }
}

/// One letter to all. When the server refuses that, one to each: an address that no longer exists must not keep the
/// letter from the others.
fn send_to_all(
    transport: &SmtpTransport,
    from: &lettre::Address,
    to: &[Mailbox],
    message: &[u8],
) -> Result<(), String> {
    let send = |to: &[Mailbox]| {
        let to = to.iter().map(|to| to.email.clone()).collect();
        let envelope = Envelope::new(Some(from.clone()), to).map_err(|error| (error.to_string(), false))?;
        let sent = transport.send_raw(&envelope, message).map(drop);
        sent.map_err(|error| (words(&error), error.is_permanent()))
    };
    let (why, is_permanent) = match send(to) {
        Ok(()) => return Ok(()),
        Err(refusal) => refusal,
    };
    if !is_permanent || to.len() < 2 {
        return Err(why);
    }
    let refused: Vec<String> = to
        .chunks(1)
        .filter_map(|one| Some(format!("{}: {}", one.first()?.email, send(one).err()?.0)))
        .collect();
    if refused.len() == to.len() {
        return Err(why);
    }
    for why in refused {
        log::warn!("alerts to mail: {}", text::escape(&why));
    }
    Ok(())
}

/// What the server said, or the system.
fn words(error: &lettre::transport::smtp::Error) -> String {
    use std::error::Error as _;
    let cause = std::iter::successors(error.source(), |&cause| cause.source()).last();
    // A socket that waited long enough says that it would have to wait.
    let kind = cause.and_then(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    let is_slow = matches!(kind, Some(ErrorKind::WouldBlock | ErrorKind::TimedOut));
    let said = plain(&cause.map_or_else(|| error.to_string(), ToString::to_string));
    let words = match error.status() {
        // Some servers repeat what they were given.
        Some(code) if matches!(u16::from(code), 530..=539) => {
            format!("the server answers {code}: it does not accept user and password")
        }
        Some(code) => format!("the server answers {code}: {said}"),
        None if is_slow || error.is_timeout() => "no answer in time".to_owned(),
        None => said,
    };
    text::escape(&words).into_owned()
}
