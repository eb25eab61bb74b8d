//! Kubernetes: a configuration map, a claim for the state, and a `CronJob` for each job.
//!
//! The image's entry point is `maint`; it finds `maint.toml` and the secret files where they are here.
//! A pod has no user and no zone of its machine: `Site::user` is left to the image, and without a zone
//! the schedules are in UTC.

use super::{Document, GRACE, Job, Site, numeric_fields, one_line, title, words};
use crate::cron::schedule::Times;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::path::Path;

/// What a cluster needs beside the site.
#[derive(Debug, Clone)]
pub struct Extra<'a> {
    /// The text of `maint.toml`.
    pub config_text: &'a str,
    /// The container image; see [`DEFAULT_IMAGE`].
    pub image: &'a str,
    /// The absolute path of the state folder.
    pub state: &'a Path,
    /// Names of the environment variables that hold secrets.
    pub secret_variables: Vec<&'a str>,
    /// Absolute paths of the files that hold secrets.
    pub secret_files: Vec<&'a Path>,
}

/// The image of this version.
pub const DEFAULT_IMAGE: &str = concat!("maint:", env!("CARGO_PKG_VERSION"));

/// The longest name of a `CronJob`: Kubernetes makes the names of its jobs and pods from it.
const JOB_NAME_LENGTH: usize = 52;
const NAME_LENGTH: usize = 63;
const CONFIG_KEY: &str = "maint.toml";

/// `maint-SITE.yaml`: all objects in one file. The error names a job or a path that cannot be said.
pub fn render(site: &Site, extra: &Extra) -> Result<Vec<Document>, String> {
    let mut objects = vec![config_map(site, extra), volume_claim(site)];
    for job in &site.jobs {
        objects.push(cron_job(site, job, extra)?);
    }
    let mut content = secret_hint(site, extra)?;
    for object in &objects {
        content.push_str("---\n");
        content.push_str(&yaml_serde::to_string(object).map_err(|error| error.to_string())?);
    }
    Ok(vec![Document { name: format!("maint-{}.yaml", site.name), content }])
}

/// How the secret is made that the objects refer to: its values are nothing for a file.
fn secret_hint(site: &Site, extra: &Extra) -> Result<String, String> {
    let variables = extra.secret_variables.iter().map(|name| format!("--from-literal={name}=…"));
    let files = secret_keys(extra)?.into_iter().map(|(key, path)| format!("--from-file={key}={path}"));
    let words: Vec<String> = variables.chain(files).collect();
    if words.is_empty() {
        return Ok(String::new());
    }
    let words = shlex::try_join(words.iter().map(String::as_str)).map_err(|error| error.to_string())?;
    Ok(format!("# First: kubectl create secret generic {} {words}\n", site_name(site)))
}

fn config_map(site: &Site, extra: &Extra) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": site_name(site), "labels": labels(site) },
        "data": { CONFIG_KEY: extra.config_text },
    })
}

fn volume_claim(site: &Site) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": { "name": site_name(site), "labels": labels(site) },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } },
    })
}

fn cron_job(site: &Site, job: &Job, extra: &Extra) -> Result<Value, String> {
    Ok(json!({
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {
            "name": object_name(&format!("maint-{}-{}", site.name, job.name), JOB_NAME_LENGTH),
            "labels": labels(site),
            "annotations": { "kubernetes.io/description": title(site, job) },
        },
        "spec": {
            "schedule": numeric_fields(job, "Kubernetes")?,
            "timeZone": site.zone.map_or("Etc/UTC", chrono_tz::Tz::name),
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": job.schedule.times().map(|times| starting_deadline(times, job)),
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": { "spec": job_spec(site, job, extra)? },
        },
    }))
}

/// Seconds for which a missed start is still made up for.
///
/// Without a deadline, or with too long a one, a hundred missed starts stop a job for good
/// (kubernetes#42649).
fn starting_deadline(times: &Times, job: &Job) -> u32 {
    const DAY: u32 = 24 * 60 * 60;
    let a_day = times.hours.values().count() * times.minutes.values().count();
    match job.catches_up {
        false => 200,
        true if a_day <= 90 => DAY,
        // At most one start each minute: ninety of them.
        true => 90 * 60,
    }
}

fn job_spec(site: &Site, job: &Job, extra: &Extra) -> Result<Value, String> {
    let mut spec = json!({ "backoffLimit": 0 });
    if let Some(timeout) = job.timeout {
        spec["activeDeadlineSeconds"] = json!((timeout + GRACE).as_secs());
    }
    spec["template"] = json!({ "metadata": { "labels": labels(site) }, "spec": pod_spec(site, job, extra)? });
    Ok(spec)
}

fn pod_spec(site: &Site, job: &Job, extra: &Extra) -> Result<Value, String> {
    let name = site_name(site);
    let [_, args @ ..] = words(site, job.name)?;
    let state = mount_path(extra.state)?;
    let secret = |variable: &&str| json!({ "name": variable, "valueFrom": { "secretKeyRef": { "name": name, "key": variable } } });
    let mut env = vec![json!({ "name": "STATE_DIRECTORY", "value": state })];
    env.extend(extra.secret_variables.iter().map(secret));
    let mut mounts = vec![
        json!({ "name": "config", "mountPath": mount_path(site.config)?, "subPath": CONFIG_KEY, "readOnly": true }),
        json!({ "name": "state", "mountPath": state }),
    ];
    let mut volumes = vec![
        json!({ "name": "config", "configMap": { "name": name } }),
        json!({ "name": "state", "persistentVolumeClaim": { "claimName": name } }),
    ];
    for (key, path) in secret_keys(extra)? {
        mounts.push(json!({ "name": "secrets", "mountPath": path, "subPath": key, "readOnly": true }));
    }
    if !extra.secret_files.is_empty() {
        volumes.push(json!({ "name": "secrets", "secret": { "secretName": name } }));
    }
    Ok(json!({
        "restartPolicy": "Never",
        "automountServiceAccountToken": false,
        "containers": [{
            "name": "maint", "image": extra.image, "args": args, "env": env, "volumeMounts": mounts,
        }],
        "volumes": volumes,
    }))
}

fn mount_path(path: &Path) -> Result<&str, String> {
    let text = one_line(path)?;
    if text.contains(':') {
        return Err(format!("Kubernetes mounts nothing at {text}: a colon is not allowed there"));
    }
    Ok(text)
}

/// Each secret file and its key in the secret: the file's name, with a hash where that is not enough.
fn secret_keys<'a>(extra: &Extra<'a>) -> Result<Vec<(String, &'a str)>, String> {
    let paths = extra.secret_files.iter().map(|path| mount_path(path)).collect::<Result<Vec<_>, _>>()?;
    let file_name = |path: &'a str| path.rsplit('/').next().unwrap_or(path);
    let key = |path: &'a str| {
        let name = file_name(path);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let is_taken = extra.secret_variables.contains(&name)
            || paths.iter().any(|other| *other != path && file_name(other) == name);
        if is_taken || name.starts_with("..") || !name.chars().all(is_plain) {
            let plain: String = name.chars().filter(|c| is_plain(*c)).collect();
            return (format!("{}-{}", plain.trim_start_matches('.'), short_hash(path)), path);
        }
        (name.to_owned(), path)
    };
    Ok(paths.iter().map(|path| key(path)).collect())
}

fn labels(site: &Site) -> Value {
    json!({
        "app.kubernetes.io/name": "maint",
        "app.kubernetes.io/instance": object_name(site.name, NAME_LENGTH),
    })
}

fn site_name(site: &Site) -> String {
    object_name(&format!("maint-{}", site.name), NAME_LENGTH)
}

/// A DNS-1123 label of at most `length` characters: as it is where it can be, else with a hash of what
/// it was, so that different names stay different.
fn object_name(name: &str, length: usize) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    if plain == name && plain.len() <= length && !plain.ends_with('-') {
        return plain;
    }
    let hash = short_hash(name);
    let head = &plain[..plain.len().min(length - hash.len() - 1)];
    format!("{}-{hash}", head.trim_end_matches('-'))
}

/// Eight hex digits that tell texts apart.
fn short_hash(text: &str) -> String {
    let head = Sha256::digest(text).iter().take(4).fold(0, |head: u32, byte| head << 8 | u32::from(*byte));
    format!("{head:08x}")
}

#[cfg(test)]
mod tests {
    use super::super::sample::{schedule, site};
    use super::*;
    use k8s_openapi::api::batch::v1::CronJob;
    use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim};
    use proptest::prelude::*;
    use serde::Deserialize as _;
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    const CONFIG: &str =
        "[site]\nname = \"demo\"\n# é: 'yes' {x} #\t\"no\"\n\n[jobs.backup]\nshell = \"a\\\\b | c: d\"\n";

    fn extra(config_text: &str) -> Extra<'_> {
        Extra {
            config_text,
            image: DEFAULT_IMAGE,
            state: Path::new("/var/lib/maint/demo"),
            secret_variables: Vec::new(),
            secret_files: Vec::new(),
        }
    }

    fn objects(yaml: &str) -> Vec<Value> {
        yaml_serde::Deserializer::from_str(yaml).map(|object| Value::deserialize(object).unwrap()).collect()
    }

    /// Reads an object as Kubernetes' own type and writes it again: what it does not know gets lost.
    fn through<T: DeserializeOwned + Serialize>(object: &Value) -> Value {
        let typed: T = serde_json::from_value(object.clone()).unwrap();
        serde_json::to_value(typed).unwrap()
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "most of them are the snapshot")]
    fn a_small_site_is_written_like_this() {
        let nightly = schedule("30 2 * * mon-fri");
        let mut site = site(&[("backup", &nightly)]);
        site.jobs[0].description = "nightly: \"all\" of it";
        let mut extra = extra("[site]\nname = \"demo\"\n");
        extra.secret_variables = vec!["DATABASE_URL"];
        extra.secret_files = vec![Path::new("/run/secrets/discord")];
        insta::assert_snapshot!(render(&site, &extra).unwrap()[0].content, @r#"
        # First: kubectl create secret generic maint-demo '--from-literal=DATABASE_URL=…' '--from-file=discord=/run/secrets/discord'
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: maint-demo
          labels:
            app.kubernetes.io/name: maint
            app.kubernetes.io/instance: demo
        data:
          maint.toml: |
            [site]
            name = "demo"
        ---
        apiVersion: v1
        kind: PersistentVolumeClaim
        metadata:
          name: maint-demo
          labels:
            app.kubernetes.io/name: maint
            app.kubernetes.io/instance: demo
        spec:
          accessModes:
          - ReadWriteOnce
          resources:
            requests:
              storage: 1Gi
        ---
        apiVersion: batch/v1
        kind: CronJob
        metadata:
          name: maint-demo-backup
          labels:
            app.kubernetes.io/name: maint
            app.kubernetes.io/instance: demo
          annotations:
            kubernetes.io/description: 'maint demo: backup: nightly: "all" of it'
        spec:
          schedule: 30 2 * * 1-5
          timeZone: Europe/Paris
          concurrencyPolicy: Forbid
          startingDeadlineSeconds: 200
          successfulJobsHistoryLimit: 3
          failedJobsHistoryLimit: 3
          jobTemplate:
            spec:
              backoffLimit: 0
              activeDeadlineSeconds: 3660
              template:
                metadata:
                  labels:
                    app.kubernetes.io/name: maint
                    app.kubernetes.io/instance: demo
                spec:
                  restartPolicy: Never
                  automountServiceAccountToken: false
                  containers:
                  - name: maint
                    image: maint:0.1.0
                    args:
                    - --config
                    - /srv/demo/maint.toml
                    - run
                    - backup
                    env:
                    - name: STATE_DIRECTORY
                      value: /var/lib/maint/demo
                    - name: DATABASE_URL
                      valueFrom:
                        secretKeyRef:
                          name: maint-demo
                          key: DATABASE_URL
                    volumeMounts:
                    - name: config
                      mountPath: /srv/demo/maint.toml
                      subPath: maint.toml
                      readOnly: true
                    - name: state
                      mountPath: /var/lib/maint/demo
                    - name: secrets
                      mountPath: /run/secrets/discord
                      subPath: discord
                      readOnly: true
                  volumes:
                  - name: config
                    configMap:
                      name: maint-demo
                  - name: state
                    persistentVolumeClaim:
                      claimName: maint-demo
                  - name: secrets
                    secret:
                      secretName: maint-demo
        "#);
    }

    #[test]
    fn kubernetes_knows_every_key() {
        let schedules: Vec<_> = ["30 2 * * *", "*/5 * 1,15 * fri", "@daily"].map(schedule).into();
        let mut site = site(&[("a", &schedules[0]), ("B_b.c", &schedules[1]), ("c", &schedules[2])]);
        site.zone = None;
        site.jobs[0].timeout = None;
        site.jobs[1].catches_up = true;
        site.jobs[2].catches_up = true;
        let mut extra = extra(CONFIG);
        extra.secret_variables = vec!["TOKEN"];
        extra.secret_files = vec![Path::new("/run/TOKEN"), Path::new("/run/a b"), Path::new("/run/k")];
        let objects = objects(&render(&site, &extra).unwrap()[0].content);
        assert_eq!(objects.len(), 5);
        assert_eq!(through::<ConfigMap>(&objects[0]), objects[0]);
        assert_eq!(objects[0]["data"]["maint.toml"], CONFIG);
        assert_eq!(through::<PersistentVolumeClaim>(&objects[1]), objects[1]);
        for (object, deadline) in objects[2..].iter().zip([200, 5400, 86400]) {
            assert_eq!(through::<CronJob>(object), *object);
            assert_eq!(object["spec"]["startingDeadlineSeconds"], deadline);
            assert_eq!(object["spec"]["timeZone"], "Etc/UTC");
        }
    }

    #[test]
    fn what_a_cluster_cannot_say_is_refused() {
        let boot = schedule("@reboot");
        assert!(render(&site(&[("warm", &boot)]), &extra(CONFIG)).unwrap_err().contains("warm"));
        let mut lost = extra(CONFIG);
        lost.secret_files = vec![Path::new("/run/a\nb")];
        assert!(render(&site(&[]), &lost).unwrap_err().contains("control character"));
        lost = extra(CONFIG);
        lost.state = Path::new("/var/a\tb");
        let nightly = schedule("@daily");
        assert!(render(&site(&[("a", &nightly)]), &lost).unwrap_err().contains("control character"));
        lost.state = Path::new("/var/a:b");
        assert!(render(&site(&[("a", &nightly)]), &lost).unwrap_err().contains("colon"));
    }

    #[test]
    fn files_of_the_same_name_have_different_keys() {
        let mut extra = extra(CONFIG);
        extra.secret_variables = vec!["TOKEN"];
        extra.secret_files = ["/a/key", "/b/key", "/a/TOKEN", "/a/..x", "/a/plain"].map(Path::new).into();
        let keys = secret_keys(&extra).unwrap();
        let keys: Vec<String> = keys.into_iter().map(|(key, _)| key).collect();
        insta::assert_snapshot!(keys.join(" "), @"key-8be535b9 key-bec71216 TOKEN-e20d4e8c x-8e5a3519 plain");
    }

    proptest! {
        #[test]
        fn names_are_labels_and_stay_different(
            a in "[A-Za-z0-9][A-Za-z0-9._-]{0,70}", b in "[A-Za-z0-9][A-Za-z0-9._-]{0,70}",
        ) {
            for name in [&a, &b] {
                let label = object_name(&format!("maint-{name}"), JOB_NAME_LENGTH);
                prop_assert!(label.len() <= JOB_NAME_LENGTH && !label.ends_with('-'), "{}", label);
                prop_assert!(label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
            }
            prop_assert!(a == b || object_name(&a, JOB_NAME_LENGTH) != object_name(&b, JOB_NAME_LENGTH));
        }

        #[test]
        fn any_configuration_is_kept(text in any::<String>()) {
            let yaml = render(&site(&[]), &extra(&text)).unwrap().remove(0).content;
            let config_map = objects(&yaml).remove(0);
            prop_assert_eq!(config_map["data"][CONFIG_KEY].as_str(), Some(text.as_str()));
        }
    }
}
