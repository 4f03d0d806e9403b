//! A password or token signs in to git, Git LFS and Subversion over their own servers, and stands in no argument list, error or file of
//! ours meanwhile. Real servers: `git http-backend` behind a small one of HTTP, and svnserve.

use super::*;
use crate::house::until;
use base64::Engine;
use pushbutton::source::svn::Svn;
use pushbutton::stack::SourceLogin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

const TOKEN: &str = "s3cret-0f-the-source";

/// Answers requests of git for the repositories below `root`, from whoever has name and token; slowly, so that there is time to look.
async fn git_server(root: &Path, refused: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let root = root.to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (root, refused) = (root.clone(), Arc::clone(&refused));
            tokio::spawn(async move { drop(answer(stream, &root, &refused).await) });
        }
    });
    format!("http://{address}")
}

async fn answer(mut stream: TcpStream, root: &Path, refused: &AtomicUsize) -> std::io::Result<()> {
    let mut read = Vec::new();
    let end = loop {
        let mut piece = [0; 4096];
        let more = stream.read(&mut piece).await?;
        read.extend_from_slice(&piece[..more]);
        match read.windows(4).position(|end| end == b"\r\n\r\n") {
            Some(end) => break end,
            None if more == 0 => return Ok(()),
            None => {}
        }
    };
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let header = |name: &str| {
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    let wanted = base64::engine::general_purpose::STANDARD.encode(format!("ci:{TOKEN}"));
    if header("authorization") != Some(format!("Basic {wanted}")) {
        refused.fetch_add(1, Ordering::SeqCst);
        let words = format!("{} is not who may read", header("authorization").unwrap_or_default());
        let answer = format!(
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"git\"\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{words}",
            words.len()
        );
        return stream.write_all(answer.as_bytes()).await;
    }
    let length: usize = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = read[end + 4..].to_vec();
    while body.len() < length {
        let mut piece = [0; 4096];
        let more = stream.read(&mut piece).await?;
        body.extend_from_slice(&piece[..more]);
    }
    tokio::time::sleep(Duration::from_millis(150)).await;
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let backend = Program::new("git").arg("http-backend").env("GIT_PROJECT_ROOT", root).env("GIT_HTTP_EXPORT_ALL", "1");
    let backend = backend.env("PATH_INFO", path).env("QUERY_STRING", query).env("REQUEST_METHOD", method);
    let backend = backend.env("CONTENT_TYPE", header("content-type").unwrap_or_default());
    let backend = backend
        .env("CONTENT_LENGTH", length.to_string())
        .env("GIT_PROTOCOL", header("git-protocol").unwrap_or_default());
    let mut child = backend.with_input().start()?;
    child.stdin.take().unwrap().write_all(&body).await?;
    let said = child.wait_with_output().await?.stdout;
    let split = said.windows(4).position(|end| end == b"\r\n\r\n").unwrap_or(said.len().saturating_sub(4));
    let head = format!(
        "HTTP/1.1 200 OK\r\n{}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        String::from_utf8_lossy(&said[..split]),
        said.len() - split - 4
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&said[split + 4..]).await
}

/// Looks at the argument lists of all processes until it is told to stop; whether the token stood in one, and how often it looked.
fn watch_arguments(stop: Arc<AtomicBool>) -> std::thread::JoinHandle<(Vec<String>, usize)> {
    std::thread::spawn(move || {
        let (mut seen, mut looks) = (Vec::new(), 0);
        while !stop.load(Ordering::SeqCst) {
            for process in std::fs::read_dir("/proc").unwrap().flatten() {
                let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
                let line = String::from_utf8_lossy(&line).replace('\0', " ");
                looks += usize::from(line.starts_with("git "));
                if line.contains(TOKEN) {
                    seen.push(line);
                }
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        (seen, looks)
    })
}

fn login(world: &World, token: &str) -> SourceLogin {
    let file = world.path("token");
    std::fs::write(&file, format!("{token}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    SourceLogin::Token { user: "ci".to_owned(), token_file: file.display().to_string() }
}

#[tokio::test]
async fn a_token_brings_a_repository_over_http_and_is_in_no_argument_list_error_or_file() {
    let world = World::new().await;
    world.write("index.html", "x");
    world.commit("first").await;
    let refused = Arc::new(AtomicUsize::new(0));
    let url = format!("{}/repo/.git", git_server(world.dir.path(), Arc::clone(&refused)).await);
    let stop = Arc::new(AtomicBool::new(false));
    let watch = watch_arguments(Arc::clone(&stop));
    let mirror = |login: Option<SourceLogin>| Mirror::new(&world.path("mirrors"), &url, None).signing_in(login);
    let error = mirror(None).fetch().await.unwrap_err().to_string();
    assert!(error.contains("token_file") || error.contains("sign"), "{error}");
    let error = mirror(Some(login(&world, "wr0ng-secret"))).fetch().await.unwrap_err().to_string();
    assert!(error.contains("Authentication failed") && !error.contains("wr0ng-secret"), "{error}");

    let with = mirror(Some(login(&world, TOKEN)));
    with.fetch().await.unwrap();
    let head = with.head("main").await.unwrap();
    with.checkout(&head, &world.path("out")).await.unwrap();
    assert_eq!(std::fs::read_to_string(world.path("out/index.html")).unwrap(), "x");
    assert!(refused.load(Ordering::SeqCst) >= 3, "it asks without first");
    stop.store(true, Ordering::SeqCst);
    let (seen, looks) = watch.join().unwrap();
    assert!(looks > 10, "git was looked at {looks} times");
    assert_eq!(seen, Vec::<String>::new());
    for dir in ["mirrors", "out"] {
        let found = Program::new("grep").args(["-raFl", TOKEN]).arg(world.path(dir)).output(LIMIT).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&found.stdout), "", "{dir}");
    }
    // A file that others can read is not used.
    let open = login(&world, TOKEN);
    let SourceLogin::Token { token_file, .. } = &open else { panic!("it is a token") };
    std::fs::set_permissions(token_file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = mirror(Some(open)).fetch().await.unwrap_err().to_string();
    assert!(error.contains("can be read by others") && error.contains("chmod 600"), "{error}");
    // The plan says where it lies, and not what it is.
    let source = pushbutton::stack::Source::Git {
        url: url.clone(),
        branch: "main".to_owned(),
        submodules: false,
        lfs: false,
        login: Some(login(&world, TOKEN)),
    };
    assert!(!serde_json::to_string(&source).unwrap().contains(TOKEN));
}

#[tokio::test]
async fn a_password_brings_commits_of_subversion_over_its_input() {
    let world = World::new().await;
    let tool = async |name: &str, args: &[&str]| {
        let output = Program::new(name).args(args).dir(world.dir.path()).output(LIMIT).await.unwrap();
        assert!(output.status.success(), "{name} {args:?}: {output:?}");
    };
    tool("svnadmin", &["create", "svn"]).await;
    let place = format!("file://{}", world.path("svn").display());
    tool("svn", &["mkdir", "-q", "-m", "begin", &format!("{place}/trunk")]).await;
    let conf = "[general]\nanon-access = none\nauth-access = read\npassword-db = passwd\n";
    std::fs::write(world.path("svn/conf/svnserve.conf"), conf).unwrap();
    std::fs::write(world.path("svn/conf/passwd"), format!("[users]\nci = {TOKEN}\n")).unwrap();
    let pid = std::process::id().to_be_bytes();
    let host = format!("127.{}.{}.{}", 64 + pid[1] % 64, pid[2], pid[3]);
    let server =
        Program::new("svnserve").args(["--daemon", "--foreground", "--listen-host", &host, "--listen-port", "3691"]);
    let mut server = server.arg("--root").arg(world.path("svn")).start().unwrap();
    until("svnserve answers", async || TcpStream::connect((host.as_str(), 3691)).await.ok()).await;
    let stop = Arc::new(AtomicBool::new(false));
    let watch = watch_arguments(Arc::clone(&stop));
    let svn = |login: Option<SourceLogin>| {
        let url = format!("svn://{host}:3691/trunk");
        Svn::new(&world.path("mirrors"), &url, None).signing_in(login)
    };
    std::fs::create_dir_all(world.path("mirrors")).unwrap();
    assert!(svn(None).fetch().await.is_err());
    let error = svn(Some(login(&world, "wr0ng-secret"))).fetch().await.unwrap_err().to_string();
    assert!(!error.contains("wr0ng-secret"), "{error}");
    let with = svn(Some(login(&world, TOKEN)));
    with.fetch().await.unwrap();
    assert_eq!(with.head().unwrap().to_string(), "1");
    with.checkout(&with.head().unwrap(), &world.path("exported")).await.unwrap();
    stop.store(true, Ordering::SeqCst);
    assert_eq!(watch.join().unwrap().0, Vec::<String>::new());
    let found = Program::new("grep").args(["-raFl", TOKEN]).arg(world.path("mirrors")).output(LIMIT).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
    server.start_kill().unwrap();
    server.wait().await.unwrap();
}
