"""Phase 1 in the lab as tests/lab/try leaves it, for the scripts beside this file: the programs, the account, the host."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent


def folder(variable, beneath_home):
    return Path(os.environ.get(variable) or Path.home() / beneath_home)


TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or folder("XDG_CACHE_HOME", ".cache") / "infra-target")
INFRA = TARGET / "debug/infra"
# The lab's own state: account, machines, what they booted with.
LAB_STATE = folder("XDG_STATE_HOME", ".local/state") / "infra-lab"
INFRA_DIR = Path(os.environ.get("INFRA_DIR") or LAB_STATE / "try")
LOCAL = INFRA_DIR / ".infra/phase1"
STATE_ON_HOST = "/srv/pgdata/.infra"


def environment():
    """That of an operator whose AWS is the lab."""
    lab = subprocess.run([TARGET / "debug/lab", "env"], check=True, capture_output=True, text=True).stdout
    exports = dict(line.removeprefix("export ").split("=", 1) for line in lab.splitlines())
    return os.environ | exports | {"INFRA_DIR": str(INFRA_DIR), "RUST_BACKTRACE": "0", "NO_COLOR": "1"}


ENVIRONMENT = environment()


def fail(message):
    sys.exit(f"FAILED: {message}")


def ok(message):
    print(f"ok: {message}", flush=True)


def infra(*arguments, code=0, **options):
    """Runs infra to its end; its standard output. Anything but the expected exit code is a failure; None: any will do."""
    ended = run(*arguments, **options)
    if code is not None and ended.returncode != code:
        fail(f"infra {' '.join(map(str, arguments))}: exit {ended.returncode}\n{ended.stdout}\n{ended.stderr}")
    return ended.stdout


def run(*arguments, **variables):
    command = [INFRA, *map(str, arguments)]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=ENVIRONMENT | variables)


def admin(method, route, body=None):
    """A request to the lab itself."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{ENVIRONMENT['AWS_ENDPOINT_URL']}/_lab/{route}", data, method=method)
    request.add_header("content-type", "application/json")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        return json.load(answer)


def inventory():
    """The account's one region."""
    return admin("GET", "inventory").get("us-east-1", {})


def aws(*arguments):
    """AWS's own command line, as somebody who may do everything."""
    program = folder("XDG_CACHE_HOME", ".cache") / "infra-lab/venv/bin/aws"
    command = [program, "--endpoint-url", ENVIRONMENT["AWS_ENDPOINT_URL"], *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=ENVIRONMENT | {"AWS_ACCESS_KEY_ID": "owner"}).stdout


def lab_id():
    """As it names what it makes."""
    return hashlib.sha256(os.fsencode(LAB_STATE.resolve())).hexdigest()[:6]


def machines():
    """How many containers and disks stand behind the account."""
    command = ["docker", "ps", "--all", "--quiet", "--filter", f"label=infra-lab={lab_id()}"]
    containers = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return len(containers), len(list(LAB_STATE.glob("disks/vol-*.img")))


class Journal:
    """What is appended to the journal from now on, as (event, step)."""

    def __init__(self):
        self.path = LOCAL / "journal.jsonl"
        self.at = self.path.stat().st_size if self.path.exists() else 0

    def news(self):
        if not self.path.exists() or self.path.stat().st_size == self.at:
            return []
        with self.path.open("rb") as file:
            file.seek(self.at)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self.at += len(whole)
        records = [json.loads(line) for line in whole.splitlines() if line.strip()]
        return [(record["event"], record.get("step")) for record in records]

    def wait_for(self, event, step):
        while (event, step) not in self.news():
            time.sleep(0.01)


class System:
    """What a plan has brought up."""

    def __init__(self, path=REPOSITORY / "plans/phase1.toml"):
        self.path = path

    def infra(self, verb, *arguments, **options):
        return infra(verb, self.path, *arguments, **options)

    def on_host(self, script):
        return infra("exec", "--plan", self.path, "--", "sudo", "sh", "-c", script)

    def sql(self, statement):
        psql = ["psql", "-U", "postgres", "-d", "telemetry", "-XAtc", statement]
        return infra("exec", "--plan", self.path, "--service", "db", "--", *psql).strip()

    def status(self):
        return json.loads(self.infra("status", "--json"))["hosts"][0]

    def assert_serving(self):
        """Nothing to do, and every service healthy."""
        self.infra("plan", "--exit-code")
        health = {service["service"]: service["health"] for service in self.status()["services"]}
        if health != dict.fromkeys(["adapters", "db", "ingest"], "healthy"):
            fail(f"the services are {health}")


class Changed(System):
    """Phase 1 with a bundle of its own beside the plan, both to be edited."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="infra-scene-"))
        super().__init__(self.folder / "plan.toml")
        self.bundle = self.folder / "phoenix"
        shutil.copytree(REPOSITORY / "templates/phoenix", self.bundle, ignore=shutil.ignore_patterns("target"))
        shutil.copy(REPOSITORY / "plans/phase1.toml", self.path)
        self.edit("../templates/phoenix", str(self.bundle))

    def edit(self, old, new, file=None):
        file = file or self.path
        text = file.read_text()
        if text.count(old) != 1:
            fail(f"{old!r} stands {text.count(old)} times in {file}")
        file.write_text(text.replace(old, new))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)
