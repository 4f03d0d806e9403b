//! The API beside its own document, as programs of others see it: a validator of OpenAPI 3.1, and schemathesis, which asks every call
//! what nobody else would ask, by the document alone. `script/bootstrap` brings both, of one version each.

use crate::house::{House, Plans};
use pushbutton::process::Program;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Cases that are made for each call, in each of the two runs.
const EXAMPLES: &str = "12";
/// The cases are the same each time.
const SEED: &str = "11";
/// Longest run of one of the programs.
const LIMIT: Duration = Duration::from_secs(600);

/// Runs a program of the folder that `script/bootstrap` filled, and gives what it said.
async fn run(dir: &Path, program: &str, args: &[&str]) -> (bool, String) {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/openapi");
    assert!(tools.join("bin").is_dir(), "run `script/bootstrap test`: it brings {program} into {}", tools.display());
    let script = tools.join("bin").join(program).display().to_string();
    let program = Program::new("python3").args([&[script.as_str()], args].concat());
    let program = program.env("PYTHONPATH", tools).env("HOME", dir).dir(dir);
    let said = program.output(LIMIT).await.unwrap();
    let words = [said.stdout, said.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (said.status.success(), words)
}

/// A token for everything, as the command line makes it.
async fn token(house: &House) -> String {
    let config = house.dir.path().join("config.toml").display().to_string();
    let args =
        ["--config", &config, "token", "add", "ci", "--may", "see,push,rollback,hold,publish", "--owner", "mary"];
    let said = Program::new(&house.binary).args(args).output(Duration::from_secs(20)).await.unwrap();
    let words = String::from_utf8(said.stdout).unwrap();
    assert!(said.status.success(), "{words}");
    words.split_whitespace().find(|word| word.starts_with("pb_")).unwrap().to_owned()
}

/// What schemathesis is to know beside the document. The names of addresses are those that are there in the first run; in the second
/// nothing is given, and most are not.
fn config(dir: &Path, names: &str) -> PathBuf {
    let file = dir.join("schemathesis.toml");
    std::fs::write(&file, names).unwrap();
    file
}

#[tokio::test]
async fn programs_of_others_read_the_document_and_find_nothing_that_it_does_not_say() {
    let house = House::build(Plans { qa: &["qa1"], prod: &["web001"], ..Plans::default() }).await;
    house.push_well("qa").await;
    let (dir, token) = (house.dir.path(), token(&house).await);
    let document = dir.join("openapi.json");
    std::fs::write(&document, house.get("/api/v1/openapi.json").await.text).unwrap();
    let (valid, said) = run(dir, "openapi-spec-validator", &["--schema", "3.1", document.to_str().unwrap()]).await;
    assert!(valid, "{said}");

    let authorization = format!("Authorization: Bearer {token}");
    let there = "[parameters]\n\"path.stack\" = \"web\"\n\"path.stage\" = \"qa\"\n\"path.id\" = 1\n";
    for (names, phases) in [(there, "examples,coverage,fuzzing"), ("", "fuzzing")] {
        let file = config(dir, names).display().to_string();
        let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance";
        let (found_nothing, said) = run(
            dir,
            "schemathesis",
            &[
                ["--config-file", &file, "run", document.to_str().unwrap()].as_slice(),
                &["--url", &house.url, "--header", &authorization, "--checks", checks],
                // Their answers have no end.
                &["--exclude-path-regex", "/events$", "--phases", phases],
                &["--max-examples", EXAMPLES, "--seed", SEED, "--generation-database", "none"],
                &["--warnings", "off", "--no-color", "--request-timeout", "20", "--no-shrink", "--continue-on-failure"],
            ]
            .concat(),
        )
        .await;
        assert!(found_nothing, "{said}");
    }
    assert_eq!(house.get("/readyz").await.status, 200);
}
