//! The files for CI, read as CI reads them; their shell steps run with the binary in a scratch directory.

use std::path::Path;

use tokio::process::Command;
use yaml_rust2::{Yaml, YamlLoader};

use crate::tools::{BINARY, Bench, json, read, text};

const ACTION: &str = include_str!("../../../action.yml");
const GITHUB: &str = include_str!("../../../docs/ci/github.yml");
const GITLAB: &str = include_str!("../../../docs/ci/gitlab.yml");
const KUBERNETES: &str = include_str!("../../../docs/ci/kubernetes.yaml");

fn documents(text: &str) -> Vec<Yaml> {
    YamlLoader::load_from_str(text).expect("YAML")
}

fn text_of(yaml: &Yaml) -> &str {
    yaml.as_str()
        .unwrap_or_else(|| panic!("a text, not {yaml:?}"))
}

struct Ended {
    code: Option<i32>,
    said: String,
}

/// A script of a CI file, in this directory, with the binary on its path.
async fn shell(shell: &str, script: &str, dir: &Path, variables: &[(&str, &str)]) -> Ended {
    let folder = Path::new(BINARY).parent().expect("it is in a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let ran = Command::new(shell)
        .args(["-eu", "-c", script])
        .current_dir(dir)
        .env("PATH", format!("{}:{path}", folder.display()))
        .envs(variables.iter().copied())
        .output()
        .await
        .expect("the shell runs");
    let said = [ran.stdout, ran.stderr].concat();
    Ended {
        code: ran.status.code(),
        said: String::from_utf8_lossy(&said).into_owned(),
    }
}

/// The `run` of a step of the action.
fn step<'y>(action: &'y Yaml, name: &str) -> &'y Yaml {
    let steps = action["runs"]["steps"].as_vec().expect("a list");
    let named = steps
        .iter()
        .find(|step| step["name"].as_str() == Some(name));
    named.unwrap_or_else(|| panic!("no step '{name}'"))
}

/// Arguments that certify this bench quickly, one a line.
fn arguments(bench: &Bench, only: &str) -> String {
    format!(
        "{}\n--dir\n{}\n--only\n{only}\n",
        bench.address,
        text(bench.dir.path())
    )
}

#[test]
fn no_script_of_the_action_is_written_by_its_inputs() {
    let action = &documents(ACTION)[0];
    for step in action["runs"]["steps"].as_vec().expect("a list") {
        if let Some(script) = step["run"].as_str() {
            assert!(!script.contains("${{"), "an input would be run: {script}");
            assert_eq!(
                step["shell"].as_str(),
                Some("bash"),
                "a composite action names its shell"
            );
        }
    }
    assert_eq!(action["runs"]["using"].as_str(), Some("composite"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_action_certifies_says_what_came_of_it_and_gates() {
    let bench = Bench::new(&[]).await;
    let broken = Bench::new(&[vinr_simulator::Defect::AmountAltered]).await;
    for (bench, code, verdict) in [
        (&bench, "0", "inconclusive"),
        (&broken, "1", "nonconformant"),
    ] {
        let action = &documents(ACTION)[0];
        let certify = step(action, "Certify");
        let dir = tempfile::tempdir().expect("a directory");
        let (output, summary) = (dir.path().join("output"), dir.path().join("summary"));
        let named = certify["env"].as_hash().expect("a map");
        let names: Vec<_> = named.keys().map(text_of).collect();
        assert_eq!(names, ["BINARY", "ARGUMENTS", "OUT", "SHARD"]);
        let only = arguments(bench, "PAY-8");
        let variables = [
            ("BINARY", BINARY),
            ("ARGUMENTS", only.as_str()),
            ("OUT", "report"),
            ("SHARD", ""),
            ("GITHUB_OUTPUT", text(&output)),
            ("GITHUB_STEP_SUMMARY", text(&summary)),
        ];
        let ended = shell("bash", text_of(&certify["run"]), dir.path(), &variables).await;
        assert_eq!(ended.code, Some(0), "{}", ended.said);
        assert_eq!(
            read(&output),
            format!("exit-code={code}\nverdict={verdict}\n")
        );
        assert_eq!(read(&summary), read(&dir.path().join("report/summary.md")));
        let gate = text_of(&step(action, "Gate")["run"]);
        let gated = shell("bash", gate, dir.path(), &[("CODE", code)]).await;
        assert_eq!(gated.code, code.parse().ok());
        let unknown = shell("bash", gate, dir.path(), &[("CODE", "")]).await;
        assert_eq!(unknown.code, Some(70));
    }
}

#[test]
fn the_workflow_uses_what_the_action_has() {
    let action = &documents(ACTION)[0];
    let workflow = &documents(GITHUB)[0];
    let step = &workflow["jobs"]["shard"]["steps"][0];
    let inputs = step["with"].as_hash().expect("a map");
    for name in inputs.keys().map(text_of) {
        assert!(
            !action["inputs"][name].is_badvalue(),
            "the action has no input '{name}'"
        );
    }
    let merge = workflow["jobs"]["merge"]["steps"].as_vec().expect("a list");
    let script = merge.iter().find_map(|step| step["run"].as_str());
    let words: Vec<_> = script
        .expect("it merges")
        .lines()
        .last()
        .expect("a line")
        .split(' ')
        .collect();
    assert_eq!(words[1..], ["merge", "shards/*", "--out", "vinr-report"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runners_of_gitlab_share_a_plan_and_merge() {
    let bench = Bench::new(&[]).await;
    let gitlab = &documents(GITLAB)[0];
    let dir = tempfile::tempdir().expect("a directory");
    let total = gitlab["shard"]["parallel"].as_i64().expect("a number");
    let words = arguments(&bench, "PAY-12").replace('\n', " ");
    let script = text_of(&gitlab["shard"]["script"][0]);
    for number in 1..=total {
        let (number, total) = (number.to_string(), total.to_string());
        let variables = [
            ("VINR_ARGUMENTS", words.as_str()),
            ("CI_NODE_INDEX", &number),
            ("CI_NODE_TOTAL", &total),
        ];
        let ended = shell("bash", script, dir.path(), &variables).await;
        assert_eq!(ended.code, Some(0), "{}", ended.said);
    }
    let merge = text_of(&gitlab["certify"]["script"][0]);
    let merged = shell("bash", merge, dir.path(), &[]).await;
    assert_eq!(merged.code, Some(0), "{}", merged.said);
    let junit = text_of(&gitlab["certify"]["artifacts"]["reports"]["junit"]);
    assert!(dir.path().join(junit).is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pods_of_kubernetes_share_a_plan_and_merge() {
    let bench = Bench::new(&[]).await;
    let [job, merge] = &documents(KUBERNETES)[..] else {
        panic!("two jobs");
    };
    let container = |job: &Yaml| job["spec"]["template"]["spec"]["containers"][0].clone();
    let pod = container(job);
    let variable = |name: &str| {
        let mut own = pod["env"].as_vec().expect("a list").iter();
        let named = own.find(|one| one["name"].as_str() == Some(name));
        text_of(&named.expect(name)["value"]).to_owned()
    };
    let completions = job["spec"]["completions"].as_i64().expect("a number");
    assert_eq!(variable("SHARDS"), completions.to_string());
    assert_eq!(job["spec"]["completionMode"].as_str(), Some("Indexed"));
    assert_eq!(job["spec"]["backoffLimit"].as_i64(), Some(0));

    let dir = tempfile::tempdir().expect("a directory");
    let bundles = text(dir.path());
    let words = arguments(&bench, "PAY-3").replace('\n', " ");
    let script = text_of(&pod["args"][0]);
    // Two pods stand for sixteen: the script is told how many there are.
    for index in ["0", "1"] {
        let variables = [
            ("ARGUMENTS", words.as_str()),
            ("SHARDS", "2"),
            ("BUNDLES", bundles),
            ("JOB_COMPLETION_INDEX", index),
        ];
        let ended = shell("sh", script, dir.path(), &variables).await;
        assert_eq!(ended.code, Some(0), "{}", ended.said);
    }
    let script = container(merge);
    let script = text_of(&script["args"][0]);
    let merged = shell("sh", script, dir.path(), &[("BUNDLES", bundles)]).await;
    assert_eq!(merged.code, Some(0), "{}", merged.said);
    assert!(json(&dir.path().join("ct20/plan.json"))["share"].is_null());
}
