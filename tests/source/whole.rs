//! What goes out is what the commit means: submodules and files of Git LFS, brought along or refused; and what a source is
//! that is no whole repository.

use super::*;
use pushbutton::source::git::Mirror;

/// Makes a repository beside the world's own, with one file, and answers its commit.
async fn other(world: &World, name: &str, text: &str) -> (PathBuf, String) {
    let dir = world.path(name);
    std::fs::create_dir_all(&dir).unwrap();
    git(&dir, &["init", "--quiet", "--initial-branch=main", "."]).await;
    std::fs::write(dir.join("file"), text).unwrap();
    git(&dir, &["add", "."]).await;
    git(&dir, &["commit", "--quiet", "-m", name]).await;
    let head = git(&dir, &["rev-parse", "HEAD"]).await.trim().to_owned();
    (dir, head)
}

async fn add_submodule(dir: &Path, url: &str, path: &str) {
    git(dir, &["submodule", "--quiet", "add", url, path]).await;
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[tokio::test]
async fn submodules_come_along_each_at_the_commit_that_is_named_and_are_refused_when_they_are_left_empty() {
    let world = World::new().await;
    let (deep, _) = other(&world, "deep", "deep").await;
    let (inner, _) = other(&world, "inner", "inner").await;
    add_submodule(&inner, deep.to_str().unwrap(), "below/deep").await;
    git(&inner, &["commit", "--quiet", "-m", "with deep"]).await;
    world.write("index.html", "x");
    world.commit("first").await;
    add_submodule(&world.repo(), "../inner", "vendor/in ner").await;
    let head = world.commit("with a submodule").await;
    // The submodule's branch goes on, and its commit is on no branch any more: it is named, and a tag holds it.
    git(&inner, &["tag", "v1"]).await;
    std::fs::write(inner.join("file"), "newer").unwrap();
    git(&inner, &["commit", "--quiet", "--amend", "-a", "-m", "other"]).await;

    let left = world.mirror();
    left.fetch().await.unwrap();
    let empty = left.checkout(&head, &world.path("without")).await.unwrap();
    assert_eq!(empty, ["vendor/in ner"]);
    let gate = Gate { submodules: empty, ..Gate::default() };
    let error = freeze(&world.path("without"), None, &world.build("aaaaaaa-1"), None, &gate).unwrap_err().to_string();
    assert!(error.starts_with("1 submodule is empty (vendor/in ner): set submodules = true"), "{error}");
    let error = freeze(&world.path("without"), None, &world.build("aaaaaaa-1"), None, &Gate::default()).unwrap_err();
    assert!(error.to_string().contains("1 submodule is empty"), "found by .gitmodules alone: {error}");

    let whole = world.mirror().bringing(true, false);
    assert_eq!(whole.checkout(&head, &world.path("with")).await.unwrap(), Vec::<String>::new());
    assert_eq!(read(&world.path("with/vendor/in ner/file")), "inner", "the commit that is named, not the newest");
    assert_eq!(read(&world.path("with/vendor/in ner/below/deep/file")), "deep");
    assert!(!world.path("with/vendor/in ner/.git").exists());
    freeze(&world.path("with"), None, &world.build("bbbbbbb-2"), None, &Gate::default()).unwrap();

    // Their mirrors are kept: what is here is not fetched again.
    for (name, gone) in [("inner", "inner-gone"), ("deep", "deep-gone")] {
        std::fs::rename(world.path(name), world.path(gone)).unwrap();
    }
    whole.checkout(&head, &world.path("again")).await.unwrap();
    assert_eq!(read(&world.path("again/vendor/in ner/below/deep/file")), "deep");
}

#[tokio::test]
async fn a_submodule_whose_address_could_do_harm_is_refused_and_nothing_is_left() {
    let world = World::new().await;
    let (_, commit) = other(&world, "inner", "secret").await;
    let pwned = world.path("pwned");
    for (url, why) in [
        (format!("ext::sh -c touch% {}", pwned.display()), "runs a program"),
        ("-u./x".to_owned(), "begin with -"),
        ("https://me:s3cret@h.invalid/x".to_owned(), "a password does not belong"),
        ("../nowhere".to_owned(), "does not appear to be a git repository"),
    ] {
        world.write(".gitmodules", &format!("[submodule \"x\"]\n\tpath = sub\n\turl = {url:?}\n"));
        world.git(&["add", ".gitmodules"]).await;
        world.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},sub")]).await;
        world.git(&["commit", "--quiet", "-m", "evil"]).await;
        let head: Revision = world.git(&["rev-parse", "HEAD"]).await.trim().parse().unwrap();
        let mirror = world.mirror().bringing(true, true);
        // git's own check may refuse it earlier.
        let refused = match mirror.fetch().await {
            Err(error) => error.to_string(),
            Ok(()) => mirror.checkout(&head, &world.path("checkout")).await.unwrap_err().to_string(),
        };
        assert!(
            (refused.contains(why) || refused.contains("git's own check refuses")) && !refused.contains("s3cret"),
            "{url}: {refused}"
        );
        assert!(!world.path("checkout").exists() && !pwned.exists());
    }
}

/// Commits a file of Git LFS, whose content is in the repository's own store.
async fn commit_lfs(world: &World, name: &str, content: &str) -> Revision {
    world.git(&["lfs", "install", "--local"]).await;
    world.git(&["lfs", "track", "*.bin"]).await;
    world.write(name, content);
    world.write("index.html", "x");
    world.commit("with a file of Git LFS").await
}

fn objects(lfs: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![lfs.to_owned()];
    while let Some(dir) = waiting.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { waiting.push(path) } else { found.push(path) }
        }
    }
    found
}

#[tokio::test]
async fn files_of_git_lfs_come_along_as_they_were_committed_and_pointers_are_refused() {
    let world = World::new().await;
    let content = "the content of a big file\n".repeat(100);
    let head = commit_lfs(&world, "img/a b.bin", &content).await;

    let left = world.mirror();
    left.fetch().await.unwrap();
    left.checkout(&head, &world.path("without")).await.unwrap();
    let error = freeze(&world.path("without"), None, &world.build("aaaaaaa-1"), None, &Gate::default()).unwrap_err();
    let words = "1 file is a Git LFS pointer instead of its content (img/a b.bin): set lfs = true";
    assert!(error.to_string().starts_with(words), "{error}");

    let whole = world.mirror().bringing(false, true);
    whole.checkout(&head, &world.path("with")).await.unwrap();
    assert_eq!(read(&world.path("with/img/a b.bin")), content);
    freeze(&world.path("with"), None, &world.build("bbbbbbb-2"), None, &Gate::default()).unwrap();

    // What is kept here is believed only as far as it is what the pointer says.
    let kept = objects(&world.mirror().path("lfs").join("objects"));
    // A file of its own: git-lfs may have linked it to the very one of the repository.
    std::fs::remove_file(&kept[0]).unwrap();
    std::fs::write(&kept[0], content.replace("big", "bad")).unwrap();
    whole.checkout(&head, &world.path("again")).await.unwrap();
    assert_eq!(read(&world.path("again/img/a b.bin")), content);

    // Without the server, what is kept is enough.
    std::fs::rename(world.repo().join(".git/lfs"), world.path("lfs-gone")).unwrap();
    whole.checkout(&head, &world.path("offline")).await.unwrap();
    std::fs::remove_dir_all(world.mirror().path("lfs")).unwrap();
    let error = whole.checkout(&head, &world.path("missing")).await.unwrap_err().to_string();
    assert!(
        error.starts_with("fetching the Git LFS files of ") && error.contains("git lfs push --all origin"),
        "{error}"
    );
    assert!(!world.path("missing").exists());
}

#[tokio::test]
async fn an_lfs_server_of_this_machine_that_a_repository_names_is_not_asked_for_somebody_elsewhere() {
    let world = World::new().await;
    world.write(".lfsconfig", "[lfs]\n\turl = ext::sh -c touch% pwned\n");
    let head = commit_lfs(&world, "a.bin", &"x".repeat(500)).await;
    let mirror = world.mirror().bringing(false, true);
    mirror.fetch().await.unwrap();
    let error = mirror.checkout(&head, &world.path("checkout")).await.unwrap_err().to_string();
    assert!(error.contains("lfs.url") && error.contains("runs a program"), "{error}");
    assert!(!world.pwned());
}

#[tokio::test]
async fn a_source_that_is_no_whole_repository_says_what_it_is() {
    let world = World::new().await;
    world.git(&["commit", "--quiet", "--allow-empty", "-m", "one"]).await;
    world.git(&["commit", "--quiet", "--allow-empty", "-m", "two"]).await;
    let shallow = world.path("shallow");
    let from = format!("file://{}", world.repo().display());
    git(world.dir.path(), &["clone", "--quiet", "--depth", "1", &from, "shallow"]).await;
    let error = world.mirror_of(shallow.to_str().unwrap()).fetch().await.unwrap_err().to_string();
    assert!(error.contains("shallow") && error.contains("git fetch --unshallow"), "{error}");

    let empty = world.path("empty");
    std::fs::create_dir(&empty).unwrap();
    git(&empty, &["init", "--quiet", "--bare", "."]).await;
    let mirror = world.mirror_of(empty.to_str().unwrap());
    mirror.fetch().await.unwrap();
    let error = mirror.head("main").await.unwrap_err().to_string();
    assert!(error.contains("the repository is empty (push a first commit to it)"), "{error}");

    world.git(&["branch", "release/1"]).await;
    let mirror = world.mirror();
    mirror.fetch().await.unwrap();
    let error = mirror.head("mian").await.unwrap_err().to_string();
    assert!(
        error.contains("there is no such branch; did you mean main?; it has ") && error.contains("release/1"),
        "{error}"
    );
}

/// A web server that answers each address with a page for people, or a status.
async fn site() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = vec![0; 4096];
                let read = tokio::io::AsyncReadExt::read(&mut stream, &mut request).await.unwrap_or_default();
                let request = String::from_utf8_lossy(&request[..read]).into_owned();
                let page = "<!DOCTYPE html>\n<title>Sign in</title><form>Name, password</form>\n";
                let (head, body) = match request.split('/').nth(1).unwrap_or_default() {
                    "page" => ("200 OK".to_owned(), page),
                    "away" => (format!("302 Found\r\nLocation: http://{address}/page/users/sign_in"), ""),
                    "many" => ("429 Too Many Requests".to_owned(), ""),
                    "down" => ("503 Service Unavailable".to_owned(), ""),
                    "name" => ("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"git\"".to_owned(), ""),
                    "shut" => ("403 Forbidden".to_owned(), ""),
                    _ => ("404 Not Found".to_owned(), ""),
                };
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {head}\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn what_a_web_server_answers_instead_of_git_is_told_as_what_it_is() {
    let (world, site) = (World::new().await, site().await);
    for (path, said, cure) in [
        ("page", "is this a git repository?", "a web page answered, for example to sign in"),
        ("away", "unable to update url base from redirection", "this is a web page, not a repository"),
        ("many", "429", "fetch_every_s"),
        ("name", "terminal prompts disabled", "an ssh address with a key"),
        ("shut", "403", "read access to the repository"),
        ("gone", "not found", "is the stack's address right"),
    ] {
        let error = world.mirror_of(&format!("{site}/{path}/web.git")).fetch().await.unwrap_err().to_string();
        assert!(error.contains(said) && error.contains(cure), "{path}: {error}");
        assert!(!error.contains("branch"), "{path}: {error}");
    }
    let url = site.replace("http://", "http://s3cret-token@");
    let error = Mirror::new(&world.path("mirrors"), &format!("{url}/gone/x"), None);
    let error = error.fetch().await.unwrap_err().to_string();
    assert!(error.contains("***@") && !error.contains("s3cret"), "{error}");
}

/// A server of Git LFS over HTTP: its batch API, then the content. `good` gives it, `bytes` gives something else of the same length,
/// `none` has it not, `shut` lets nobody in. Gives its address, and what was asked of it.
async fn lfs_server(content: String) -> (String, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (base, asked) = (address.clone(), std::sync::Arc::<std::sync::Mutex<Vec<String>>>::default());
    let log = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (base, content, log) = (base.clone(), content.clone(), log.clone());
            tokio::spawn(async move {
                let mut request = Vec::new();
                let whole = |request: &[u8]| {
                    let text = String::from_utf8_lossy(request).into_owned();
                    let (head, body) = text.split_once("\r\n\r\n")?;
                    let length = head
                        .lines()
                        .find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
                    (body.len() >= length.unwrap_or(0)).then(|| (head.to_owned(), body.to_owned()))
                };
                let (head, body) = loop {
                    if let Some(whole) = whole(&request) {
                        break whole;
                    }
                    if tokio::io::AsyncReadExt::read_buf(&mut stream, &mut request).await.unwrap_or(0) == 0 {
                        return;
                    }
                };
                let line = head.lines().next().unwrap_or_default().to_owned();
                log.lock().unwrap().push(line.clone());
                let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
                let kind = path.split('/').nth(1).unwrap_or_default().to_owned();
                let json = "application/vnd.git-lfs+json";
                let (status, form, answer) = match (kind.as_str(), path.ends_with("/objects/batch")) {
                    ("shut", _) => ("403 Forbidden", json, "{\"message\":\"nobody may read this\"}".to_owned()),
                    (_, true) => {
                        let wanted: serde_json::Value = serde_json::from_str(&body).unwrap();
                        let objects: Vec<serde_json::Value> = wanted["objects"].as_array().unwrap().iter().map(|object| {
                            let mut object = object.clone();
                            match kind.as_str() {
                                "none" => object["error"] = serde_json::json!({ "code": 404, "message": "Object does not exist" }),
                                _ => object["actions"] = serde_json::json!({ "download": { "href": format!("{base}/{kind}/content") } }),
                            }
                            object
                        }).collect();
                        ("200 OK", json, serde_json::json!({ "transfer": "basic", "objects": objects }).to_string())
                    }
                    ("bytes", false) => ("200 OK", "application/octet-stream", content.replace('e', "X")),
                    (_, false) if path.ends_with("/content") => ("200 OK", "application/octet-stream", content),
                    _ => ("404 Not Found", json, "{}".to_owned()),
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: {form}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    answer.len()
                );
                let _ = stream.write_all(format!("{head}{answer}").as_bytes()).await;
            });
        }
    });
    (address, asked)
}

#[tokio::test]
async fn files_of_git_lfs_come_over_http_and_what_the_server_does_not_give_right_stops_the_build() {
    let world = World::new().await;
    let content = "the content of a big file\n".repeat(200);
    let (server, asked) = lfs_server(content.clone()).await;
    let mut heads = Vec::new();
    for kind in ["good", "bytes", "none", "shut"] {
        world.write(".lfsconfig", &format!("[lfs]\n\turl = {server}/{kind}\n"));
        heads.push((kind, commit_lfs(&world, "img/big.bin", &content).await));
    }
    // The repository's own store has nothing: all must come from the server.
    std::fs::remove_dir_all(world.repo().join(".git/lfs")).unwrap();
    let mirror = world.mirror().bringing(false, true);
    mirror.fetch().await.unwrap();
    for (kind, head) in &heads {
        let stores = std::fs::read_dir(world.path("mirrors")).unwrap().map(|entry| entry.unwrap().path());
        stores.filter(|path| path.extension().is_some_and(|end| end == "lfs")).for_each(|store| {
            std::fs::remove_dir_all(store).unwrap();
        });
        let place = world.path(kind);
        let had = mirror.checkout(head, &place).await;
        match *kind {
            "good" => {
                had.unwrap();
                assert_eq!(read(&place.join("img/big.bin")), content);
                freeze(&place, None, &world.build("aaaaaaa-1"), None, &Gate::default()).unwrap();
            }
            kind => {
                let error = had.unwrap_err().to_string();
                assert!(error.starts_with("fetching the Git LFS files of "), "{kind}: {error}");
                assert!(!error.contains("panic") && error.len() < 1000, "{kind}: {error}");
                assert!(!place.exists(), "{kind}: nothing is left of what is not whole");
            }
        }
    }
    let asked = asked.lock().unwrap().clone();
    assert!(asked.iter().any(|line| line.starts_with("POST /good/objects/batch ")), "{asked:?}");
    assert!(asked.iter().any(|line| line.starts_with("GET /good/content ")), "{asked:?}");
}
