//! Presses all buttons and proves what came of it by asking everybody but the server: each host over its own ssh, the IRC
//! channel, the mailbox, and a build made by hand.
//! It must never believe the server about what is on a host.

use super::press::{Presser, Tell};
use super::scene::Scene;
use crate::journal::Ended;
use crate::process::Program;
use std::path::Path;
use std::time::Duration;

/// The stack of the demo.
const STACK: &str = "web";
/// The bot says a line each two seconds at most, and retries after 5.
const TOLD_LIMIT: Duration = Duration::from_secs(60);
/// Hashing twenty pages takes milliseconds, 26 hosts at once on two cores some more.
const HASH_LIMIT: Duration = Duration::from_secs(60);

/// Prints one hash of all files below here, by content and name; REVISION is the release's own.
const HASH_TREE: &str = "find . -type f ! -path ./REVISION -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum \
                         | cut -c1-64";

/// What a host runs, by its own account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostProof {
    /// Where `current` points.
    pub current: String,
    /// The first line of `current/REVISION`.
    pub revision: String,
    /// The hash of the tree that `current` points to.
    pub tree: String,
    /// The hash of the tree of assets.
    pub assets: String,
}

/// Presses every button in order, with a commit in between that nobody may get, then asks around.
///
/// # Errors
/// What is not as it must be, one line each.
pub async fn press_and_prove(scene: &Scene, who: &str, tell: Tell<'_>) -> Result<(), Vec<String>> {
    let one = |problem: String| vec![problem];
    let mut presser = Presser::sign_in(scene.address(), who).await.map_err(one)?;
    let stages = presser.stages(STACK).await.map_err(one)?;
    let mut pushes = Vec::new();
    for (place, stage) in stages.iter().enumerate() {
        tell(&format!("── pressing {:?}", stage.button));
        let push = presser.press(STACK, &stage.name).await.map_err(one)?;
        let end = presser.follow(push, tell).await.map_err(one)?;
        if end != Ended::Succeeded {
            return Err(vec![format!("push {push} to {} ended {}", stage.name, end.word())]);
        }
        pushes.push(push);
        if place == 0 {
            let commits = scene.shop.commits().await.map_err(|error| one(error.to_string()))?;
            scene.shop.commit(commits).await.map_err(|error| one(error.to_string()))?;
            let newest = scene.shop.newest().await.map_err(|error| one(error.to_string()))?;
            tell(&format!("── meanwhile someone commits {newest}; it must go nowhere\n"));
        }
    }
    let mut problems = Vec::new();
    check_announcements(scene, &pushes, tell, &mut problems).await;
    hosts(scene, &mut presser, tell, &mut problems).await;
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Asks every host what it runs, and compares with what the first stage runs by the server's account.
///
/// # Errors
/// What is not as it must be, one line each.
pub async fn ask_around(scene: &Scene, who: &str, tell: Tell<'_>) -> Result<(), Vec<String>> {
    let mut presser = Presser::sign_in(scene.address(), who).await.map_err(|problem| vec![problem])?;
    let mut problems = Vec::new();
    hosts(scene, &mut presser, tell, &mut problems).await;
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// IRC and mail must each have the start and the end of every push.
async fn check_announcements(scene: &Scene, pushes: &[i64], tell: Tell<'_>, problems: &mut Vec<String>) {
    let mails = scene.mail.wait_for(pushes.len() * 2, TOLD_LIMIT).await;
    let all_told = || pushes.iter().all(|push| mentions(&irc_lines(scene), *push).len() >= 2);
    scene.witness.wait_for(TOLD_LIMIT, |_| all_told()).await;
    tell(&format!("── on IRC ({})", super::irc::CHANNEL));
    let lines = irc_lines(scene);
    lines.iter().for_each(|line| tell(&format!("  {line}")));
    for push in pushes {
        for (where_, words) in [("IRC", mentions(&lines, *push)), ("the mailbox", mentions(&mails, *push))] {
            if words.len() < 2 || !words.iter().any(|words| words.contains(Ended::Succeeded.word())) {
                problems.push(format!("{where_} does not have start and end of push {push}: {} found", words.len()));
            }
        }
    }
    if let Some(last) = mails.last() {
        tell("\n── the last mail");
        last.lines().for_each(|line| tell(&format!("  {line}")));
    }
}

fn irc_lines(scene: &Scene) -> Vec<String> {
    scene.witness.said().into_iter().map(|(nick, words)| format!("<{nick}> {words}")).collect()
}

/// Those texts that link to a push.
fn mentions(texts: &[String], push: i64) -> Vec<&String> {
    let link = format!("/pushes/{push}");
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_digit());
    texts.iter().filter(|text| text.match_indices(&link).any(|(at, _)| ends(&text[at + link.len()..]))).collect()
}

/// Every host must run the first stage's revision, with exactly the bytes that a build by hand makes of it.
async fn hosts(scene: &Scene, presser: &mut Presser, tell: Tell<'_>, problems: &mut Vec<String>) {
    let stages = match presser.stages(STACK).await {
        Ok(stages) => stages,
        Err(why) => return problems.push(why),
    };
    let Some(first) = stages.first().and_then(|stage| stage.current.clone()) else {
        return problems.push("the first stage runs nothing".to_owned());
    };
    let by_hand = match build_by_hand(scene, &first.sha).await {
        Ok(hashes) => hashes,
        Err(why) => return problems.push(why),
    };
    let mut names = Vec::new();
    for stage in &stages {
        names.extend(stage.hosts.iter().map(|host| (stage.name.as_str(), host.as_str())));
        let same = stage.current.as_ref().is_some_and(|now| now.build == first.build && now.root == first.root);
        if !same {
            problems.push(format!("the page of {} shows another build than {}'s", stage.name, stages[0].name));
        }
    }
    tell(&format!(
        "\n── what the hosts run (built by hand from {}, the tree is {})",
        short(&first.sha),
        short(&by_hand.0)
    ));
    tell(&format!("  {:<10} {:<10} {:<14} {:<14} {:<14} ", "stage", "host", "revision", "tree", "assets"));
    let asked = names.iter().map(|(_, host)| ask(scene, host));
    for ((stage, host), found) in names.iter().zip(futures::future::join_all(asked).await) {
        let verdict = match &found {
            Err(why) => why.clone(),
            Ok(found) if !found.current.ends_with(&format!("releases/{}", first.build)) => {
                format!("current points to {}, not to build {}", found.current, first.build)
            }
            Ok(found) if found.revision != first.sha => format!("is not revision {}", first.sha),
            Ok(found) if found.tree != by_hand.0 => "other bytes than a build by hand".to_owned(),
            Ok(found) if found.assets != by_hand.1 => "other assets than a build by hand".to_owned(),
            Ok(_) => String::new(),
        };
        let shown = found.map(|f| [f.revision, f.tree, f.assets].map(|text| short(&text))).unwrap_or_default();
        let mark = if verdict.is_empty() { "✓" } else { "✗" };
        tell(&format!("  {stage:<10} {host:<10} {:<14} {:<14} {:<14} {mark} {verdict}", shown[0], shown[1], shown[2]));
        if !verdict.is_empty() {
            problems.push(format!("{host}: {verdict}"));
        }
    }
}

fn short(hash: &str) -> String {
    hash.chars().take(12).collect()
}

/// Asks a host what it runs, over the fleet's own ssh.
///
/// # Errors
/// What the host, or ssh, said instead.
pub async fn ask(scene: &Scene, host: &str) -> Result<HostProof, String> {
    let script = format!(
        "set -e; cd /srv/web; readlink current; head -n 1 current/REVISION; cd current/; {HASH_TREE}; \
         cd /srv/web/assets; {HASH_TREE}"
    );
    let output = scene.fleet.ssh(host, &script).await.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().map(str::trim).collect::<Vec<_>>()[..] {
        [current, revision, tree, assets] => Ok(HostProof {
            current: current.to_owned(),
            revision: revision.to_owned(),
            tree: tree.to_owned(),
            assets: assets.to_owned(),
        }),
        _ => Err(format!("cannot be asked: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

/// The hashes that the site of a revision and its assets must have.
async fn build_by_hand(scene: &Scene, revision: &str) -> Result<(String, String), String> {
    let parent = tempfile::tempdir_in(scene.dir()).map_err(|error| format!("making a directory: {error}"))?;
    let dir = parent.path().join("by-hand");
    let site = scene.shop.build_by_hand(revision, &dir).await.map_err(|error| error.to_string())?;
    let assets = hash_tree(&site.join("assets")).await?;
    Ok((hash_tree(&site).await?, assets))
}

async fn hash_tree(dir: &Path) -> Result<String, String> {
    let output = Program::new("/bin/sh").args(["-c", HASH_TREE]).dir(dir).output(HASH_LIMIT).await;
    let output = output.map_err(|error| format!("hashing {}: {error}", dir.display()))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_is_mentioned_by_its_link_and_not_by_a_longer_number() {
        let texts = ["x · http://h/pushes/2", "http://h/pushes/21", "see http://h/pushes/21 and http://h/pushes/2."];
        let texts = texts.map(str::to_owned);
        assert_eq!(mentions(&texts, 2), [&texts[0], &texts[2]]);
        assert_eq!(mentions(&texts, 21), [&texts[1], &texts[2]]);
    }
}
