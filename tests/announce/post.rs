//! A mail server that answers as a script says and keeps the very bytes that it was sent.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

pub struct Post {
    port: u16,
    mails: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// What a [`Post`] answers to a mail that it has taken in.
#[derive(Clone, Copy)]
pub enum Answer {
    /// This line.
    Says(&'static str),
    /// Nothing, for ever.
    Silence,
}

impl Post {
    /// Starts one that answers the mails in this order; the last answer is for all that follow.
    pub async fn start(answers: &'static [Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mails = Arc::new(Mutex::new(Vec::new()));
        let kept = mails.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answers, kept.clone()));
            }
        });
        Self { port, mails }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The mails so far, as they were on the wire, also those that were refused.
    pub fn mails(&self) -> Vec<Vec<u8>> {
        self.mails.lock().unwrap().clone()
    }
}

/// Ends when the client does, in whatever way.
async fn serve(stream: TcpStream, answers: &'static [Answer], mails: Arc<Mutex<Vec<Vec<u8>>>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 post.example ESMTP\r\n").await.ok()?;
    loop {
        let mut command = String::new();
        if stream.read_line(&mut command).await.ok()? == 0 {
            return None;
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
            answers[(mails.len() - 1).min(answers.len() - 1)]
        };
        match answer {
            Answer::Says(line) => stream.write_all(format!("{line}\r\n").as_bytes()).await.ok()?,
            Answer::Silence => std::future::pending().await,
        }
    }
}
