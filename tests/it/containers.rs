//! The samples for containers: the image, checks like those of a Kubernetes cluster, and one run of each manifest
//! as in its pods.

use std::collections::BTreeSet;

use regex::Regex;
use yaml_rust2::Yaml;

use crate::{
    csv_files::many,
    harness::{Call, World},
    operator::{RETRIED, as_partner, final_codes, grace_seconds, lines, moved, server, text, yaml},
};

const MANIFESTS: [&str; 2] = ["cronjob.yaml", "indexed-job.yaml"];

/// The object of a kind.
fn object<'o>(objects: &'o [Yaml], kind: &str) -> &'o Yaml {
    let mut found = objects
        .iter()
        .filter(|it| it["kind"].as_str() == Some(kind));
    found.next().unwrap_or_else(|| panic!("no {kind}"))
}

/// The specification of the job.
fn job(objects: &[Yaml]) -> &Yaml {
    &object(objects, "CronJob")["spec"]["jobTemplate"]["spec"]
}

fn pod(objects: &[Yaml]) -> &Yaml {
    &job(objects)["template"]["spec"]
}

fn container(objects: &[Yaml]) -> &Yaml {
    let containers = pod(objects)["containers"].as_vec().unwrap();
    assert_eq!(containers.len(), 1);
    &containers[0]
}

fn strings(list: &Yaml) -> Vec<String> {
    let list = list.as_vec().unwrap().iter();
    list.map(|item| item.as_str().unwrap().to_owned()).collect()
}

/// The values of a key in each item of a list.
fn each(list: &Yaml, key: &str) -> BTreeSet<String> {
    let list = list.as_vec().unwrap().iter();
    list.map(|item| item[key].as_str().unwrap().to_owned())
        .collect()
}

/// The arguments of the program in the pod with this index.
pub(crate) fn arguments(name: &str, index: &str) -> Vec<String> {
    let arguments = strings(&container(&yaml(name))["args"]).into_iter();
    arguments
        .map(|word| word.replace("$(JOB_COMPLETION_INDEX)", index))
        .collect()
}

/// The user and the group of both pods, in the notation of a Dockerfile.
fn pod_user() -> String {
    let users = MANIFESTS.map(|name| {
        let objects = yaml(name);
        let security = &pod(&objects)["securityContext"];
        assert_eq!(security["fsGroup"], security["runAsGroup"]);
        let number = |key: &str| security[key].as_i64().unwrap();
        format!("{}:{}", number("runAsUser"), number("runAsGroup"))
    });
    assert_eq!(users[0], users[1]);
    users[0].clone()
}

#[test]
fn the_failure_policies_follow_the_exit_codes() {
    let retried: BTreeSet<i32> = RETRIED.iter().map(|code| *code as i32).collect();
    for (name, action) in MANIFESTS.into_iter().zip(["FailJob", "FailIndex"]) {
        let objects = yaml(name);
        let rules = job(&objects)["podFailurePolicy"]["rules"].as_vec().unwrap();
        let of = |action: &str| {
            let mut rules = rules
                .iter()
                .filter(|rule| rule["action"].as_str() == Some(action));
            rules
                .next()
                .unwrap_or_else(|| panic!("{name}: no {action}"))
        };
        let codes = |action: &str| -> BTreeSet<i32> {
            let rule = &of(action)["onExitCodes"];
            assert_eq!(rule["containerName"], container(&objects)["name"]);
            assert_eq!(rule["operator"].as_str(), Some("In"));
            let values = rule["values"].as_vec().unwrap().iter();
            values
                .map(|code| i32::try_from(code.as_i64().unwrap()).unwrap())
                .collect()
        };
        assert_eq!(codes(action), final_codes(), "{name}");
        assert_eq!(codes("Count"), retried, "{name}");
        // The first rule that matches counts: a drained node sends SIGTERM.
        assert_eq!(rules[0]["action"].as_str(), Some("Ignore"));
        assert_eq!(
            rules[0]["onPodConditions"][0]["type"].as_str(),
            Some("DisruptionTarget")
        );
        // Kubernetes refuses such a policy for pods that start their containers again.
        assert_eq!(pod(&objects)["restartPolicy"].as_str(), Some("Never"));
    }
}

#[test]
fn every_index_is_a_shard() {
    let objects = yaml("indexed-job.yaml");
    let job = job(&objects);
    assert_eq!(job["completionMode"].as_str(), Some("Indexed"));
    let pods = job["completions"].as_i64().unwrap();
    assert_eq!(job["parallelism"].as_i64(), Some(pods));
    let shard = format!("--shard=$(JOB_COMPLETION_INDEX)/{pods}");
    assert!(strings(&container(&objects)["args"]).contains(&shard));
    // A limit for the job would end the other indexes, and is refused beside one for each index.
    assert!(job["backoffLimitPerIndex"].as_i64().unwrap() > 0);
    assert!(job["backoffLimit"].is_badvalue());
}

#[test]
fn pods_have_what_they_mount_and_no_more_rights_than_they_need() {
    for name in MANIFESTS {
        let objects = yaml(name);
        for object in &objects {
            assert_eq!(object["metadata"]["namespace"].as_str(), Some("contacts"));
            let version = match object["kind"].as_str().unwrap() {
                "CronJob" => "batch/v1",
                _ => "v1",
            };
            assert_eq!(object["apiVersion"].as_str(), Some(version), "{name}");
        }
        let (pod, container) = (pod(&objects), container(&objects));
        let mounts = &container["volumeMounts"];
        assert_eq!(
            each(mounts, "name"),
            each(&pod["volumes"], "name"),
            "{name}"
        );
        let claims = pod["volumes"].as_vec().unwrap().iter();
        let claims: Vec<_> = claims
            .filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str())
            .collect();
        let state = object(&objects, "PersistentVolumeClaim")["metadata"]["name"].as_str();
        assert!(
            claims.contains(&state.unwrap()),
            "the state outlives the pod"
        );
        let grace = pod["terminationGracePeriodSeconds"].as_i64().unwrap();
        assert!(grace.cast_unsigned() > grace_seconds());
        assert_eq!(pod["securityContext"]["runAsNonRoot"].as_bool(), Some(true));
        assert_eq!(pod["automountServiceAccountToken"].as_bool(), Some(false));
        let security = &container["securityContext"];
        assert_eq!(security["readOnlyRootFilesystem"].as_bool(), Some(true));
        assert_eq!(security["allowPrivilegeEscalation"].as_bool(), Some(false));
        assert_eq!(strings(&security["capabilities"]["drop"]), ["ALL"]);
        // Variables are shown by `kubectl describe` and inherited by child processes.
        let variables = each(&container["env"], "name");
        assert!(
            !variables
                .iter()
                .any(|name| name.contains("TOKEN") || name.contains("PASSWORD"))
        );
    }
}

/// A call as made by the pod with this index.
fn call(world: &World, name: &str, index: &str) -> Call {
    let objects = yaml(name);
    let container = container(&objects);
    let arguments = arguments(name, index).into_iter();
    let mut call = world.call(arguments.map(|word| moved(world, &word)));
    for variable in container["env"].as_vec().unwrap() {
        let value = variable["value"].as_str().unwrap();
        call = call.env(variable["name"].as_str().unwrap(), moved(world, value));
    }
    let call = call.within(world.path("data"));
    as_partner(world, call, "run/secrets/wazzup-contacts/partner_password")
}

#[test]
fn the_cron_job_imports_with_the_password_of_the_secret() {
    let world = server();
    let objects = yaml("cronjob.yaml");
    let data = object(&objects, "ConfigMap")["data"].as_hash().unwrap();
    for (name, text) in data {
        let path = format!("etc/wazzup-contacts/{}", name.as_str().unwrap());
        world.write(&path, moved(&world, text.as_str().unwrap()));
    }
    world.write("data/contacts.csv", many(4));
    world.write("state/empty", "");
    let ran = call(&world, "cronjob.yaml", "").run().ends_with(0);
    assert_eq!(ran.json()["done"]["created"], 1);
    assert!(world.path("state/wazzup-contacts").is_dir());
}

#[test]
fn the_pods_of_the_indexed_job_do_every_job_once() {
    let world = server();
    world.write("state/empty", "");
    let mut done: Vec<String> = Vec::new();
    for index in 0..4 {
        let call = call(&world, "indexed-job.yaml", &index.to_string());
        let ran = call.run().ends_with(0).json();
        let jobs = ran["jobs"].as_array().unwrap().iter();
        done.extend(jobs.map(|job| job["job"].as_str().unwrap().to_owned()));
    }
    done.sort();
    assert_eq!(
        done,
        ["main-backup", "main-contacts", "simplified-contacts"]
    );
}

#[test]
fn the_image_runs_as_its_own_user_and_holds_no_secret() {
    let text = text("Dockerfile");
    let text = lines(&text)
        .collect::<Vec<_>>()
        .join("\n")
        .replace("\\\n", "");
    let instructions: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect();
    let of = |name: &'static str| {
        let found = instructions.iter().filter(move |(found, _)| *found == name);
        found.map(|(_, value)| *value)
    };
    assert_eq!(of("FROM").count(), 2, "the compiler stays behind");
    let user = of("USER").next_back().unwrap();
    assert_eq!(user, pod_user(), "the volumes belong to one user");
    assert!(!user.starts_with('0') && !user.starts_with("root"));
    assert_eq!(
        of("ENTRYPOINT").next_back(),
        Some(r#"["/usr/bin/wazzup-contacts"]"#),
        "no shell is between it and SIGTERM"
    );
    assert_eq!(of("VOLUME").next_back(), Some("/var/lib/wazzup-contacts"));
    let secret = Regex::new("(?i)token|password|secret").unwrap();
    for (name, value) in &instructions {
        assert!(!secret.is_match(value), "{name} {value}");
    }
    for value in of("COPY").filter(|value| !value.starts_with("--from")) {
        let (sources, _) = value.rsplit_once(' ').unwrap();
        for source in sources.split(' ') {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
            assert!(path.exists(), "{source}");
        }
    }
}

#[test]
fn the_samples_name_this_version_of_the_image() {
    let image = Regex::new(r"registry\.example\.com/wazzup-contacts:(\S+)").unwrap();
    for name in ["Dockerfile", "cronjob.yaml", "indexed-job.yaml"] {
        let text = text(name);
        let mut tags = image.captures_iter(&text).peekable();
        assert!(tags.peek().is_some(), "{name}");
        assert!(
            tags.all(|tag| &tag[1] == env!("CARGO_PKG_VERSION")),
            "{name}"
        );
    }
}
