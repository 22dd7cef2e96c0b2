//! The e-mails of one machine: each is a file in the folder `outbox`, which mail programs open.
//!
//! Nothing is delivered. The files have tokens, so only their owner can read them.

use std::path::PathBuf;

use app::mail::{Mail, MailError, Message};
use async_trait::async_trait;
use objects::private_folder;
use store::Clock;
use uuid::Uuid;

use crate::home::write_private;

/// A folder of e-mails.
#[derive(Clone)]
pub struct Outbox {
    folder: PathBuf,
    clock: Clock,
}

impl Outbox {
    /// The outbox in this folder, which is created with the first e-mail.
    #[must_use]
    pub fn new(folder: PathBuf, clock: Clock) -> Self {
        Self { folder, clock }
    }

    /// The text of an e-mail file (RFC 5322).
    fn file(&self, message: &Message) -> String {
        let date = (self.clock)().to_rfc2822();
        let subject = message.subject.replace(char::is_control, " ");
        format!(
            "Date: {date}\r\nFrom: Sextant <sextant@localhost>\r\nTo: {}\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}",
            message.to,
            message.text.replace('\n', "\r\n"),
        )
    }

    /// A name that sorts by time.
    fn path(&self) -> PathBuf {
        let (at, random) = ((self.clock)(), store::keys::hex(&rand::random::<[u8; 4]>()));
        self.folder.join(format!("{}-{random}.eml", at.format("%Y%m%dT%H%M%S%3fZ")))
    }
}

#[async_trait]
impl Mail for Outbox {
    fn is_available(&self) -> bool {
        true
    }

    async fn send(&self, message: &Message) -> Result<(), MailError> {
        let (folder, path, file) = (self.folder.clone(), self.path(), self.file(message));
        let shown = path.display().to_string();
        let written = tokio::task::spawn_blocking(move || {
            private_folder::open(&folder)?;
            write_private(&path, file.as_bytes())
        });
        match written.await {
            Ok(Ok(())) => {
                tracing::info!(file = shown, "an e-mail is in the outbox");
                Ok(())
            }
            Ok(Err(error)) => Err(MailError::Refused(format!("{shown}: {error}"))),
            Err(error) => Err(MailError::NoResponse(error.to_string())),
        }
    }

    async fn delete_topic(&self, _subscription: Uuid) -> Result<(), MailError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn an_email_is_a_private_file_that_mail_programs_open() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("outbox");
        let outbox = Outbox::new(folder.clone(), Arc::new(|| "2026-11-20T15:00:00.123Z".parse().unwrap()));
        let to = "ada@example.com".parse().unwrap();
        let message = Message { to, subject: "Two\r\nBcc: eve@example.com".to_owned(), text: "One\nTwo\n".to_owned() };
        outbox.send(&message).await.unwrap();
        let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        let [file] = files.as_slice() else { panic!("{files:?}") };
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(
            name.starts_with("20261120T150000123Z-") && file.extension().is_some_and(|extension| extension == "eml"),
            "{name}"
        );
        let text = fs::read_to_string(file).unwrap();
        let (headers, body) = text.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, "One\r\nTwo\r\n");
        assert!(headers.starts_with("Date: Fri, 20 Nov 2026 15:00:00 +0000\r\n"), "{headers}");
        assert!(headers.contains("\r\nTo: ada@example.com\r\n"), "{headers}");
        assert!(headers.contains("\r\nSubject: Two  Bcc: eve@example.com\r\n"), "{headers}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[tokio::test]
    async fn an_outbox_that_cannot_be_written_refuses() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        fs::write(&file, "").unwrap();
        let outbox = Outbox::new(file.join("outbox"), Arc::new(|| "2026-11-20T15:00:00Z".parse().unwrap()));
        let to = "ada@example.com".parse().unwrap();
        let message = Message { to, subject: "One".to_owned(), text: String::new() };
        assert!(matches!(outbox.send(&message).await, Err(MailError::Refused(_))));
    }
}
