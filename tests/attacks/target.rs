//! A server under attack: a process of its own without any host, and the witnesses that say how it bears it.

use crate::house::process::peak_kb;
use crate::house::{DEADLINE, client_of, get, own_address, until};
use pushbutton::demo::http::{Client, RequestBody};
use pushbutton::process::Program;
use std::future::Future;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Child;

/// The most memory that the server may ever have had, in kB.
const MOST_KB: u64 = 200_000;
/// How much slower than at rest `/healthz` may be, beyond what the machine itself takes. What is compared are medians.
const SLOWER: Duration = Duration::from_millis(200);
/// Our answer takes some turns of the scheduler more than a bare one.
const OF_THE_MACHINE: u32 = 5;
/// Samples that make one median.
const SAMPLES: usize = 5;
/// No answer of interest here is longer.
const LONGEST_ANSWER: u64 = 1 << 20;

/// A stack without anything of the world: its builds are published, its host is nobody.
const STACK: &str = "title = \"Web\"\nsource = { published = true }\n[[stage]]\nname = \"qa\"\nhosts = [\"127.0.0.2:1\"]\n\
                     commands = [\"true\"]\n";

pub struct Target {
    pub dir: tempfile::TempDir,
    /// `127.x.y.z:8090`.
    pub address: String,
    pub client: Client,
    pid: i32,
    server: Child,
}

/// What came back: status, head and body as text.
#[derive(Debug)]
pub struct Back {
    /// None where the connection was closed without an answer.
    pub status: Option<u16>,
    pub text: String,
}

impl Target {
    /// A server where a name is enough, with mary signed in.
    pub async fn open() -> Self {
        let mut target = Self::start("[auth]\nmode = \"open\"\n", &[]).await;
        let form = RequestBody::Form("name=mary&next=%2F");
        assert_eq!(target.client.send("POST", "/sign-in", form, &[]).await.unwrap().status, 303);
        target
    }

    /// A server with these lines in its file and these accounts, whose password is `correct horse`.
    pub async fn start(config: &str, accounts: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix("pb").tempdir().unwrap();
        let address = own_address();
        let file = dir.path().join("config.toml");
        std::fs::create_dir(dir.path().join("stacks")).unwrap();
        std::fs::write(dir.path().join("stacks/web.toml"), STACK).unwrap();
        std::fs::write(dir.path().join("ssh_config"), "").unwrap();
        let ssh = dir.path().join("ssh_config");
        let text = format!(
            "listen = \"{address}\"\nurl = \"http://{address}\"\n{config}\n[ssh]\nconfig = {ssh:?}\n[limits]\nfree_mib = 16\n"
        );
        std::fs::write(&file, text).unwrap();
        for name in accounts {
            let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_pushbutton"));
            command.arg("--config").arg(&file).args(["user", "add", name]);
            command.write_stdin("correct horse\n").assert().success();
        }
        let log = std::fs::File::create(dir.path().join("server.log")).unwrap();
        let program = Program::new(env!("CARGO_BIN_EXE_pushbutton")).arg("--config").arg(&file).arg("serve");
        let mut server = program.env("HOME", dir.path()).log_to(log).unwrap().start().unwrap();
        let client = client_of(&format!("http://{address}"));
        until("the server is ready", async || {
            assert_eq!(server.try_wait().unwrap(), None, "the server has ended");
            (get(&client, "/readyz").await.ok()?.status == 200).then_some(())
        })
        .await;
        Self { pid: server.id().unwrap().cast_signed(), dir, address, client, server }
    }

    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Sends bytes as they are and reads until the connection ends.
    pub async fn raw(&self, request: impl AsRef<[u8]>) -> Back {
        let mut connection = TcpStream::connect(&self.address).await.unwrap();
        // It may answer and close before it has read all.
        let _ = connection.write_all(request.as_ref()).await;
        let mut read = Vec::new();
        let whole = async { drop(connection.take(LONGEST_ANSWER).read_to_end(&mut read).await) };
        assert!(tokio::time::timeout(DEADLINE, whole).await.is_ok(), "a connection is never left hanging");
        let text = String::from_utf8_lossy(&read).into_owned();
        let status = text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        Back { status, text }
    }

    /// The head of a request with an empty line missing.
    pub fn head(&self, line: &str) -> String {
        format!("{line} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address)
    }

    /// Lets something happen to the server; it answers as quickly as before, and its memory stays small.
    pub async fn under<T>(&self, what: &str, attack: impl Future<Output = T>) -> T {
        bears(what, self.pid, &self.client, attack).await
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.dir.path().join("server.log")).unwrap_or_default();
            eprintln!("--- the server's log\n{}", log.lines().rev().take(40).collect::<Vec<_>>().join("\n"));
        }
        let _ = self.server.start_kill();
    }
}

/// See [`Target::under`]; of any server.
pub async fn bears<T>(what: &str, pid: i32, client: &Client, attack: impl Future<Output = T>) -> T {
    let yardstick = yardstick().await;
    let mut calm = Vec::new();
    for _ in 0..2 * SAMPLES {
        calm.push(asked(client).await);
    }
    let calm = median(calm);
    let mut lasted = Vec::new();
    let sample = async {
        loop {
            lasted.push((asked(client).await, asked(&yardstick).await));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let done = tokio::select! {
        done = attack => done,
        () = sample => unreachable!("it samples without end"),
    };
    // What goes on behind the attack counts too.
    for _ in 0..SAMPLES {
        lasted.push((asked(client).await, asked(&yardstick).await));
    }
    // What keeps the yardstick waiting is the machine, and no fault of the server's.
    let slower = lasted.chunks(SAMPLES).filter(|chunk| chunk.len() == SAMPLES).map(|chunk| {
        let (server, machine): (Vec<_>, Vec<_>) = chunk.iter().copied().unzip();
        let (server, machine) = (median(server), median(machine));
        (server.saturating_sub(calm + machine * OF_THE_MACHINE), server, machine)
    });
    let (slower, worst, machine) = slower.max().unwrap();
    let peak = peak_kb(pid).expect("the server lives");
    eprintln!(
        "{what}: /healthz {calm:?} at rest, {worst:?} at worst (machine: {machine:?}); peak memory {} MB",
        peak / 1000
    );
    assert!(slower < SLOWER, "{what}: /healthz took {worst:?}, at rest {calm:?}, while a bare answer took {machine:?}");
    assert!(peak < MOST_KB, "{what}: the server has had {peak} kB");
    done
}

/// A server that only answers: how quick this machine is at the moment, whatever else runs on it.
async fn yardstick() -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                let _ = connection.read(&mut [0; 4096]).await;
                let _ = connection.write_all(answer).await;
            });
        }
    });
    client_of(&format!("http://{address}"))
}

fn median(mut samples: Vec<Duration>) -> Duration {
    samples.sort();
    samples[samples.len() / 2]
}

/// How long an answer takes, on a connection of its own.
async fn asked(client: &Client) -> Duration {
    let began = Instant::now();
    let answer = tokio::time::timeout(DEADLINE, get(client, "/healthz")).await.expect("it answers at all");
    assert_eq!(answer.expect("it answers").status, 200);
    began.elapsed()
}
