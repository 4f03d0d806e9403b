//! What a terminal shows while a push is followed: lines above, the grid of the hosts below; and nothing of it where there is no terminal.

use super::Laptop;
use crate::cli::pushbutton;
use crate::house::{DEADLINE, House, Plans, in_time, let_go, waits_for};
use pushbutton::process::Program;
use tokio::io::AsyncReadExt;

#[tokio::test]
async fn a_terminal_shows_the_hosts_of_a_push_below_its_lines_and_takes_the_grid_away_at_the_end() {
    let commands = format!("{{ run = \"{}; echo done here\" }},", waits_for("go"));
    let house = House::build(Plans { qa: &["qa1", "qa2"], commands: &commands, ..Plans::default() }).await;
    house.button("qa").await;
    let laptop = Laptop::of(&house).await;
    laptop.knows(&house.url);
    for (push, colour) in [("1", ""), ("2", "1")] {
        let command = format!("stty cols 60 rows 20; exec {} push web qa --follow", env!("CARGO_BIN_EXE_pushbutton"));
        let program = Program::new("script").args(["-qfec", &command, "/dev/null"]).with_input().dir(&laptop.path("."));
        let program = program.env("HOME", laptop.path(".")).env("TERM", "xterm").env("NO_COLOR", colour);
        let mut child = program.env("SHELL", "/bin/sh").start().unwrap();
        let (mut out, input) = (child.stdout.take().unwrap(), child.stdin.take());
        let mut shown = Vec::new();
        let mut part = [0; 4096];
        let mut text = String::new();
        let reads = in_time("the hosts run", async {
            while !text.contains("▸ 2 running") {
                let length = out.read(&mut part).await.unwrap();
                assert!(length > 0, "{text}");
                shown.extend(&part[..length]);
                text = String::from_utf8_lossy(&shown).into_owned();
            }
        });
        reads.await;
        let coloured = text.contains("\u{1b}[36m▸\u{1b}[0m qa1");
        assert_eq!(coloured, colour.is_empty(), "{text:?}");
        assert!(text.contains("▸") && text.contains("\u{1b}[J"), "{text:?}");
        for line in text.split(['\n', '\r']).filter(|line| line.contains("──")) {
            assert!(line.chars().count() < 80, "{line:?}");
        }
        let_go(&house, "go", &["qa1", "qa2"]);
        let rest = tokio::time::timeout(DEADLINE, out.read_to_end(&mut shown)).await.unwrap();
        rest.unwrap();
        let code = child.wait().await.unwrap().code();
        drop(input);
        let text = String::from_utf8_lossy(&shown).into_owned();
        assert_eq!(code, Some(0), "{text}");
        let after = text.rsplit("\u{1b}[J").next().unwrap();
        assert!(after.contains("succeeded, ") && !after.contains("──"), "nothing of it is left: {after:?}");
        // Every line of the push is there, each once.
        for line in pushbutton(&house, &["follow", push]).await.out.lines() {
            assert!(text.contains(line.trim_end()), "{line:?} in {text:?}");
        }
        for host in ["qa1", "qa2"] {
            std::fs::remove_file(house.fleet.host(host).unwrap().tmp_dir().join("go")).unwrap();
        }
    }
}
