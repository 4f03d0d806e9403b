//! What four programs of CI make of their files: jobs, what each has a shell do, and with which environment. YAML is read by a parser, the
//! Jenkinsfile by Groovy itself. Of TeamCity's file only what the page shows is read, and what else stands there fails: Kotlin without the classes of
//! TeamCity, which only a TeamCity has, cannot read it.

use pushbutton::process::Program;
use serde_json::Value;
use std::time::Duration;
use yaml_rust2::{Yaml, YamlLoader};

/// Stands where the file refers to a secret.
pub const SECRET: &str = "\u{0}the secret";

/// A part of a pipeline that runs as a whole.
#[derive(Debug, Default)]
pub struct Job {
    /// Whether a person starts it.
    pub by_hand: bool,
    pub environment: Vec<(String, String)>,
    pub scripts: Vec<String>,
    /// What runs a script, whose file follows.
    pub shell: Vec<&'static str>,
}

fn yaml(text: &str) -> Yaml {
    YamlLoader::load_from_str(text).unwrap().remove(0)
}

fn pairs(map: &Yaml) -> Vec<(String, &Yaml)> {
    map.as_hash()
        .map(|map| map.iter().map(|(key, value)| (key.as_str().unwrap().to_owned(), value)).collect())
        .unwrap_or_default()
}

fn text(value: &Yaml) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value:?} is text")).to_owned()
}

fn texts(list: &Yaml) -> Vec<String> {
    list.as_vec().unwrap().iter().map(text).collect()
}

/// Jobs in the order in which they need each other; one with an environment waits for those who may approve it.
pub fn github(file: &str) -> Vec<Job> {
    let file = yaml(file);
    let environment = |map: &Yaml| {
        let value = |value: &Yaml| match text(value).as_str() {
            "${{ secrets.PUSHBUTTON_TOKEN }}" => SECRET.to_owned(),
            plain => {
                assert!(!plain.contains("${{"), "{plain}");
                plain.to_owned()
            }
        };
        pairs(map).into_iter().map(|(name, its)| (name, value(its))).collect::<Vec<_>>()
    };
    let common = environment(&file["env"]);
    let job = |job: &Yaml| {
        let steps = job["steps"].as_vec().unwrap();
        let scripts = steps.iter().filter(|step| step["uses"].is_badvalue()).map(|step| text(&step["run"]));
        Job {
            by_hand: !job["environment"].is_badvalue(),
            environment: [common.clone(), environment(&job["env"])].concat(),
            scripts: scripts.collect(),
            shell: vec!["bash", "-e"],
        }
    };
    let jobs = pairs(&file["jobs"]);
    assert!(jobs[1..].iter().all(|(_, its)| !its["needs"].is_badvalue()), "the second waits for the first");
    jobs.into_iter().map(|(_, its)| job(its)).collect()
}

/// Jobs in the order of their stages; the token is a masked variable of the project.
pub fn gitlab(file: &str) -> Vec<Job> {
    let file = yaml(file);
    let variables = pairs(&file["variables"]).into_iter().map(|(name, its)| (name, text(its)));
    let environment: Vec<_> = variables.chain([("PUSHBUTTON_TOKEN".to_owned(), SECRET.to_owned())]).collect();
    let jobs = texts(&file["stages"]).into_iter().map(|stage| {
        let job = &file[stage.as_str()];
        assert_eq!(text(&job["stage"]), stage);
        let rule = &job["rules"][0];
        Job {
            by_hand: rule["when"].as_str() == Some("manual"),
            environment: environment.clone(),
            scripts: vec![format!("set -eo pipefail\n{}\n", texts(&job["script"]).join("\n"))],
            shell: vec!["bash"],
        }
    });
    jobs.collect()
}

/// What stands between two texts, again and again.
fn between<'t>(text: &'t str, from: &str, to: &str) -> Vec<&'t str> {
    text.split(from).skip(1).map(|rest| rest.split(to).next().unwrap()).collect()
}

/// What a Jenkinsfile's words are, as Groovy has them.
const JENKINS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ci/jenkins.groovy");

/// Stages of a declarative pipeline: each `sh` is a shell of its own.
pub async fn jenkins(file: &str) -> Vec<Job> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("Jenkinsfile");
    std::fs::write(&path, file).unwrap();
    // Debian's program wants to know which Java, where none is the default.
    let java = std::fs::canonicalize("/usr/bin/java").expect("`script/bootstrap test` brings groovy, with Java");
    let home = java.ancestors().nth(2).unwrap();
    let program = Program::new("groovy").arg(JENKINS).arg(&path).env("JAVA_HOME", home).env("HOME", dir.path());
    let read = program.output(Duration::from_secs(120)).await.unwrap();
    let said = String::from_utf8_lossy(&read.stdout).into_owned();
    assert!(read.status.success(), "{said}{}", String::from_utf8_lossy(&read.stderr));
    let read: Value = serde_json::from_str(&said).unwrap();
    let environment: Vec<_> = read["environment"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| SECRET.to_owned(), str::to_owned)))
        .collect();
    let stages = read["stages"].as_array().unwrap().iter().map(|stage| Job {
        by_hand: stage["input"] == true,
        environment: environment.clone(),
        scripts: stage["sh"].as_array().unwrap().iter().map(|script| script.as_str().unwrap().to_owned()).collect(),
        shell: vec!["sh", "-xe"],
    });
    stages.collect()
}

/// Build configurations: the script of each is run by a shell that a command line runner starts; the second has no trigger.
pub fn teamcity(file: &str) -> Vec<Job> {
    assert_eq!(file.matches('{').count(), file.matches('}').count(), "each brace is closed");
    let jobs = file.split("object ").skip(1).map(|object| {
        let plain = between(object, "param(\"env.", "\")").into_iter().map(|pair| pair.split_once("\", \"").unwrap());
        let plain = plain.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let secret =
            between(object, "password(\"env.", "\"").into_iter().map(|name| (name.to_owned(), SECRET.to_owned()));
        let scripts = between(object, "scriptContent = \"\"\"\n", "\"\"\".trimIndent()");
        Job {
            by_hand: !object.contains("triggers {"),
            environment: plain.chain(secret).collect(),
            scripts: scripts.into_iter().map(|script| script.replace("${'$'}", "$")).collect(),
            shell: vec!["sh"],
        }
    });
    jobs.filter(|job| !job.scripts.is_empty()).collect()
}
