//! Bodies that are small on the wire and large behind it.

use super::target::{Back, Target};
use crate::house::DEADLINE;
use futures::future::join_all;
use pushbutton::process::Program;

/// 60 MB of zeros, packed by a tool to some kilobytes; what no tool of this machine packs is sent as gzip under its name.
async fn bomb(encoding: &str) -> Vec<u8> {
    let pack = match encoding {
        "deflate" => "python3 -c 'import sys,zlib; sys.stdout.buffer.write(zlib.compress(bytes(60<<20), 9))'",
        "zstd" => "head -c 62914560 /dev/zero | { zstd -19 -q -c 2>/dev/null || gzip -9; }",
        "br" => "head -c 62914560 /dev/zero | { brotli -c 2>/dev/null || gzip -9; }",
        _ => "head -c 62914560 /dev/zero | gzip -9",
    };
    let packed = Program::new("sh").args(["-c", pack]).output(DEADLINE).await.unwrap();
    assert!(packed.status.success() && packed.stdout.len() < 64 * 1024, "{encoding}: {} bytes", packed.stdout.len());
    packed.stdout
}

fn request(target: &Target, path: &str, headers: &str, body: &[u8], chunked: bool) -> Vec<u8> {
    let head = target.head(&format!("POST {path}"));
    let head = format!(
        "{head}origin: http://{}\r\ncontent-type: application/x-www-form-urlencoded\r\n{headers}",
        target.address
    );
    let mut request = head.into_bytes();
    match chunked {
        false => {
            request.extend(format!("content-length: {}\r\n\r\n", body.len()).bytes());
            request.extend(body);
        }
        true => {
            request.extend(b"transfer-encoding: chunked\r\n\r\n");
            for piece in body.chunks(1000) {
                request.extend(format!("{:x}\r\n", piece.len()).bytes());
                request.extend(piece);
                request.extend(b"\r\n");
            }
            request.extend(b"0\r\n\r\n");
        }
    }
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_and_sixty_packed_bodies_at_once_take_neither_memory_nor_time() {
    let target = Target::start("[auth]\nmode = \"password\"\n", &["mary"]).await;
    let packed = bomb("gzip").await;
    for many in [16, 60] {
        for chunked in [false, true] {
            let what = format!("{many} packed bodies at once{}", if chunked { ", in chunks" } else { "" });
            let request = request(&target, "/sign-in", "content-encoding: gzip\r\n", &packed, chunked);
            let answers = target.under(&what, join_all((0..many).map(|_| target.raw(&request)))).await;
            for Back { status, text } in answers {
                assert_eq!(status, Some(415), "{what}: {text}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_name_of_a_packing_gets_a_body_unpacked() {
    let target = Target::open().await;
    let mut bombs = Vec::new();
    for (name, encodings) in [
        ("gzip", &["gzip", "GZIP", "x-gzip", "identity, gzip", "gzip, gzip", "gzip;q=1", " gzip", "", "*"][..]),
        ("deflate", &["deflate", "deflate, identity"]),
        ("br", &["br", "br, br"]),
        ("zstd", &["zstd"]),
        ("identity", &["identity", "none", "compress", "aes128gcm"]),
    ] {
        let packed = bomb(name).await;
        for encoding in encodings {
            bombs.push((format!("content-encoding: {encoding}\r\n"), packed.clone()));
        }
    }
    let gzip = bomb("gzip").await;
    bombs.push(("content-encoding: identity\r\ncontent-encoding: gzip\r\n".to_owned(), gzip.clone()));
    bombs.push(("Content-ENCODING:\tgzip\r\n".to_owned(), gzip.clone()));
    let paths =
        ["/sign-in", "/stacks/web/hold", "/api/v1/stacks/web/stages/qa/push", "/api/v1/stacks/web/builds?sha=abc"];
    target
        .under("every name of a packing", async {
            for (headers, packed) in &bombs {
                for path in paths {
                    for chunked in [false, true] {
                        let back = target.raw(request(&target, path, headers, packed, chunked)).await;
                        assert_eq!(back.status, Some(415), "{headers:?} to {path}: {}", back.text);
                    }
                }
            }
        })
        .await;
    // Packed for the way, not for the resource: it is no body of ours either.
    for coding in ["gzip, chunked", "gzip", "chunked, gzip", "deflate, chunked"] {
        let headers = format!("transfer-encoding: {coding}\r\ncontent-length: {}\r\n\r\n", gzip.len());
        let mut request =
            format!("{}origin: http://{}\r\n{headers}", target.head("POST /sign-in"), target.address).into_bytes();
        request.extend(&gzip);
        let back = target.under(coding, target.raw(&request)).await;
        assert!(matches!(back.status, None | Some(400..=499 | 501)), "{coding}: {}", back.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tar_of_directories_within_directories_is_refused_before_it_fills_the_disk() {
    let target = Target::open().await;
    // 20 entries of 2,000 directories each, as long names of GNU tar: 38,339 inodes once.
    let script = "import io, sys, tarfile
out = tarfile.open(fileobj=sys.stdout.buffer, mode='w|', format=tarfile.GNU_FORMAT)
for one in range(20):
    info = tarfile.TarInfo('/'.join(['%x' % one] + ['d'] * 1990 + ['f']))
    info.size = 1
    out.addfile(info, io.BytesIO(b'x'))
for name in ['../../pwned', '/tmp/pwned-by-tar', 'a/../../pwned', 'a/./../..//pwned']:
    info = tarfile.TarInfo(name)
    out.addfile(info, io.BytesIO(b''))
out.close()
";
    let tar = Program::new("python3").args(["-c", script]).output(DEADLINE).await.unwrap();
    assert!(tar.status.success(), "{}", String::from_utf8_lossy(&tar.stderr));
    let file = target.dir.path().join("deep.tar");
    std::fs::write(&file, &tar.stdout).unwrap();
    let open = std::fs::File::open(&file).unwrap();
    let before = inodes(&target);
    let sent = target.under("a tar of many directories", async {
        let mut client = target.client.clone();
        let sent = pushbutton::demo::http::RequestBody::File(&open, tar.stdout.len() as u64);
        client.send("POST", "/api/v1/stacks/web/builds?sha=abcdef1&ref=main", sent, &[]).await.unwrap()
    });
    let answer = sent.await;
    let status = answer.status;
    let text = answer.text().await.unwrap();
    assert!((400..500).contains(&status), "{status}: {text}");
    assert_eq!(inodes(&target), before, "nothing of it is left");
    assert!(!std::path::Path::new("/tmp/pwned-by-tar").exists());
}

/// How many files and directories lie among the builds.
fn inodes(target: &Target) -> usize {
    let mut open = vec![target.dir.path().join("data/builds")];
    let mut count = 0;
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            count += 1;
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            }
        }
    }
    count
}
