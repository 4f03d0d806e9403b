//! A mail server that answers as a script says and keeps the very bytes that it was sent.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

pub struct Post {
    port: u16,
    /// What is answered otherwise than ever: by the beginning of the command, `greeting` before the first one.
    says: Arc<Mutex<Vec<(&'static str, &'static str)>>>,
    commands: Arc<Mutex<Vec<String>>>,
    mails: Arc<Mutex<Vec<Vec<u8>>>>,
    taken: Arc<Mutex<Vec<Vec<String>>>>,
}

/// What a [`Post`] answers to a mail that it has taken in.
#[derive(Clone, Copy)]
pub enum Answer {
    /// This line.
    Says(&'static str),
    /// Nothing, forever.
    Silence,
}

impl Post {
    /// Starts one that answers the mails in this order; the last answer is for all that follow.
    pub async fn start(answers: &'static [Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mails = Arc::new(Mutex::new(Vec::new()));
        let (kept, taken) = (mails.clone(), Arc::new(Mutex::new(Vec::new())));
        let kept_for = taken.clone();
        let asked_before = Arc::new(AtomicBool::new(false));
        let says: Arc<Mutex<Vec<_>>> = Arc::default();
        let commands: Arc<Mutex<Vec<String>>> = Arc::default();
        let (saying, heard) = (says.clone(), commands.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let talk = Talk { says: saying.clone(), commands: heard.clone() };
                let served = serve(stream, talk, answers, kept.clone(), kept_for.clone(), asked_before.clone());
                tokio::spawn(served);
            }
        });
        Self { port, says, commands, mails, taken }
    }

    /// From now on answers to commands that begin so with these lines, and to all others as ever.
    pub fn say(&self, says: &[(&'static str, &'static str)]) {
        *self.says.lock().unwrap() = says.to_vec();
    }

    /// All commands so far, over all connections.
    pub fn commands(&self) -> Vec<String> {
        self.commands.lock().unwrap().clone()
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// For whom each mail was taken.
    pub fn taken(&self) -> Vec<Vec<String>> {
        self.taken.lock().unwrap().clone()
    }

    /// The mails so far, as they were on the wire, also those that were refused.
    pub fn mails(&self) -> Vec<Vec<u8>> {
        self.mails.lock().unwrap().clone()
    }
}

/// What is said to a recipient: `nobody@` never gets anything, `later@` not at the first time.
fn recipient(command: &str, asked_before: &AtomicBool) -> &'static [u8] {
    match () {
        () if command.contains("<nobody@") => b"550 no such user\r\n",
        () if command.contains("<later@") && !asked_before.swap(true, Ordering::SeqCst) => b"451 greylisted\r\n",
        () => b"250 taken\r\n",
    }
}

/// What is said in all connections.
struct Talk {
    says: Arc<Mutex<Vec<(&'static str, &'static str)>>>,
    commands: Arc<Mutex<Vec<String>>>,
}

impl Talk {
    fn answer(&self, command: &str) -> Option<Vec<u8>> {
        let says = self.says.lock().unwrap();
        let (_, line) = says.iter().find(|(begins, _)| command.starts_with(begins))?;
        Some(format!("{line}\r\n").into_bytes())
    }
}

/// Ends when the client does, in whatever way.
async fn serve(
    stream: TcpStream,
    talk: Talk,
    answers: &'static [Answer],
    mails: Arc<Mutex<Vec<Vec<u8>>>>,
    taken: Arc<Mutex<Vec<Vec<String>>>>,
    asked_before: Arc<AtomicBool>,
) -> Option<()> {
    let mut recipients = Vec::new();
    let mut stream = BufReader::new(stream);
    let greeting = talk.answer("greeting").unwrap_or_else(|| b"220 post.example ESMTP\r\n".to_vec());
    stream.write_all(&greeting).await.ok()?;
    loop {
        let mut command = String::new();
        if stream.read_line(&mut command).await.ok()? == 0 {
            return None;
        }
        talk.commands.lock().unwrap().push(command.trim_end().to_owned());
        if let Some(answer) = talk.answer(&command) {
            stream.write_all(&answer).await.ok()?;
            continue;
        }
        if command.starts_with("RCPT ") {
            let answer = recipient(&command, &asked_before);
            if answer.starts_with(b"250") {
                let address = command.trim_end().trim_start_matches("RCPT TO:<").trim_end_matches('>');
                recipients.push(address.to_owned());
            }
            stream.write_all(answer).await.ok()?;
            continue;
        }
        if command != "DATA\r\n" {
            stream.write_all(b"250 post.example\r\n").await.ok()?;
            continue;
        }
        stream.write_all(b"354 go on\r\n").await.ok()?;
        let mut mail = Vec::new();
        while !mail.ends_with(b"\r\n.\r\n") {
            stream.read_until(b'\n', &mut mail).await.ok().filter(|count| *count > 0)?;
        }
        let answer = {
            let mut mails = mails.lock().unwrap();
            mails.push(mail);
            taken.lock().unwrap().push(std::mem::take(&mut recipients));
            answers[(mails.len() - 1).min(answers.len() - 1)]
        };
        match answer {
            Answer::Says(line) => stream.write_all(format!("{line}\r\n").as_bytes()).await.ok()?,
            Answer::Silence => std::future::pending().await,
        }
    }
}
