"""What tests/lab/single_vm shows, from an empty lab that runs. Its command line and its purpose stand there."""

import argparse
import json
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import scene
from databases import new_database
from ledger import Writer
from scene import fail, infra, ok

STATE = "/srv/data/.infra"
ROOTS = "/srv/data/caddy/caddy/pki/authorities/local/root.crt"
BUNDLE = scene.REPOSITORY / "templates/phoenix-single-vm"
HEALTHY = ["api", "caddy", "db", "prometheus", "pushgateway"]
# The link whose time is added to what was measured, since images come from this machine here.
MEGABITS = 100
SECONDS_OF_WRITING = 5
# As linux/capability.h numbers it.
CAP_SYS_RESOURCE = 24
# What the requirements allow: from nothing to serving, to another size, to another database.
MOST_UP, MOST_RESIZE, MOST_SEPARATION = 30 * 60, 15 * 60, 60 * 60


class SingleVm(scene.System):
    """The plan beside a copy of it that is edited."""

    def __init__(self, lightsail):
        self.folder = Path(tempfile.mkdtemp(prefix="infra-single-vm-"))
        super().__init__(self.folder / "plan.toml")
        shutil.copy(scene.REPOSITORY / "plans/phoenix-single-vm.toml", self.path)
        self.edit('"../templates/phoenix-single-vm"', f'"{BUNDLE}"')
        self.lightsail = lightsail
        # A bare Debian, on which Docker is installed from its packages, as on any new instance.
        self.edit('"ubuntu_24_04"', '"debian_12"')
        # Certificates that live for two minutes, so that their renewal is seen.
        self.edit("METRICS_DAYS = 15", 'METRICS_DAYS = 15, CERT_LIFETIME = "2m", RENEW_INTERVAL = "5s"')
        if lightsail:
            self.edit('"ec2"', '"lightsail"')
            self.edit('"t3.medium"', '"medium_3_0"')
            self.edit('type       = "gp3"\niops       = 3000\nthroughput = 125\n', "")

    def edit(self, old, new):
        text = self.path.read_text()
        if text.count(old) != 1:
            fail(f"{old!r} stands {text.count(old)} times in the plan")
        self.path.write_text(text.replace(old, new))

    def up(self):
        """infra up, and how long it took."""
        began = time.monotonic()
        self.infra("up", "--yes")
        return time.monotonic() - began

    def on_host(self, script):
        """A machine under load drops a connection now and then, which is ssh's own exit code; what is run here only reads."""
        command = ["exec", "--plan", self.path, "--", "sudo", "sh", "-c", script]
        if (first := scene.run(*command)).returncode == 255:
            time.sleep(2)
            return infra(*command)
        return first.stdout if first.returncode == 0 else fail(f"{script}: exit {first.returncode}\n{first.stderr}")

    def sql(self, statement):
        psql = ["psql", "-U", "postgres", "-d", "phoenix", "-XAtc", statement]
        return infra("exec", "--plan", self.path, "--service", "db", "--", *psql).strip()

    def assert_serving(self):
        self.infra("plan", "--exit-code")
        health = {service["service"]: service["health"] for service in self.status()["services"]}
        if health != dict.fromkeys(HEALTHY, "healthy"):
            fail(f"the services are {health}")

    def prometheus(self, query):
        """The values of a query, by labels."""
        get = ["wget", "-qO-", f"http://127.0.0.1:9090/api/v1/query?query={query}"]
        answer = json.loads(infra("exec", "--plan", self.path, "--service", "prometheus", "--", *get))
        return [(each["metric"], float(each["value"][1])) for each in answer["data"]["result"]]


class Client:
    """Requests to the address that the system has, verified by its own authority."""

    def __init__(self, system):
        self.address = system.status()["address"]
        self.context = ssl.create_default_context(cadata=system.on_host(f"cat {ROOTS}"))

    def status(self, port, path, token=None, body=None):
        """What it answers, 0: nothing."""
        request = urllib.request.Request(f"https://{self.address}:{port}{path}", body)
        request.add_header("content-type", "application/json")
        if token:
            request.add_header("authorization", f"Bearer {token}")
        handler = urllib.request.HTTPSHandler(context=self.context)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({}), handler).open(request, timeout=12) as answer:
                return answer.status
        except urllib.error.HTTPError as answer:
            return answer.code
        except OSError:
            return 0

    def is_open(self, port):
        try:
            socket.create_connection((self.address, port), timeout=3).close()
            return True
        except OSError:
            return False

    def serial(self):
        """Of the certificate that is served; the handshake verifies it."""
        with socket.create_connection((self.address, 6700), timeout=10) as plain:
            with self.context.wrap_socket(plain, server_hostname="localhost") as stream:
                return stream.getpeercert()["serialNumber"]


class Samples(Writer):
    """Writes to the api as its agents do. An id that is sent again is not stored twice."""

    PORT, PATH, ROOTS = 6700, "/api/v1/samples", ROOTS
    TOKEN = f"{STATE}/secrets/API_TOKEN"
    STORED = "SELECT substr(id, length('{run}') + 2) FROM sample WHERE starts_with(id, '{run}')"

    def record(self, number):
        return {"id": f"{self.run}-{number}", "host": f"host-{number % 200}", "name": "cpu.percent", "value": number % 100}


def from_nothing(system):
    """One command until the health check that covers everything answers."""
    began = time.monotonic()
    system.infra("up", "--yes")
    client = Client(system)
    while client.status(6700, "/health") != 200:
        if time.monotonic() - began > MOST_UP:
            fail("its health does not answer")
        time.sleep(0.5)
    measured = time.monotonic() - began
    system.assert_serving()
    megabytes = {name: size / 1e6 for name, size in downloads(system).items()}
    added = sum(megabytes.values()) * 8 / MEGABITS
    print("  images, compressed: " + ", ".join(f"{name} {size:.0f} MB" for name, size in megabytes.items()), flush=True)
    if measured + added > MOST_UP:
        fail(f"{measured:.0f} s and {added:.0f} s of download are more than {MOST_UP} s")
    ok(f"from nothing to health over TLS: {measured:.0f} s measured, and {added:.0f} s for {sum(megabytes.values()):.0f} MB at {MEGABITS} Mbit/s")
    return client


def downloads(system):
    """What each image is as a download: of the registry's the layers that it serves, of the api's what is not the host's."""
    compose = (BUNDLE / "compose.yaml").read_text()
    names = [name for name in re.findall(r'image: "([^"$]+)"', compose) if not name.startswith("grafana/")]
    sizes = {name: registry_size(name) for name in names}
    tag = system.on_host("docker ps --filter label=com.docker.compose.service=api --format '{{.Image}}'").strip()
    saved = subprocess.run(f"docker save {tag} | zstd -qc | wc -c", shell=True, check=True, capture_output=True, text=True)
    return sizes | {tag.split(":")[0]: int(saved.stdout)}


def registry_size(name):
    repository, tag = name.split(":")
    repository = repository if "/" in repository else f"library/{repository}"
    request = urllib.request.Request(f"http://203.0.113.129:5000/v2/{repository}/manifests/{tag}")
    request.add_header("accept", "application/vnd.docker.distribution.manifest.v2+json")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        manifest = json.load(answer)
    return sum(layer["size"] for layer in [manifest["config"], *manifest["layers"]])


def closed(system, client):
    """What is reached from outside: the api, and pushes by the agents' networks only, with their token."""
    open_ports = [port for port in (80, 3000, 5432, 6700, 8080, 9090, 9091) if client.is_open(port)]
    if open_ports != [6700]:
        fail(f"open to the world are the ports {open_ports}")
    published = system.on_host("docker ps --format '{{.Names}} {{.Ports}}'")
    if any("0.0.0.0" in line for line in published.splitlines() if "-caddy-" not in line):
        fail(f"a service other than caddy is published:\n{published}")
    if [client.status(6700, path) for path in ("/metrics", "/ready", "/api/v1/samples/x")] != [404, 404, 401]:
        fail("the proxy shows more than /api and /health")
    ok("open are 6700 and nothing else; the agents' port is closed to whoever is no agent")


def bounded(system):
    """Of every service, the optional one too: limits, logs that end, a health check, a start after a crash."""
    config = "cd /srv/data/.infra/current && docker compose --profile grafana config --format json"
    for name, service in json.loads(system.on_host(config))["services"].items():
        logs = service["logging"]["options"]
        if not (service["mem_limit"] and service["cpus"] and service["healthcheck"]["test"] and logs["max-size"] and logs["max-file"]):
            fail(f"{name} has no limits, no health check, or logs without end")
        addresses = {port.get("host_ip") for port in service.get("ports", [])}
        if service["restart"] != "unless-stopped" or (name != "caddy" and addresses - {"127.0.0.1"}):
            fail(f"{name} does not start again, or is published at {addresses}")
    ok("every service has limits, bounded logs and a health check, and starts again; caddy alone is published")


def pushes(system, client):
    """This machine becomes one of the agents' networks."""
    system.edit('from = ["198.51.100.0/24"]', 'from = ["198.51.100.0/24", "203.0.113.128/25"]')
    system.up()
    token = system.on_host(f"cat {STATE}/secrets/PUSH_TOKEN").strip()
    path, body = "/metrics/job/backup/instance/web-1", b"pushed_by_an_agent 42\n"
    found = [client.status(9091, path, given, body) for given in (None, "wrong", token)]
    if found != [401, 401, 200]:
        fail(f"pushes without, with a wrong and with the token were answered {found}")
    within(60, "Prometheus has what was pushed", lambda: ("web-1", 42.0) in [(of.get("instance"), value) for of, value in system.prometheus("pushed_by_an_agent")])
    up = {of["job"]: value for of, value in system.prometheus("up")}
    if up != {"api": 1.0, "prometheus": 1.0, "pushgateway": 1.0}:
        fail(f"Prometheus reaches {up}")
    ok("an agent's push with its token is in Prometheus, one without is refused")


def renewed(system, client, writer):
    """Caddy serves another certificate, twice, without being started anew, and no request fails."""
    started = caddy_started(system)
    retried, seen = writer.retried, {client.serial()}
    within(300, "three certificates were served", lambda: seen.add(client.serial()) or len(seen) >= 3)
    if caddy_started(system) != started:
        fail("caddy was started anew")
    if writer.retried != retried:
        fail(f"{writer.retried - retried} posts failed while certificates changed")
    ok(f"the served certificate changed {len(seen) - 1} times by itself; no post failed, caddy runs since {started}")


def caddy_started(system):
    return system.on_host("docker inspect --format '{{.State.StartedAt}}' $(docker ps -qf label=com.docker.compose.service=caddy)").strip()


def uses_what_it_is_told(system, client):
    token = system.on_host(f"cat {STATE}/secrets/API_TOKEN").strip()
    order = json.dumps({"cpu": 0.5, "memory_mb": 300, "seconds": 60}).encode()
    if client.status(6700, "/api/v1/load", token, order) != 202:
        fail("the api does not take an order for load")
    memory = lambda: next(each["memory_bytes"] for each in system.status()["services"] if each["service"] == "api")
    within(30, "300 MB are used by the api", lambda: (memory() or 0) > 250e6)
    client.status(6700, "/api/v1/load", token, b'{"seconds": 0}')
    ok("the api uses memory when it is told to")


def resized(system, writer):
    """Vertical growth: another size within its window."""
    writer.longest_wait()
    old, new = ('"medium_3_0"', '"large_3_0"') if system.lightsail else ('"t3.medium"', '"t3.large"')
    system.edit(old, new)
    took = system.up()
    settled(system, writer, "a larger size")
    if took > MOST_RESIZE:
        fail(f"another size took {took:.0f} s")
    ok(f"another size in {took:.0f} s; the client waited {writer.longest_wait():.1f} s at most")


def grown(system, writer):
    """A larger volume, and on EC2 of another type in the same edit. Where this machine does not let a host grow what is mounted,
    another size is in that edit too: the instance is stopped for it, and the file system grows before it is mounted."""
    system.edit("size_gb    = 50", "size_gb    = 70")
    stopped = not system.lightsail and not grows_mounted()
    if not system.lightsail:
        system.edit('type       = "gp3"\niops       = 3000\nthroughput = 125\n', 'type       = "io2"\niops       = 4000\n')
    if stopped:
        system.edit('"t3.large"', '"t3.xlarge"')
    writer.longest_wait()
    took = system.up()
    if int(system.on_host("df --output=size -BG /srv/data | tr -dc 0-9")) < 60:
        fail("the file system has not grown")
    settled(system, writer, "a larger volume")
    ok(f"the volume grew in {took:.0f} s; the client waited {writer.longest_wait():.1f} s at most")
    if stopped:
        print("  not seen: growth of what is mounted, which this machine refuses (no CAP_SYS_RESOURCE); it grew with another size", flush=True)


def grows_mounted():
    """Whether root in a host may enlarge a mounted ext4: the hosts have at most the capabilities that this machine gives."""
    bounding = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapBnd:"))
    return bool(int(bounding.split()[1], 16) >> CAP_SYS_RESOURCE & 1)


def settled(system, writer, what):
    time.sleep(SECONDS_OF_WRITING)
    system.assert_serving()
    writer.audit(what, system.sql)


def separated(system, writer):
    """The database to RDS, and the client goes on."""
    writer.longest_wait()
    began = time.monotonic()
    infra("migrate", system.path, "--to", "rds", "--yes")
    took = time.monotonic() - began
    time.sleep(SECONDS_OF_WRITING)
    writer.audit("in RDS", phoenix_in_rds(system))
    if took > MOST_SEPARATION:
        fail(f"the separation took {took:.0f} s")
    ok(f"separated in {took:.0f} s; the client waited {writer.longest_wait():.1f} s at most")


def phoenix_in_rds(system):
    scene.STATE_ON_HOST = STATE
    return new_database(system)


def logged(system):
    """Who asked the api for what, and what infra did here: two files on the volume, without a secret in them."""
    secret = system.on_host(f"cat {STATE}/secrets/API_TOKEN").strip()
    requests, operations = system.on_host("cat /srv/data/logs/access.log"), system.on_host(f"cat {STATE}/audit.log")
    if '"uri":"/api/v1/samples"' not in requests or '"remote_ip"' not in requests:
        fail(f"the access log does not say who asked for what: {requests[-500:]}")
    if "deploy" not in operations and "release" not in operations:
        fail(f"the audit log does not say what was done: {operations[-500:]}")
    if secret in requests + operations:
        fail("a token stands in a log")
    ok(f"{requests.count(chr(10))} requests in the access log, {operations.count(chr(10))} operations in the audit log, no token in either")


def within(seconds, what, holds):
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > seconds:
            fail(f"not within {seconds} s: {what}")
        time.sleep(1)
    print(f"  {what}: after {time.monotonic() - began:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser()
    for flag in "--lightsail", "--rds", "--keep":
        parser.add_argument(flag, action="store_true")
    arguments = parser.parse_args()
    system = SingleVm(arguments.lightsail)
    client = from_nothing(system)
    closed(system, client)
    bounded(system)
    pushes(system, client)
    with Samples(system) as writer:
        time.sleep(2)
        renewed(system, client, writer)
        uses_what_it_is_told(system, client)
        resized(system, writer)
        grown(system, writer)
        if arguments.rds:
            separated(system, writer)
        logged(system)
    writer.audit("at the end", phoenix_in_rds(system) if arguments.rds else system.sql)


if __name__ == "__main__":
    main()
