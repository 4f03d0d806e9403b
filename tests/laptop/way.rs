//! What breaks on the way from a laptop to its server: nothing is lost or shown twice, nothing is pushed twice, and the token goes to nobody
//! else.

use super::{Laptop, TEMPER, host_file};
use crate::cli::{ended, pushbutton};
use crate::house::{DEADLINE, House, Plans, until};
use pushbutton::demo::lifeline::Lifeline;
use pushbutton::process::Program;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// Bytes of a stream that come through before it is cut.
const CUT_AFTER: u64 = 1500;
/// How many streams are cut.
const STREAMS: usize = 6;

/// Gives the server another address, which is that of what stands before it.
async fn behind(house: &mut House, url: &str) {
    house.kill_server().await;
    let file = house.dir.path().join("config.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let before = format!("url = \"{}\"", house.url);
    assert!(config.contains(&before), "{config}");
    std::fs::write(&file, config.replace(&before, &format!("url = \"{url}\""))).unwrap();
    house.start().await;
}

/// Stands before a server, and cuts: the answer to the first push, and the first streams in their middle.
async fn cuts(listener: TcpListener, server: String, pushes: Arc<AtomicUsize>) {
    let streams = Arc::new(AtomicUsize::new(0));
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        let (server, pushes, streams) = (server.clone(), Arc::clone(&pushes), Arc::clone(&streams));
        tokio::spawn(async move {
            let mut head = vec![0; 16 << 10];
            let length = client.read(&mut head).await.unwrap_or(0);
            let text = String::from_utf8_lossy(&head[..length]).into_owned();
            let Ok(mut upstream) = TcpStream::connect(&server).await else { return };
            upstream.write_all(&head[..length]).await.unwrap();
            if text.starts_with("POST ") && text.contains("/push HTTP") && pushes.fetch_add(1, Ordering::SeqCst) == 0 {
                // The server has done it and says so; nobody hears it.
                let (mut answer, mut to) = upstream.split();
                let mut unheard = [0; 4096];
                let rest_of_the_request = async {
                    let _ = copy(&mut client, &mut to).await;
                    std::future::pending::<()>().await;
                };
                tokio::select! {
                    _ = answer.read(&mut unheard) => {}
                    () = rest_of_the_request => {}
                }
                return;
            }
            if text.contains("/events HTTP") && streams.fetch_add(1, Ordering::SeqCst) < STREAMS {
                let _ = copy(&mut upstream.take(CUT_AFTER), &mut client).await;
                return;
            }
            let _ = copy_bidirectional(&mut client, &mut upstream).await;
        });
    }
}

#[tokio::test]
async fn through_cut_connections_and_a_restart_one_push_is_made_and_each_line_is_shown_once() {
    let mut house = House::build(Plans { qa: &["qa1", "qa2"], commands: TEMPER, ..Plans::default() }).await;
    house.button("qa").await;
    let laptop = Laptop::of(&house).await;
    let server = house.url.strip_prefix("http://").unwrap().to_owned();
    let at = server.replace(":8090", ":8091");
    let url = format!("http://{at}");
    behind(&mut house, &url).await;
    let pushes = Arc::new(AtomicUsize::new(0));
    let proxy = tokio::spawn(cuts(TcpListener::bind(&at).await.unwrap(), server, Arc::clone(&pushes)));
    laptop.knows(&url);
    std::fs::write(host_file(&house, "qa1", "slow"), "").unwrap();
    let watched = laptop.program(&["push", "web", "qa", "--follow"]).start().unwrap();
    house.journal_says(1, "slowly\"").await;
    house.kill_server().await;
    house.start().await;
    std::fs::remove_file(host_file(&house, "qa1", "slow")).unwrap();
    let pushed = ended(watched).await;
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    assert_eq!(pushes.load(Ordering::SeqCst), 2, "the push was sent twice");
    let again = pushbutton(&house, &["follow", "1"]).await;
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(pushed.out.ends_with(&again.out), "each line once, in order:\n{}\n{}", pushed.out, again.out);
    assert_eq!(pushbutton(&house, &["follow", "2"]).await.code, Some(1), "and made once");
    proxy.abort();
}

#[tokio::test]
async fn a_token_follows_no_redirect() {
    let house = House::build(Plans { qa: &["qa1"], ..Plans::default() }).await;
    let laptop = Laptop::of(&house).await;
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (to, at) = (other.local_addr().unwrap(), listener.local_addr().unwrap());
    let leads = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await;
        let answer = format!("HTTP/1.1 301 Moved\r\nLocation: http://{to}/api/v1/stacks\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    let said = laptop.run(&["status", "--server", &format!("http://{at}"), "--token-file", "token"]).await;
    leads.await.unwrap();
    assert_eq!(said.code, Some(1), "{said:?}");
    let led = format!("leads to http://{to}, where the token is not sent");
    assert!(said.err.contains(&led) && said.err.contains("hint: "), "{said:?}");
    let nobody = tokio::time::timeout(std::time::Duration::from_millis(1), other.accept()).await;
    assert!(nobody.is_err(), "nobody came there");
}

#[tokio::test]
async fn over_https_a_laptop_believes_the_certificates_that_it_was_told_of_and_no_others() {
    let mut house = House::build(Plans { qa: &["qa1"], ..Plans::default() }).await;
    house.button("qa").await;
    let laptop = Laptop::of(&house).await;
    let server = house.url.strip_prefix("http://").unwrap().to_owned();
    let ip = server.strip_suffix(":8090").unwrap().to_owned();
    let url = format!("https://{ip}:8443");
    behind(&mut house, &url).await;
    let dir = house.dir.path().to_owned();
    let [authority, its_key, cert, key] =
        ["ca.pem", "ca.key", "site.pem", "site.key"].map(|name| dir.join(name).display().to_string());
    let openssl = async |args: &[&str]| {
        let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
        let made =
            Program::new("openssl").args(["req", "-x509"]).args(curve).args(args).output(DEADLINE).await.unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    };
    openssl(&["-subj", "/CN=authority", "-keyout", &its_key, "-out", &authority]).await;
    let name = format!("subjectAltName=IP:{ip}");
    let signed = ["-CA", &authority, "-CAkey", &its_key, "-addext", "basicConstraints=critical,CA:FALSE"];
    openssl(&[&signed[..], &["-subj", "/CN=push", "-addext", &name, "-keyout", &key, "-out", &cert]].concat()).await;
    let here = dir.display();
    let temps = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|it| format!("{it}_temp_path {here}/{it};\n"));
    let config = format!(
        "daemon off;\nmaster_process off;\npid {here}/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{}\
         server {{ listen {ip}:8443 ssl; ssl_certificate {cert}; ssl_certificate_key {key}; client_max_body_size 0;\n\
         location / {{ proxy_pass http://{server}; proxy_http_version 1.1; proxy_set_header Host $http_host; \
         proxy_buffering off; }} }} }}\n",
        temps.concat()
    );
    let file = dir.join("nginx.conf").display().to_string();
    std::fs::write(&file, config).unwrap();
    let argv = ["/usr/sbin/nginx", "-c", &file, "-e", "stderr"];
    let _nginx = Lifeline::keep_running(&argv, &dir.join("nginx.log")).await.unwrap();
    until("nginx answers", async || TcpStream::connect(format!("{ip}:8443")).await.ok()).await;

    laptop.knows(&url);
    let unknown = laptop.run(&["status"]).await;
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert!(unknown.err.contains("cannot reach") && unknown.err.contains("--ca-file"), "{unknown:?}");
    let none = laptop.run(&["status", "--ca-file", "token"]).await;
    assert!(none.code == Some(1) && none.err.contains("holds no certificate"), "{none:?}");

    laptop.knows_by(&url, &authority);
    let pushed = laptop.run(&["push", "web", "qa", "--follow"]).await;
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    assert!(pushed.out.contains("succeeded, 1 of 1 host has the build"), "{pushed:?}");
    let back = laptop.run_in(&[("PUSHBUTTON_CA_FILE", authority.as_str())], &["log", "1"]).await;
    assert_eq!(back.code, Some(0), "{back:?}");
    // A name that the certificate does not have.
    let other = laptop.run(&["status", "--server", "https://localhost:8443", "--token-file", "token"]).await;
    assert_eq!(other.code, Some(1), "{other:?}");
}
