#!/usr/bin/python3
"""A `docker` and `docker-compose` without an engine: answers in the forms recorded from docker 20.10 and 28.2 and from
Compose 1.29.2, 2.17 and 2.40.3, and refuses every word that those would refuse. What is there is in `engine.json` beside
this file, each call is a line of `calls`."""

import datetime
import hashlib
import json
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
STATE = os.path.join(HERE, "engine.json")
SWITCH, VALUE = 0, 1


def load():
    with open(STATE) as file:
        return json.load(file)


def save(engine):
    with open(STATE + ".new", "w") as file:
        json.dump(engine, file)
    os.rename(STATE + ".new", STATE)


def fail(text, code=1):
    sys.stderr.write(text + "\n")
    sys.exit(code)


def parse(arguments, flags, stop_at_word=False):
    """Options as the real programs take them: --name VALUE, --name=VALUE, -x VALUE; everything else is refused."""
    found, words = {}, []
    rest = list(arguments)
    while rest:
        one = rest.pop(0)
        if one == "--":
            words += rest
            break
        if not one.startswith("-") or one == "-":
            words.append(one)
            if stop_at_word:
                return found, words + rest
            continue
        name, equals, value = one.partition("=")
        if name not in flags:
            what = "unknown flag: " + name if name.startswith("--") else "unknown shorthand flag: '%s' in %s" % (name[1:2], name)
            fail(what + "\nSee 'docker --help'.", 1)
        key, kind = flags[name]
        if kind == SWITCH:
            found[key] = value != "false"
        else:
            if not equals:
                if not rest:
                    fail("flag needs an argument: " + name)
                value = rest.pop(0)
            found.setdefault(key, []).append(value)
    return found, words


def flags(switches="", values=""):
    """"-a/--all --quiet" as the table that `parse` takes."""
    table = {}
    for text, kind in ((switches, SWITCH), (values, VALUE)):
        for names in text.split():
            for name in names.split("/"):
                table[name] = (names.split("/")[-1].lstrip("-"), kind)
    return table


GLOBAL = flags("-D/--debug --tls --tlsverify", "--config -c/--context -H/--host -l/--log-level --tlscacert --tlscert --tlskey")
COMPOSE = {
    2: flags(
        "--all-resources --compatibility --dry-run --verbose",
        "--ansi --env-file -f/--file --parallel --profile --progress --project-directory -p/--project-name --workdir",
    ),
    1: flags(
        "--verbose --no-ansi -v/--version --tls --tlsverify --skip-hostname-check --compatibility",
        "-f/--file -p/--project-name --profile -c/--context --log-level --ansi -H/--host --tlscacert --tlscert --tlskey"
        " --project-directory --env-file",
    ),
}
VERBS = {
    2: {
        "version": flags("--short", "-f/--format"),
        "ps": flags("-a/--all --no-trunc --orphans -q/--quiet --services", "--filter --format --status"),
        "config": flags(
            "--environment --images --no-consistency --no-interpolate --no-normalize --no-path-resolution --profiles"
            " -q/--quiet --resolve-image-digests --services --variables --volumes",
            "--format --hash -o/--output",
        ),
        "build": flags("--check --no-cache --print --pull --push -q/--quiet --with-dependencies", "--build-arg --builder -m/--memory --ssh --progress"),
        "pull": flags("--ignore-buildable --ignore-pull-failures --include-deps -q/--quiet", "--policy"),
        "up": flags(
            "-d/--detach --abort-on-container-exit --abort-on-container-failure --always-recreate-deps --attach-dependencies"
            " --build --force-recreate --menu --no-build --no-color --no-deps --no-log-prefix --no-recreate --no-start"
            " --quiet-build --quiet-pull --remove-orphans -V/--renew-anon-volumes --timestamps --wait -w/--watch -y/--yes",
            "--attach --exit-code-from --no-attach --pull --scale -t/--timeout --wait-timeout",
        ),
        "restart": flags("--no-deps", "-t/--timeout"),
        "stop": flags("", "-t/--timeout"),
        "start": flags("--wait", "--wait-timeout"),
        "logs": flags("-f/--follow --no-color --no-log-prefix -t/--timestamps", "--index --since -n/--tail --until"),
        "images": flags("-q/--quiet", "--format"),
        "ls": flags("-a/--all -q/--quiet", "--filter --format"),
    },
    1: {
        "version": flags("--short"),
        "ps": flags("-q/--quiet --services -a/--all", "--filter"),
        "config": flags("--resolve-image-digests --no-interpolate -q/--quiet --profiles --services --volumes", "--hash"),
        "build": flags("--compress --force-rm --no-cache --no-rm --parallel --pull -q/--quiet", "--build-arg -m/--memory --progress"),
        "pull": flags("--ignore-pull-failures --parallel --no-parallel -q/--quiet --include-deps"),
        "up": flags(
            "-d/--detach --no-color --quiet-pull --no-deps --force-recreate --always-recreate-deps --no-recreate --no-build"
            " --no-start --build --abort-on-container-exit --attach-dependencies -V/--renew-anon-volumes --remove-orphans"
            " --no-log-prefix",
            "-t/--timeout --exit-code-from --scale",
        ),
        "restart": flags("", "-t/--timeout"),
        "stop": flags("", "-t/--timeout"),
        "start": flags(),
        "logs": flags("--no-color -f/--follow -t/--timestamps --no-log-prefix", "--tail"),
        "images": flags("-q/--quiet"),
    },
}
DOCKER = {
    "ps": flags("-a/--all -l/--latest --no-trunc -q/--quiet -s/--size", "-f/--filter --format -n/--last"),
    "inspect": flags("-s/--size", "-f/--format --type"),
    "stats": flags("-a/--all --no-stream --no-trunc", "--format"),
    "tag": flags(),
    "images": flags("-a/--all --digests --no-trunc -q/--quiet", "-f/--filter --format"),
    "rmi": flags("-f/--force --no-prune"),
    "rm": flags("-f/--force -l/--link -v/--volumes"),
    "exec": flags("-d/--detach -i/--interactive --privileged -t/--tty", "--detach-keys -e/--env --env-file -u/--user -w/--workdir"),
    "logs": flags("--details -f/--follow -t/--timestamps", "--since -n/--tail --until"),
    "version": flags("", "-f/--format"),
    "info": flags("", "-f/--format"),
    "volume ls": flags("-q/--quiet", "-f/--filter --format"),
    "image inspect": flags("", "-f/--format --platform"),
    "image tag": flags(),
    "image ls": flags("-a/--all --digests --no-trunc -q/--quiet", "-f/--filter --format"),
    "image rm": flags("-f/--force --no-prune"),
    "container ls": flags("-a/--all -l/--latest --no-trunc -q/--quiet -s/--size", "-f/--filter --format -n/--last"),
    "container inspect": flags("-s/--size", "-f/--format"),
    "container stats": flags("-a/--all --no-stream --no-trunc", "--format"),
}


def compose(engine, generation, arguments):
    options, words = parse(arguments, COMPOSE[generation], stop_at_word=True)
    if not words or words[0] not in VERBS[generation]:
        fail("unknown docker command: \"compose %s\"" % (words[0] if words else ""))
    verb, rest = words[0], words[1:]
    given, names = parse(rest, VERBS[generation][verb])
    if verb == "version":
        print(engine["compose_version"] if given.get("short") else "Docker Compose version v" + engine["compose_version"])
        return
    file = options.get("file", [None])[-1]
    folder = options.get("project-directory", [None])[-1] or (os.path.dirname(file) if file else None) or os.getcwd()
    if file is None:
        usual = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"]
        there = [name for name in usual if os.path.exists(os.path.join(folder, name))]
        project_known = "project-name" in options and verb in ("ps", "logs", "stop", "restart")
        if not there and not (generation == 2 and project_known):
            fail("no configuration file provided: not found" if generation == 2 else
                 "\n        Can't find a suitable configuration file in this directory or any\n        parent. Are you in the right directory?")
        file = there[0] if there else None
    path = os.path.join(os.getcwd(), file) if file else None
    if path and not os.path.exists(path):
        fail("open %s: no such file or directory" % path if generation == 2 else
             ".FileNotFoundError: [Errno 2] No such file or directory: '%s'" % file)
    if path and "services:" not in open(path, errors="replace").read():
        fail("yaml: line 1: mapping values are not allowed in this context")
    if verb == "config":
        if given.get("services"):
            print("\n".join(engine["services"]))
        elif given.get("images"):
            print("\n".join(sorted(engine["images"])))
        elif given.get("format", [""])[-1] == "json":
            print(json.dumps({"name": engine["project"], "services": {
                name: {"image": image_of(engine, name)} for name in engine["services"]}}))
        elif not given.get("quiet"):
            print("services:\n" + "".join("  %s:\n    image: %s\n" % (name, image_of(engine, name)) for name in engine["services"]))
        return
    need_engine(engine, generation)
    for name in names:
        if name not in engine["services"]:
            fail("no such service: " + name if generation == 2 else "ERROR: No such service: " + name)
    named = names or engine["services"]
    if verb == "ps":
        compose_ps(engine, generation, given, names)
    elif verb == "build":
        build(engine, named, folder)
    elif verb in ("up", "restart", "start"):
        if verb == "up" and not (given.get("detach") or given.get("wait") or given.get("no-start")):
            time.sleep(3600)  # it would follow the logs
        if verb == "up" and given.get("build"):
            build(engine, named, folder)
        start(engine, named, given, verb)
    elif verb == "stop":
        for one in engine["containers"]:
            if one["service"] in named:
                one.update(state="exited", exit_code=137, health="")
        save(engine)
    elif verb == "logs":
        lines = int(given["tail"][-1]) if given.get("tail", ["all"])[-1] != "all" else 10_000
        for one in engine["containers"]:
            if one["service"] in named:
                for line in one.get("log", [])[-lines:]:
                    print(line if given.get("no-log-prefix") else "%s  | %s" % (one["name"], line))
    elif verb == "images":
        rows = [{"ID": engine["images"][image_of(engine, one["service"])], "ContainerName": one["name"],
                 "Repository": one["image"].split(":")[0], "Tag": "latest"} for one in engine["containers"]]
        print(json.dumps(rows))
    elif verb == "ls":
        print(json.dumps([{"Name": engine["project"], "Status": "running(%d)" % len(engine["containers"]), "ConfigFiles": path or ""}]))


def image_of(engine, service):
    return engine["image_names"].get(service, "%s-%s" % (engine["project"], service))


def need_engine(engine, generation=2):
    if engine["mood"] == "down":
        host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        if generation == 1:
            frames = "".join('  File "/usr/lib/python3/dist-packages/x/y.py", line %d, in z\n    a.b()\n' % n for n in range(60))
            fail("Traceback (most recent call last):\n" + frames +
                 "docker.errors.DockerException: Error while fetching server API version: ('Connection aborted.', "
                 "FileNotFoundError(2, 'No such file or directory'))")
        fail("Cannot connect to the Docker daemon at %s. Is the docker daemon running?" % host)
    if engine["mood"] == "forbidden":
        fail("Got permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: "
             "Get \"http://%2Fvar%2Frun%2Fdocker.sock/v1.24/containers/json\": dial unix /var/run/docker.sock: connect: permission denied")
    if engine["mood"] == "hang":
        time.sleep(3600)
    if engine["mood"] == "garbage":
        print('{"ID": "abc", "Service": [[[ \x1b[2Jnonsense')
        sys.exit(0)
    if engine["mood"] == "huge":
        chunk = "x" * 1_000_000
        try:
            for _ in range(2_000):
                sys.stdout.write(chunk)
        except BrokenPipeError:
            os._exit(1)
        sys.exit(0)


def ago(seconds):
    for size, name in ((604_800, "week"), (86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= 2 * size:
            return "%d %ss" % (seconds // size, name)
    return "Less than a second"


def status_of(one):
    if one["state"] == "running":
        health = {"": "", "starting": " (health: starting)"}.get(one["health"], " (%s)" % one["health"])
        return "Up %s%s" % (ago(time.time() - one["started"]), health)
    return "Exited (%d) 5 minutes ago" % one["exit_code"] if one["state"] == "exited" else one["state"].capitalize()


def labels(engine, one):
    return {
        "com.docker.compose.project": engine["project"],
        "com.docker.compose.service": one["service"],
        "com.docker.compose.container-number": "1",
        "com.docker.compose.oneoff": "False",
        "com.docker.compose.project.working_dir": engine.get("folder", "/srv/bot"),
    }


def csv_labels(engine, one):
    return ",".join("%s=%s" % pair for pair in labels(engine, one).items())


def stamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S +0000 UTC")


def iso(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def seen(engine, everything, names=None):
    return [one for one in engine["containers"]
            if (everything or one["state"] in ("running", "restarting", "paused")) and (not names or one["service"] in names)]


def compose_ps(engine, generation, given, names):
    rows = seen(engine, given.get("all") or generation == 1, names)
    if given.get("quiet"):
        print("\n".join(one["id"] for one in rows))
        return
    if given.get("services"):
        print("\n".join(one["service"] for one in rows))
        return
    if generation == 1:
        print("   Name   Command   State   Ports\n" + "-" * 40)
        for one in rows:
            state = status_of(one).replace("Exited (%d) 5 minutes ago" % one["exit_code"], "Exit %d" % one["exit_code"])
            print("%s   /bin/x   %s" % (one["name"], "Up" if state.startswith("Up") else state))
        return
    if given.get("format", ["table"])[-1] != "json":
        print("NAME   IMAGE   COMMAND   SERVICE   CREATED   STATUS   PORTS")
        return
    answers = []
    for one in rows:
        answers.append({
            "Command": "\"docker-entrypoint.s…\"", "CreatedAt": stamp(one["started"]), "ExitCode": one["exit_code"],
            "Health": one["health"], "ID": one["id"] if given.get("no-trunc") else one["id"][:12], "Image": one["image"],
            "Labels": csv_labels(engine, one), "LocalVolumes": "1", "Mounts": "bot_data", "Name": one["name"],
            "Names": one["name"], "Networks": "bot_default", "Ports": "", "Project": engine["project"], "Publishers": [],
            "RunningFor": ago(time.time() - one["started"]) + " ago", "Service": one["service"], "Size": "0B",
            "State": one["state"], "Status": status_of(one),
        })
    if engine["form"] == "array":
        older = ("ID", "Name", "Command", "Project", "Service", "State", "Health", "ExitCode", "Publishers")
        print(json.dumps([{key: answer[key] for key in older} for answer in answers]))
    else:
        for answer in answers:
            print(json.dumps(answer, ensure_ascii=False))


def build(engine, services, folder):
    if engine["mood"] == "build fails":
        print("Step 1/3 : FROM nosuch:1")
        fail("ERROR: Service 'api' failed to build: pull access denied for nosuch, repository does not exist")
    for name in services:
        place = os.path.join(folder, name)
        if not os.path.isdir(place):
            continue
        parts = [open(os.path.join(place, file), "rb").read() for file in sorted(os.listdir(place))]
        digest = "sha256:" + hashlib.sha256(b"\0".join(parts)).hexdigest()
        engine["images"][image_of(engine, name)] = digest
        engine["contents"][digest] = b"\n".join(parts).decode(errors="replace")
        print("Successfully built " + digest[7:19])
    save(engine)


def start(engine, services, given, verb):
    """Containers whose image has changed are made anew; one whose image holds the word `ill` never gets healthy."""
    for name in services:
        image = image_of(engine, name)
        digest = engine["images"].get(image)
        if digest is None:
            fail("pull access denied for %s, repository does not exist or may require 'docker login'" % image)
        old = [one for one in engine["containers"] if one["service"] == name]
        if verb == "up" and (not old or old[0]["image_id"] != digest or given.get("force-recreate")):
            engine["made"] = engine.get("made", 0) + 1
            serial = hashlib.sha256(("%s%d" % (name, engine["made"])).encode()).hexdigest()
            new = {"service": name, "name": "%s-%s-1" % (engine["project"], name), "id": serial, "image": image, "image_id": digest}
            engine["containers"] = [one for one in engine["containers"] if one["service"] != name] + [new]
            old = [new]
        one = old[0]
        content = engine["contents"].get(one["image_id"], "")
        if verb != "up" or one.get("state") != "running":
            one.update(state="running", exit_code=0, started=time.time(), restarts=0,
                       log=["listening", "serving " + content.replace("\n", " ")])
            one["health"] = "unhealthy" if "ill" in content.split() else "healthy"
            if "crash" in content.split():
                one.update(state="exited", exit_code=3, health="", log=["Traceback: no module named app"])
    save(engine)
    if given.get("wait") and any(one["health"] == "unhealthy" for one in engine["containers"]):
        fail("container %s is unhealthy" % engine["containers"][-1]["name"])


def state_of(one):
    state = {"Status": one["state"], "Running": one["state"] == "running", "Paused": False, "Restarting": one["state"] == "restarting",
             "OOMKilled": False, "Dead": False, "Pid": 4711, "ExitCode": one["exit_code"], "Error": "",
             "StartedAt": iso(one["started"]), "FinishedAt": "0001-01-01T00:00:00Z"}
    if one["health"]:
        state["Health"] = {"Status": one["health"], "FailingStreak": 0, "Log": []}
    return state


def container_record(engine, one):
    return {"Id": one["id"], "Created": iso(one["started"]), "State": state_of(one), "Image": one["image_id"], "Name": "/" + one["name"],
            "RestartCount": one.get("restarts", 0), "Mounts": one.get("mounts", []), "Config": {"Image": one["image"], "Labels": labels(engine, one)}}


def render(value, template, engine):
    if template == "json" and engine["cli"] < 23:
        return "json"  # a word is a template of its own
    if template in ("json", "{{json .}}"):
        return json.dumps(value, ensure_ascii=False)
    bare = template.startswith("{{json .") and template.endswith("}}")
    parts = template[len("{{json "):-2].strip() if bare else template[2:-2].strip()
    if not template.startswith("{{") or not parts.startswith(".") or " " in parts:
        fail("template parsing error: template: :1: unexpected %r" % template, 64)
    for name in parts[1:].split("."):
        if not isinstance(value, dict) or name not in value:
            fail("template: :1:2: executing \"\" at <%s>: map has no entry for key %r" % (parts, name))
        value = value[name]
    return json.dumps(value) if bare else str(value)


def one_container(engine, name):
    for one in engine["containers"]:
        if one["id"].startswith(name) or one["name"] == name:
            return one
    fail("Error: No such container: " + name)


def moment(text):
    """A time as --since and --until take it, in seconds since 1970."""
    if text.replace(".", "").isdigit():
        return float(text)
    whole, _, fraction = text.rstrip("Z").partition(".")
    try:
        seconds = datetime.datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc).timestamp()
    except ValueError:
        fail("invalid value for \"since\": failed to parse value as time or duration: %r" % text)
    return seconds + float("0." + (fraction or "0"))


def logs(one, given):
    """The lines of a container; one that is [SECONDS, TEXT, OUTPUT] was written then, to output 1 or 2."""
    since, until = moment(given.get("since", ["0"])[-1]), moment(given.get("until", ["99999999999"])[-1])
    tail = given.get("tail", ["all"])[-1]
    if one.get("log driver"):
        fail("Error response from daemon: configured logging driver does not support reading")
    lines = [line if isinstance(line, list) else [None, line, 1] for line in one.get("log", [])]
    lines = [line for line in lines if line[0] is None or since <= line[0] < until]
    for _, text, output in lines[-(10_000_000 if tail == "all" else int(tail)):]:
        (sys.stdout if output == 1 else sys.stderr).write(text + "\n")
    count, text = one.get("flood", [0, ""])
    for _ in range(count):
        sys.stdout.write(text + "\n")


def inside(one, words, given):
    """A program in a container: {NAME: {"stdout": …, "stderr": …, "code": …}} are those that it has."""
    if given.get("tty"):
        fail("the input device is not a TTY")
    if one["state"] != "running":
        fail("Error response from daemon: Container %s is not running" % one["id"])
    if not words:
        fail("\"docker exec\" requires at least 2 arguments.")
    program = one.get("programs", {}).get(words[0])
    if program is None:
        fail("OCI runtime exec failed: exec failed: container_linux.go:380: starting container process caused: "
             "exec: \"%s\": executable file not found in $PATH: unknown" % words[0], 126)
    sys.stdout.write(program.get("stdout", ""))
    sys.stderr.write(program.get("stderr", ""))
    sys.exit(program.get("code", 0))


def docker(engine, arguments):
    _, words = parse(arguments, GLOBAL, stop_at_word=True)
    if not words:
        fail("docker: no command")
    if words[0] == "compose":
        if engine["generation"] == 1:
            # Without the plugin the flags after it are read as docker's own.
            if len(words) > 1 and words[1].startswith("-"):
                fail("unknown shorthand flag: 'f' in -f\nSee 'docker --help'.", 125)
            fail("docker: 'compose' is not a docker command.\nSee 'docker --help'")
        return compose(engine, 2, words[1:])
    verb, rest = words[0], words[1:]
    if verb in ("image", "container", "volume") and rest:
        verb, rest = verb + " " + rest[0], rest[1:]
    if verb not in DOCKER:
        fail("docker: '%s' is not a docker command.\nSee 'docker --help'" % verb)
    given, names = parse(rest, DOCKER[verb], stop_at_word=verb == "exec")
    template = given.get("format", [None])[-1]
    need_engine(engine)
    if verb in ("ps", "container ls"):
        rows = seen(engine, given.get("all"))
        for condition in given.get("filter", []):
            name, _, wanted = condition.partition("=")
            if name == "label":
                key, _, value = wanted.partition("=")
                rows = [one for one in rows if labels(engine, one).get(key) == (value or labels(engine, one).get(key))]
            elif name == "status":
                rows = [one for one in rows if one["state"] == wanted]
            elif name in ("id", "name"):
                rows = [one for one in rows if wanted in one[name]]
            else:
                fail("Error response from daemon: Invalid filter '%s'" % name)
        for one in rows:
            id = one["id"] if given.get("no-trunc") else one["id"][:12]
            row = {"Command": "\"/bin/x\"", "CreatedAt": stamp(one["started"]), "ID": id, "Image": one["image"],
                   "Labels": csv_labels(engine, one), "LocalVolumes": "0", "Mounts": "", "Names": one["name"],
                   "Networks": "bot_default", "Ports": "", "RunningFor": ago(time.time() - one["started"]) + " ago",
                   "Size": "0B", "State": one["state"], "Status": status_of(one)}
            print(id if given.get("quiet") else render(row, template or "{{.ID}}", engine))
    elif verb == "stats" or verb == "container stats":
        if not given.get("no-stream"):
            time.sleep(3600)
        for one in engine["containers"]:
            if one["state"] == "running" and (not names or any(one["id"].startswith(name) or one["name"] == name for name in names)):
                row = {"BlockIO": "1.05MB / 4.1kB", "CPUPerc": one.get("cpu", "20.00%"), "Container": one["id"][:12],
                       "ID": one["id"] if given.get("no-trunc") else one["id"][:12], "MemPerc": "1.95%",
                       "MemUsage": one.get("memory", "40MiB / 2GiB"), "Name": one["name"],
                       "NetIO": one.get("network", "1.5kB / 2.5kB"), "PIDs": "6"}
                print(render(row, template or "{{.ID}}", engine))
        missing = [name for name in names if not any(one["id"].startswith(name) or one["name"] == name for one in engine["containers"])]
        if missing:
            fail("Error response from daemon: No such container: " + missing[0])
    elif verb in ("inspect", "container inspect", "image inspect"):
        records, missing = [], []
        for name in names:
            match = [container_record(engine, one) for one in engine["containers"]
                     if one["id"].startswith(name) or one["name"] == name] if verb != "image inspect" else []
            images = [{"Id": digest, "RepoTags": [tag]} for tag, digest in engine["images"].items()
                      if name in (tag, tag + ":latest", digest, digest[7:])]
            images += [{"Id": digest, "RepoTags": []} for digest in engine["contents"] if name in (digest, digest[7:])]
            found = match or images
            records += found[:1]
            missing += [name] if not found else []
        if template:
            for record in records:
                print(render(record, template, engine))
        else:
            print(json.dumps(records, indent=4))
        if missing:
            fail("Error: No such %s: %s" % ("image" if verb == "image inspect" else "object", missing[0]))
    elif verb in ("tag", "image tag"):
        if len(names) != 2:
            fail("\"docker tag\" requires exactly 2 arguments.")
        digest = engine["images"].get(names[0].removesuffix(":latest"), names[0])
        if digest not in engine["contents"]:
            fail("Error response from daemon: No such image: " + names[0])
        engine["images"][names[1].removesuffix(":latest")] = digest
        save(engine)
    elif verb in ("rmi", "image rm"):
        for name in names:
            if engine["images"].pop(name.removesuffix(":latest"), None) is None and name not in engine["contents"]:
                fail("Error: No such image: " + name)
        save(engine)
    elif verb in ("images", "image ls"):
        for tag, digest in engine["images"].items():
            row = {"ID": digest if given.get("no-trunc") else digest[7:19], "Repository": tag.split(":")[0], "Tag": (tag + ":latest").split(":")[1]}
            print(row["ID"] if given.get("quiet") else render(row, template or "{{.ID}}", engine))
    elif verb == "volume ls":
        pass  # it has none
    elif verb == "logs":
        if len(names) != 1:
            fail("\"docker logs\" requires exactly 1 argument.")
        logs(one_container(engine, names[0]), given)
    elif verb == "exec":
        inside(one_container(engine, names[0]), names[1:], given)
    elif verb in ("version", "info"):
        answer = {"Client": {"Version": "%d.0.0" % engine["cli"]}, "Server": {"APIVersion": "1.41", "Version": "%d.0.0" % engine["cli"]},
                  "ServerVersion": "%d.0.0" % engine["cli"]}
        print(render(answer, template, engine) if template else json.dumps(answer))


def main():
    program = os.path.basename(sys.argv[0])
    with open(os.path.join(HERE, "calls"), "a") as file:
        file.write(json.dumps([program] + sys.argv[1:]) + "\n")
    engine = load()
    if program == "docker-compose":
        compose(engine, engine["generation"], sys.argv[1:])
    else:
        docker(engine, sys.argv[1:])


main()
