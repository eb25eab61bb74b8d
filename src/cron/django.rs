//! Lines that django-crontab 0.7.1 has installed: `TIME COMMAND # django-cronjobs for PROJECT`.

use super::schedule::Schedule;
use serde::Deserialize;
use serde_json::Value;

const MARKER: &str = "# django-cronjobs for ";
/// The function that almost every job of `CRONJOBS` names: it runs a management command.
const CALL_COMMAND: &str = "django.core.management.call_command";

/// Names of jobs have at most 64 characters, and a number may follow.
const LONGEST_NAME: usize = 56;

/// A line of django-crontab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DjangoLine {
    /// The whole line, without its line end.
    pub bytes: Vec<u8>,
    /// Its number in the crontab, from 1.
    pub number: usize,
    /// The project that it is marked with.
    pub project: String,
    /// When it runs.
    pub schedule: Schedule,
    /// What it hands to /bin/sh.
    pub shell: String,
    /// The MD5 hash by which django-crontab finds the job in its settings.
    pub hash: String,
}

/// A job of `CRONJOBS`, as far as it is written out in the settings.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DjangoJob {
    /// django-crontab's hash of it.
    pub hash: String,
    /// Time, function, and perhaps arguments, keyword arguments, suffix.
    pub job: Vec<Value>,
}

/// The lines of django-crontab, and in words those that cannot be taken over.
#[must_use]
pub fn lines(table: &[u8]) -> (Vec<DjangoLine>, Vec<String>) {
    let mut found = (Vec::new(), Vec::new());
    for (index, bytes) in table.split(|byte| *byte == b'\n').enumerate() {
        match line(bytes, index + 1) {
            Some(Ok(line)) => found.0.push(line),
            Some(Err(why)) => {
                found.1.push(format!("line {} of the crontab stays as it is: {why}", index + 1));
            }
            None => {}
        }
    }
    found
}

fn line(bytes: &[u8], number: usize) -> Option<Result<DjangoLine, String>> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let (command, project) = text.rsplit_once(MARKER).filter(|_| !text.starts_with('#'))?;
    let is_one_word = !project.is_empty() && !project.contains(char::is_whitespace);
    let (schedule, command) = split_schedule(command.trim()).filter(|_| is_one_word)?;
    let read = || {
        let schedule = Schedule::parse(&schedule)?;
        let shell = without_cron_escapes(command)?;
        let hash = hash_in(&shell).ok_or("it does not call `manage.py crontab run HASH`")?;
        Ok(DjangoLine { bytes: bytes.to_vec(), number, project: project.to_owned(), schedule, shell, hash })
    };
    Some(read())
}

/// Five fields or a nickname, and the rest.
fn split_schedule(text: &str) -> Option<(String, &str)> {
    let fields = if text.starts_with('@') { 1 } else { 5 };
    let mut rest = text;
    let mut schedule = Vec::new();
    for _ in 0..fields {
        let (field, after) = rest.split_once(char::is_whitespace)?;
        schedule.push(field);
        rest = after.trim_start();
    }
    Some((schedule.join(" "), rest))
}

/// cron takes `\%` for `%`; what follows a bare `%` would be input, which a job of maint does not get. Debian's
/// cron takes `\\` for `\` as well, others do not.
fn without_cron_escapes(command: &str) -> Result<String, String> {
    if command.contains("\\\\") {
        return Err("what two backslashes mean in it depends on the kind of cron".to_owned());
    }
    let shell = command.replace("\\%", "\0");
    if shell.contains('%') {
        return Err("a bare % in it hands the rest to the program as input".to_owned());
    }
    Ok(shell.replace('\0', "%"))
}

/// The word after `crontab run`.
fn hash_in(shell: &str) -> Option<String> {
    let words: Vec<&str> = shell.split_whitespace().collect();
    let run = words.windows(2).position(|pair| pair == ["crontab", "run"])?;
    words.get(run + 2).map(|hash| (*hash).to_owned())
}

impl DjangoLine {
    /// The program and the `manage.py` that the line calls.
    #[must_use]
    pub fn program(&self) -> Option<(String, String)> {
        let words = shlex::split(&self.shell)?;
        let run = words.windows(2).position(|pair| pair[0] == "crontab" && pair[1] == "run")?;
        Some((words.get(run.checked_sub(2)?)?.clone(), words.get(run - 1)?.clone()))
    }

    /// The module after `--settings=`.
    #[must_use]
    pub fn settings(&self) -> Option<&str> {
        self.shell.split_whitespace().find_map(|word| word.strip_prefix("--settings="))
    }

    /// A name for the job in maint.toml: its management command, its function, or its hash.
    #[must_use]
    pub fn name(&self, jobs: &[DjangoJob]) -> String {
        let job = jobs.iter().find(|job| job.hash == self.hash);
        let name = job.and_then(|job| {
            let function = job.job.get(1)?.as_str()?;
            let first_word = || job.job.get(2)?.get(0)?.as_str();
            if function == CALL_COMMAND { first_word() } else { function.rsplit('.').next() }
        });
        let short: String = self.hash.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
        let name: String = name
            .unwrap_or_default()
            .replace(['_', '.'], "-")
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
            .take(LONGEST_NAME)
            .collect();
        match name.trim_matches('-') {
            "" => format!("django-{short}"),
            name => name.to_owned(),
        }
    }

    /// True when only django-crontab itself knows what the line runs.
    #[must_use]
    pub fn is_unknown(&self, jobs: &[DjangoJob]) -> bool {
        self.shell(jobs) == self.shell
    }

    /// What the job of maint runs. A management command is called as such, because `manage.py crontab run` ends
    /// with 0 even when the job fails.
    #[must_use]
    pub fn shell(&self, jobs: &[DjangoJob]) -> String {
        let job = jobs.iter().find(|job| job.hash == self.hash);
        let words = job.and_then(DjangoJob::management_command);
        match words.and_then(|words| shlex::try_join(words).ok()) {
            Some(command) => self.shell.replacen(&format!("crontab run {}", self.hash), &command, 1),
            None => self.shell.clone(),
        }
    }
}

impl DjangoJob {
    /// The words of `call_command(…)`, when they are nothing but words.
    fn management_command(&self) -> Option<Vec<&str>> {
        let [_, Value::String(function), Value::Array(words), rest @ ..] = &self.job[..] else { return None };
        let has_keywords =
            rest.first().and_then(Value::as_object).is_some_and(|keywords| !keywords.is_empty());
        let words: Option<Vec<&str>> = words.iter().map(Value::as_str).collect();
        words.filter(|words| function == CALL_COMMAND && !words.is_empty() && !has_keywords)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const COMMAND: &str = "cd /p &&  /v/bin/python /p/manage.py crontab run b814 --settings=shop.settings";

    #[test]
    fn lines_of_django_crontab_are_told_from_others() {
        let table = format!(
            "MAILTO=me\n0 8 * * * {COMMAND} # django-cronjobs for shop\n\
             0 0 * * * /y # note # django-cronjobs for shop\n\
             # 0 8 * * * {COMMAND} # django-cronjobs for shop\n\
             @daily /v/python /p/manage.py crontab run c0de >> /tmp/a\\%b # django-cronjobs for other\n\
             0 0 * * * /v/python /p/manage.py crontab run c0de % input # django-cronjobs for other\n\
             0 0 * * * /v/python /p/manage.py crontab run c0de | sed 's/\\\\n//' # django-cronjobs for other\n"
        );
        let (lines, left) = lines(table.as_bytes());
        let told: Vec<(usize, &str, &str, &str)> = lines
            .iter()
            .map(|line| (line.number, line.project.as_str(), line.schedule.text(), line.hash.as_str()))
            .collect();
        assert_eq!(told, [(2, "shop", "0 8 * * *", "b814"), (5, "other", "@daily", "c0de")]);
        assert_eq!(lines[0].shell, COMMAND);
        assert_eq!(lines[0].program(), Some(("/v/bin/python".to_owned(), "/p/manage.py".to_owned())));
        assert_eq!(lines[0].settings(), Some("shop.settings"));
        assert!(lines[1].shell.ends_with(">> /tmp/a%b"));
        assert_eq!(left.len(), 3);
        assert!(left[2].contains("line 7 ") && left[2].contains("two backslashes"), "{left:?}");
        assert!(left[0].contains("line 3 ") && left[0].contains("crontab run HASH"), "{left:?}");
        assert!(left[1].contains("line 6 ") && left[1].contains("bare %"), "{left:?}");
    }

    #[test]
    fn a_management_command_is_called_by_its_name() {
        let (lines, _) = lines(format!("0 8 * * * {COMMAND} # django-cronjobs for shop").as_bytes());
        let job = |job: Value| DjangoJob { hash: "b814".to_owned(), job: job.as_array().unwrap().clone() };
        let known = [job(json!(["0 8 * * *", CALL_COMMAND, ["clean_up", "--why=it is old"]]))];
        assert_eq!(lines[0].name(&known), "clean-up");
        assert_eq!(
            lines[0].shell(&known),
            "cd /p &&  /v/bin/python /p/manage.py clean_up '--why=it is old' --settings=shop.settings"
        );
        for (other, name) in [
            (json!(["0 8 * * *", "shop.cron.send_mails"]), "send-mails"),
            (json!(["0 8 * * *", CALL_COMMAND, ["clean_up"], { "age": 3 }]), "clean-up"),
            (json!(["0 8 * * *", "shop.cron._private"]), "private"),
            (json!(["0 8 * * *", "shop.cron.\u{e9}t\u{e9}"]), "t"),
            (json!(["0 8 * * *", "shop.cron.___"]), "django-b814"),
        ] {
            assert_eq!(lines[0].name(&[job(other.clone())]), name);
            assert_eq!(lines[0].shell(&[job(other)]), COMMAND);
        }
        assert_eq!(lines[0].name(&[]), "django-b814");
    }
}
