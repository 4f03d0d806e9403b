//! The files that `docs/ci.md` shows for GitHub Actions, GitLab CI, Jenkins and TeamCity: each is read as its program reads it, and what it has a
//! shell do is done, by such a shell, with the variables that such a program sets, against a real server with real hosts. Each is a whole
//! pipeline: CI builds, publishes and pushes to QA; a person starts the second part, which promotes what QA runs.

mod files;

use crate::cli::pushbutton;
use crate::docs::page;
use crate::docs::runs::programs;
use crate::house::{DEADLINE, House, until};
use files::Job;
use pushbutton::demo::fleet::Fleet;
use pushbutton::demo::repo::Shop;
use pushbutton::process::Program;
use std::path::Path;

const PAGE: &str = "docs/ci.md";
const SITE: &str = "https://push.example.com";

const STACK: &str = r#"
title  = "Web"
source = { published = true }
refs   = ["main"]
[hosts]
qa   = ["qa1"]
prod = ["web1", "web2"]
[lists]
roll-out = [{ release = "/srv/web" }, { activate = "/srv/web" }, { run = "test ! -e /srv/bad" }]
[[stage]]
name     = "qa"
hosts    = "qa"
commands = "roll-out"
[[stage]]
name     = "prod"
hosts    = "prod"
commands = "roll-out"
"#;

/// What a program of CI says of itself to a shell.
struct Run<'a> {
    house: &'a House,
    /// Where the commit is checked out.
    workspace: &'a Path,
    /// What it sets, beside what its file says.
    variables: Vec<(&'static str, String)>,
    token: String,
}

impl Run<'_> {
    /// Runs a job as its program does: each script by that shell, until one fails. The exit code, and what was said.
    async fn job(&self, job: &Job) -> (i32, String) {
        let mut said = String::new();
        for script in &job.scripts {
            let file = self.workspace.join("step.sh");
            std::fs::write(&file, script).unwrap();
            let path = format!("{}:{}", programs(self.workspace).display(), std::env::var("PATH").unwrap());
            let program = Program::new(job.shell[0]).args(&job.shell[1..]).arg(&file).dir(self.workspace);
            let program = program.env("PATH", path).env("HOME", self.workspace);
            let named = self.variables.iter().map(|(name, value)| (*name, value.clone()));
            let program = named.fold(program, |program, (name, value)| program.env(name, value));
            // A secret and the address are what a reader changes.
            let of_job = job.environment.iter().map(|(name, value)| {
                let value = if value == SITE { self.house.url.clone() } else { value.clone() };
                (name.clone(), if value == files::SECRET { self.token.clone() } else { value })
            });
            let ran = of_job.fold(program, |program, (name, value)| program.env(name, value));
            let ran = ran.output(DEADLINE).await.unwrap();
            said += &format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
            if !ran.status.success() {
                return (ran.status.code().unwrap(), said);
            }
        }
        (0, said)
    }
}

fn live(house: &House, host: &str) -> String {
    let file = house.fleet.host(host).unwrap().srv_dir().join("web/current/index.html");
    std::fs::read_to_string(file).unwrap_or_default()
}

#[tokio::test]
async fn each_file_for_ci_publishes_pushes_to_qa_by_itself_and_promotes_when_a_person_says_so() {
    let dir = tempfile::Builder::new().prefix("pb").tempdir().unwrap();
    let fleet = Fleet::start(&dir.path().join("fleet"), &["qa1", "web1", "web2"]).await.unwrap();
    let shop = Shop::open_in(&dir.path().join("shop")).await.unwrap();
    let house = House::raise(dir, fleet, shop, STACK, "", None).await;
    let block = |begins: &str| page(PAGE).block(begins);
    let all = [
        ("GitHub Actions", files::github(&block("# .github/workflows/deploy.yml"))),
        ("GitLab CI", files::gitlab(&block("# .gitlab-ci.yml"))),
        ("Jenkins", files::jenkins(&block("// Jenkinsfile")).await),
        ("TeamCity", files::teamcity(&block("// .teamcity/settings.kts"))),
    ];
    for (number, (name, jobs)) in (1..).zip(&all) {
        let [first, second] = jobs.as_slice() else { panic!("{name}: {jobs:#?}") };
        assert!(!first.by_hand && second.by_hand, "{name}: a person starts the second part alone");
        let workspace = tempfile::tempdir().unwrap();
        let build = "#!/bin/sh\nset -e\nmkdir -p dist\ncp version dist/index.html\n";
        std::fs::write(workspace.path().join("build.sh"), build).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(workspace.path().join("build.sh"), mode).unwrap();
        std::fs::write(workspace.path().join("version"), name).unwrap();
        let sha = number.to_string().repeat(40);
        let variables = vec![
            ("GITHUB_SHA", sha.clone()),
            ("GITHUB_REF_NAME", "main".to_owned()),
            ("GITHUB_RUN_NUMBER", "17".to_owned()),
            ("CI_COMMIT_SHA", sha.clone()),
            ("CI_COMMIT_BRANCH", "main".to_owned()),
            ("CI_PIPELINE_ID", "17".to_owned()),
            ("GIT_COMMIT", sha.clone()),
            ("BUILD_NUMBER", "17".to_owned()),
            ("BUILD_VCS_NUMBER", sha.clone()),
        ];
        // A name of its own: nobody pushes more than ten times a minute.
        let of = format!("ci{number}");
        let made = pushbutton(&house, &["token", "add", &of, "--may", "publish:web,push:web,see:web"]).await;
        let token = made.out.trim().to_owned();
        let run = Run { house: &house, workspace: workspace.path(), variables, token: token.clone() };
        let before = live(&house, "web1");
        let (code, said) = run.job(first).await;
        assert_eq!(code, 0, "{name}: {said}");
        assert_eq!((live(&house, "qa1").as_str(), live(&house, "web1")), (*name, before), "{name}: {said}");
        assert!(!said.contains(&token), "{name} shows no token");
        // The exit code of the push is that of the job.
        let bad = house.fleet.host("web2").unwrap().srv_dir().join("bad");
        std::fs::write(&bad, "").unwrap();
        let (code, said) = run.job(second).await;
        assert_eq!(code, 10, "{name}: {said}");
        std::fs::remove_file(bad).unwrap();
        until("production is free", async || house.stage("prod").await["why_not"].is_null().then_some(())).await;
        let (code, said) = run.job(second).await;
        assert_eq!(code, 0, "{name}: {said}");
        assert_eq!((live(&house, "web1").as_str(), live(&house, "web2").as_str()), (*name, *name), "{name}: {said}");
        let newest = house.stack_view().await["recent"][0].clone();
        assert!(newest["reason"].as_str().unwrap().contains("17") && newest["sha"] == sha.as_str(), "{name}: {newest}");
    }
}
