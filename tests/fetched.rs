//! Builds that a real server fetches from a real one over TLS: only from who can show by this machine's certificates that it is who its name
//! says; and an order with a key stays done, whatever becomes of the server meanwhile.

use crate::house::{House, Plans, until};
use crate::published::of_published;
use crate::web::artifacts::{sha256, tar_of};
use pushbutton::demo::http::RequestBody;
use pushbutton::demo::lifeline::Lifeline;
use pushbutton::process::Program;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

/// Makes a certificate with its key, `NAME.pem` and `NAME.key`, signed by another one if one is named.
async fn certificate(dir: &Path, name: &str, by: Option<&str>, more: &[&str]) {
    let file = |name: &str, kind: &str| dir.join(format!("{name}.{kind}")).display().to_string();
    let mut made = Program::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", &format!("/CN={name}"), "-keyout", &file(name, "key"), "-out", &file(name, "pem")])
        .args(more);
    if let Some(by) = by {
        made = made.args(["-CA", &file(by, "pem"), "-CAkey", &file(by, "key")]);
    }
    let made = made.output(Duration::from_secs(60)).await.unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// nginx with the files of a directory, on three addresses: with a certificate that is trusted, with one for another name, with one that nobody
/// signed.
async fn artifacts(dir: &Path) -> ([u16; 3], Lifeline) {
    let ours = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"];
    let others = ["-addext", "subjectAltName=DNS:other.example.com", "-addext", "basicConstraints=critical,CA:FALSE"];
    certificate(dir, "ca", None, &[]).await;
    certificate(dir, "good", Some("ca"), &ours).await;
    certificate(dir, "other", Some("ca"), &others).await;
    certificate(dir, "alone", None, &ours).await;
    let here = dir.display();
    let free = [(); 3].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let ports = free.map(|free| free.local_addr().unwrap().port());
    let servers = ports.iter().zip(["good", "other", "alone"]).map(|(port, name)| {
        format!(
            "server {{ listen 127.0.0.1:{port} ssl; root {here}/files; ssl_certificate {here}/{name}.pem; \
             ssl_certificate_key {here}/{name}.key; }}\n"
        )
    });
    let temps =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|what| format!("{what}_temp_path {here}/{what};\n"));
    let config = format!(
        "daemon off;\nmaster_process off;\npid {here}/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n\
         access_log {here}/asked.log;\n{}{}}}\n",
        temps.concat(),
        servers.collect::<String>()
    );
    let file = dir.join("nginx.conf").display().to_string();
    std::fs::write(&file, config).unwrap();
    let (argv, log) = (["/usr/sbin/nginx", "-c", &file, "-e", "stderr"], dir.join("nginx.log"));
    let nginx = Lifeline::keep_running(&argv, &log).await.unwrap();
    until("nginx answers", async || tokio::net::TcpStream::connect(("127.0.0.1", ports[0])).await.ok()).await;
    (ports, nginx)
}

#[tokio::test]
async fn a_build_is_fetched_over_tls_from_who_can_prove_its_name_and_an_order_with_a_key_outlives_the_server() {
    let dir = tempfile::Builder::new().prefix("pb").tempdir().unwrap();
    let at = dir.path();
    let tar = tar_of("hello");
    std::fs::create_dir(at.join("files")).unwrap();
    std::fs::write(at.join("files/web.tar"), &tar).unwrap();
    let ([good, other, alone], _nginx) = artifacts(at).await;
    // What the machine trusts is the machine's; here it is this variable.
    let binary = at.join("pushbutton");
    let text = format!(
        "#!/bin/sh\nSSL_CERT_FILE='{}' exec '{}' \"$@\"\n",
        at.join("ca.pem").display(),
        env!("CARGO_BIN_EXE_pushbutton")
    );
    std::fs::write(&binary, text).unwrap();
    std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = format!(
        "[artifacts]\nhosts = [\"127.0.0.1:{good}\", \"127.0.0.1:{other}\", \"127.0.0.1:{alone}\"]\nnetworks = [\"127.0.0.1/32\"]\n"
    );
    let mut house = of_published(Plans { qa: &["qa1"], config, binary: Some(binary), ..Plans::default() }).await;
    let publish = async |house: &House, port: u16, key: &str| {
        let url = format!("https://127.0.0.1:{port}/web.tar");
        let body = json!({ "artifact_url": url, "sha256": sha256(&tar), "sha": "1".repeat(40), "title": "One" });
        let (body, more) = (body.to_string(), [("Idempotency-Key", key)]);
        let path = "/api/v1/stacks/web/builds";
        let answer = house.client().clone().send("POST", path, RequestBody::Json(&body), &more).await.unwrap();
        let status = answer.status;
        let said: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        (status, said)
    };
    for (port, what) in [(other, "NotValidForName"), (alone, "UnknownIssuer")] {
        let (status, said) = publish(&house, port, what).await;
        let why = said["error"]["message"].as_str().unwrap();
        assert!((400..600).contains(&status) && why.contains("certificate"), "{what}: {status} {said}");
    }
    let (status, said) = publish(&house, good, "nightly").await;
    assert_eq!((status, said["build"]["build"].as_str().is_some()), (201, true), "{said}");
    house.kill_server().await;
    house.start().await;
    assert_eq!(publish(&house, good, "nightly").await, (201, said.clone()), "the same answer, by another process");
    let asked = std::fs::read_to_string(at.join("asked.log")).unwrap();
    assert_eq!(asked.matches("GET /web.tar").count(), 1, "{asked}");
    let (status, again) = publish(&house, good, "another").await;
    assert_eq!((status, &again["build"]), (200, &said["build"]), "what is there is not published twice");
}
