//! Accounts of IRC: signing in by SASL, over TLS, at a real InspIRCd with real services (Atheme), which knows who signed in; and the bot's own nick,
//! which it takes back when it is free.

use super::*;
use assert_cmd::Command;
use pushbutton::demo::lifeline::Lifeline;
use pushbutton::process::Program;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PASSWORD: &str = "c0rrect-horse";

/// An InspIRCd whose services know the account `push`.
struct Network {
    plain: u16,
    tls: u16,
    _server: Lifeline,
    _services: Lifeline,
}

impl Network {
    async fn start(dir: &Path) -> Self {
        std::fs::create_dir_all(dir.join("data")).unwrap();
        let listeners = [(); 3].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let [plain, tls, link] = listeners.map(|listener| listener.local_addr().unwrap().port());
        // An authority, and a certificate of it.
        let authority = ["-x509", "-days", "2", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem"];
        let own = [
            "-x509",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
            "-CA",
            "ca.pem",
        ];
        let own = own.into_iter().chain(["-CAkey", "ca.key", "-addext", "subjectAltName=DNS:localhost"]);
        let own = own.chain(["-addext", "basicConstraints=critical,CA:FALSE"]).collect();
        for args in [authority.to_vec(), own] {
            let made = Program::new("openssl").args(["req", "-newkey", "rsa:2048", "-nodes"]).args(args).dir(dir);
            let made = made.output(LIMIT).await.unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        let at = dir.display();
        let server = format!(
            "<server name=\"irc.test.example\" description=\"Test\" network=\"Test\"><admin name=\"t\" nick=\"t\" email=\"t@example.com\">
<bind address=\"127.0.0.1\" port=\"{plain}\" type=\"clients\"><bind address=\"127.0.0.1\" port=\"{tls}\" type=\"clients\" sslprofile=\"own\">
<bind address=\"127.0.0.1\" port=\"{link}\" type=\"servers\">
<connect allow=\"*\" timeout=\"20\" localmax=\"100\" globalmax=\"100\" threshold=\"1000\" commandrate=\"100000\" fakelag=\"no\" resolvehostnames=\"no\">
<path pid=\"{at}/data/pid\" configdir=\"{at}\" datadir=\"{at}/data\" logdir=\"{at}/data\" runtimedir=\"{at}/data\">
<module name=\"cap\"><module name=\"sasl\"><sasl target=\"services.test.example\" requiressl=\"no\"><module name=\"services_account\">
<module name=\"spanningtree\"><module name=\"chghost\"><module name=\"ssl_gnutls\">
<sslprofile name=\"own\" provider=\"gnutls\" certfile=\"{at}/cert.pem\" keyfile=\"{at}/key.pem\">
<link name=\"services.test.example\" ipaddr=\"127.0.0.1\" port=\"{link}\" allowmask=\"127.0.0.1\" timeout=\"30\" sendpass=\"l\" recvpass=\"l\">
<uline server=\"services.test.example\" silent=\"yes\"><dns timeout=\"1\">\n"
        );
        std::fs::write(dir.join("inspircd.conf"), server).unwrap();
        let modules = ["protocol/inspircd", "backend/opensex", "crypto/pbkdf2v2", "nickserv/main", "nickserv/register"];
        let modules = modules.into_iter().chain(["nickserv/identify", "saslserv/main", "saslserv/plain"]);
        let modules: String = modules.map(|module| format!("loadmodule \"modules/{module}\";\n")).collect();
        let services = format!(
            "{modules}serverinfo {{ name = \"services.test.example\"; desc = \"Services\"; numeric = \"00A\"; recontime = 1;
netname = \"Test\"; hidehostsuffix = \"users.test\"; adminname = \"t\"; adminemail = \"t@example.com\"; registeremail = \"no@example.com\";
mta = \"/bin/true\"; loglevel = {{ error; info; network; }}; maxlogins = 50; maxusers = 0; maxnicks = 5; maxchans = 5; mdlimit = 30;
emaillimit = 100; emailtime = 300; auth = none; casemapping = rfc1459; }};
uplink \"irc.test.example\" {{ host = \"127.0.0.1\"; port = {link}; send_password = \"l\"; receive_password = \"l\"; }};
nickserv {{ nick = \"NickServ\"; user = \"NickServ\"; host = \"services.test.example\"; real = \"Nicks\"; aliases {{ }}; access {{ }}; }};
saslserv {{ nick = \"SaslServ\"; user = \"SaslServ\"; host = \"services.test.example\"; real = \"SASL\"; }};
general {{ helpchan = \"#help\"; helpurl = \"\"; verbose_wallops = false; flood_msgs = 0; commit_interval = 5; }};\n"
        );
        std::fs::write(dir.join("atheme.conf"), services).unwrap();
        let config = format!("--config={at}/inspircd.conf");
        let own = ["/usr/sbin/inspircd", &config, "--nofork", "--runasroot"];
        let own = if nix::unistd::geteuid().is_root() { &own[..] } else { &own[..3] };
        let server = Lifeline::keep_running(own, &dir.join("inspircd.log")).await.unwrap();
        let [conf, log, pid] = ["atheme.conf", "atheme.log", "atheme.pid"].map(|name| format!("{at}/{name}"));
        let data = format!("{at}/data");
        let own = ["/usr/bin/atheme-services", "-n", "-c", &conf, "-D", &data, "-l", &log, "-p", &pid];
        let services = Lifeline::keep_running(&own, &dir.join("atheme.out")).await.unwrap();
        let network = Self { plain, tls, _server: server, _services: services };
        // The services come when the server is there; only they know what this is.
        until("the services take the account", async || {
            let said =
                network.said_to("push", &format!("PRIVMSG NickServ :REGISTER {PASSWORD} push@example.com")).await;
            said.contains("is now registered").then_some(())
        })
        .await;
        network
    }

    /// What the network answers someone of this nick within a moment.
    async fn said_to(&self, nick: &str, line: &str) -> String {
        let Ok(mut connection) = TcpStream::connect(("127.0.0.1", self.plain)).await else { return String::new() };
        connection.write_all(format!("NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n").as_bytes()).await.unwrap();
        let (mut said, mut asked) = (String::new(), false);
        let talk = async {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = connection.read(&mut bytes).await {
                said += &String::from_utf8_lossy(&bytes[..read]);
                // Before it has welcomed someone it takes nothing from them.
                if !asked && said.contains(&format!(" 422 {nick} ")) {
                    asked = true;
                    connection.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
                }
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(2), talk).await;
        said
    }

    /// The configuration, with a password of the account.
    fn config(&self, dir: &Path, password: &str, tls: bool) -> String {
        let file = dir.join(format!("sasl-{}", password.len()));
        std::fs::write(&file, password).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let (server, port) = if tls { ("localhost", self.tls) } else { ("127.0.0.1", self.plain) };
        format!(
            "[irc]\nserver = \"{server}\"\nport = {port}\ntls = {tls}\nchannel = \"{CHANNEL}\"\nnick = \"bot\"\nsasl_user = \"push\"\n\
             sasl_password_file = {file:?}\n"
        )
    }
}

#[tokio::test]
async fn the_bot_signs_in_to_its_account_by_sasl_and_says_what_is_wrong_where_it_cannot() {
    let office = Office::open();
    let dir = office.dir.path();
    let network = Network::start(&dir.join("net")).await;
    let at = std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, network.plain);
    let witness = IrcWitness::join(at, "witness", None).await.unwrap();
    let delivery = Delivery::with(&office, super::several::config_of(&network.config(dir, PASSWORD, false)));
    office.write(ended(1), &[IRC]).await;
    assert_eq!(heard(&witness, 1).await, [("bot".to_owned(), ENDED_1.to_owned())]);
    let whois = network.said_to("asker", "WHOIS bot").await;
    assert!(whois.contains(" 330 asker bot push :is logged in as"), "the network knows who it is: {whois}");
    drop(delivery);

    let delivery = Delivery::with(&office, super::several::config_of(&network.config(dir, "wrong", false)));
    let why = until("it is refused", async || delivery.broken(IRC)).await;
    assert!(why.contains("the server refuses our sign-in as push: SASL authentication failed"), "{why}");
    assert!(why.contains("correct sasl_user and its password") && !why.contains("wrong"), "{why}");
    drop(delivery);

    // A server that cannot.
    let (server, _witness) = irc(&office).await;
    let text =
        network.config(dir, PASSWORD, false).replace(&network.plain.to_string(), &server.address().port().to_string());
    let delivery = Delivery::with(&office, super::several::config_of(&text));
    let why = until("it is refused", async || delivery.broken(IRC)).await;
    assert!(why.contains("the server does not offer to sign in by SASL"), "{why}");
    drop(delivery);

    // Over TLS, by the program itself, which trusts the certificate here.
    let file = dir.join("config.toml");
    let test = |trusts: &str| {
        let text = format!("url = \"https://push.example.com\"\n{}", network.config(dir, PASSWORD, true));
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_pushbutton"));
        command.args(["--config", file.to_str().unwrap(), "announce", "test"]).env("SSL_CERT_FILE", dir.join(trusts));
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let said = test("net/ca.pem");
    let expected = format!("ok    irc: said in {CHANNEL} on localhost:{}\n", network.tls);
    assert_eq!((said.0, said.1.as_str()), (Some(0), expected.as_str()), "{}", said.2);
    assert!(heard(&witness, 2).await[1].1.contains("is testing announcements: this one arrived"));
    std::fs::write(dir.join("none.pem"), "").unwrap();
    let (code, said, _) = test("none.pem");
    assert!(code == Some(1) && said.starts_with("wrong irc: cannot reach localhost:"), "{said}");
    assert!(said.contains("hint: see [irc] in config.toml"), "{said}");
}

#[tokio::test]
async fn the_bot_takes_its_own_nick_back_when_it_is_free() {
    let office = Office::open();
    let (server, witness) = irc(&office).await;
    let mut squatter = TcpStream::connect(server.address()).await.unwrap();
    squatter.write_all(b"NICK pushbutton\r\nUSER s 0 * :s\r\nJOIN #push\r\n").await.unwrap();
    until_so("someone has the nick", || witness.lines().iter().any(|line| line.starts_with(":pushbutton!"))).await;
    let _delivery = Delivery::start(&office, Some(server.address().port()), None);
    office.write(started(1), &[IRC]).await;
    assert_eq!(heard(&witness, 1).await[0], ("pushbutton_".to_owned(), STARTED_1.to_owned()));
    squatter.write_all(b"QUIT :bye\r\n").await.unwrap();
    until_so("it is taken back", || witness.lines().iter().any(|line| line.ends_with(" NICK :pushbutton"))).await;
    office.write(ended(1), &[IRC]).await;
    assert_eq!(heard(&witness, 2).await[1], ("pushbutton".to_owned(), ENDED_1.to_owned()));
}
