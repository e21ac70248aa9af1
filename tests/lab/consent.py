"""A migration whose losses have to be agreed to, from loading what is lost to reading the report."""

import json
import subprocess
import time

import scene
from databases import SERVICE
from scene import fail, infra, ok


def load_files(files, named="phase1-vault", options=""):
    """From outside: the bundle's own user could do the same. Of several hosts, on the one whose name begins so."""
    command = ["docker", "ps", "--quiet", "--filter", f"label=infra-lab={scene.lab_id()}"]
    hosts = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    names = subprocess.run(["docker", "inspect", "--format", "{{.Config.Hostname}}", *hosts], check=True, capture_output=True, text=True).stdout.split()
    # An instance of EC2 calls itself by its address.
    host = hosts[0] if len(hosts) == 1 else next(host for host, name in zip(hosts, names) if name.startswith(named))
    psql = f'exec docker exec -i -e PGOPTIONS="{options}" "{SERVICE}" psql -U postgres -d telemetry -Xq -v ON_ERROR_STOP=1'
    for file in files:
        sql = file.read_bytes()
        done = subprocess.run(["docker", "exec", "-i", host, "sh", "-c", psql], input=sql, capture_output=True)
        # An index that could not be built is part of it.
        if done.returncode:
            fail(f"{file.name}: {done.stderr.decode()}")


def guide(system, mode, to="rds"):
    """The codes that somebody has to agree to, and all that is named."""
    told = json.loads(infra("migrate", system.path, "--to", to, mode, "--plan-only", "--json"))
    if told["blockers"]:
        fail(f"blockers: {told['blockers']}")
    look = told["look"]
    print(f"the guide: {len(look['findings'])} findings, {len(look['losses'])} losses; to be agreed to: {', '.join(told['open'])}")
    return told


def there(system, mode, guided, to="rds"):
    began = time.monotonic()
    codes = set(guided["open"])
    begin = ["migrate", system.path, "--to", to, mode, "--yes"]
    ended = scene.run(*begin)
    if codes:
        if ended.returncode != 5:
            fail(f"it began without consent: exit {ended.returncode}\n{ended.stderr}")
        ended = scene.run(*begin, "--accept", ",".join(sorted(codes)))
    # What only the new database's server can tell is asked for once it is there.
    for _ in range(3):
        report = json.loads(scene.run("migrate", "status", system.path, "--json").stdout.splitlines()[0])
        if ended.returncode != 5:
            break
        print(f"asked for: {', '.join(report['open'])}")
        codes |= set(report["open"])
        ended = scene.run("migrate", "resume", system.path, "--accept", ",".join(sorted(codes)))
    if ended.returncode:
        fail(f"exit {ended.returncode}\n{ended.stdout}\n{ended.stderr}")
    pause = report["pause"]["total_ms"]
    print(f"{mode.lstrip('-')}: migrated in {time.monotonic() - began:.0f} s; writers waited {pause} ms by infra's clock")


def verified(system):
    text = system.on_host(f"cat {scene.STATE_ON_HOST}/migrations/current/verification.json")
    report = json.loads(text)
    wrong = [table["name"] for table in report["tables"] if table["source_hash"] != table["target_hash"]]
    rows = sum(table["source_rows"] for table in report["tables"])
    unexplained = [difference for difference in report["objects"] if not difference["explained"]]
    if wrong or unexplained:
        fail(f"{wrong} {unexplained}")
    ok(f"all hashes match: {rows} rows of {len(report['tables'])} tables, {report['objects_compared']} objects")
