"""A writer that posts records through a bundle's service and keeps a ledger of what was acknowledged."""

import collections
import http.client
import json
import ssl
import threading
import time

import scene

BATCH = 20
# What was not acknowledged is tried again under its key after so long.
AGAIN = 0.05
THREADS = 2
# Between two posts of a thread: the point is what is lost, not how much is written.
PAUSE = 0.02


class Writer:
    """Posts batch after batch until it is stopped. Each record's number is its session_id."""

    # Of the Phoenix bundle; the writer to another service says its own.
    PORT, PATH, ROOTS = 443, "/api/v1/telemetry", "/srv/pgdata/tls/cert.pem"
    TOKEN = f"{scene.STATE_ON_HOST}/secrets/INGEST_TOKEN"
    STORED = "SELECT session_id FROM telemetry WHERE agent_id = '{run}'"

    def __init__(self, system):
        self.run = f"ledger-{time.time_ns()}"
        self.address = system.status()["address"]
        self.token = system.on_host(f"cat {self.TOKEN}").strip()
        self.context = ssl.create_default_context(cadata=system.on_host(f"cat {self.ROOTS}"))
        self.acknowledged = []
        self.waits = []
        self.retried = 0
        self.lock = threading.Lock()
        self.number = 0
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.post, daemon=True) for _ in range(THREADS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def take(self):
        with self.lock:
            first, self.number = self.number, self.number + BATCH
        return range(first, first + BATCH)

    def post(self):
        connection = None
        while not self.stopping.is_set():
            numbers = self.take()
            body = json.dumps([self.record(number) for number in numbers])
            began = time.monotonic()
            while True:
                connection, accepted = self.attempt(connection, body, f"{self.run}-{numbers.start}")
                if accepted:
                    break
                # A batch that nobody acknowledged may be there or not; it is in no ledger.
                if self.stopping.is_set():
                    return
                self.retried += 1
                time.sleep(AGAIN)
            with self.lock:
                self.acknowledged.extend(numbers)
                self.waits.append(time.monotonic() - began)
            time.sleep(PAUSE)

    def attempt(self, connection, body, key):
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json", "idempotency-key": key}
        try:
            connection = connection or Connection(self.address, self.context, self.PORT)
            connection.request("POST", self.PATH, body, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                return connection, True
            if answer.status not in (429, 500, 502, 503, 504):
                scene.fail(f"the service answers {answer.status} {answer.reason}")
            return connection, False
        except (OSError, http.client.HTTPException):
            return None, False

    def record(self, number):
        now = int(time.time() * 1000)
        common = {"agent_id": self.run, "session_id": str(number), "ts": now, "payload": {"text": "x" * 100}}
        return common | {"kind": "trace", "trace_id": f"t{number}", "span_id": "s", "name": "n", "duration_ms": 1}

    def longest_wait(self):
        with self.lock:
            longest, self.waits = max(self.waits, default=0.0), []
        return longest

    def audit(self, what, database):
        """Every record that has been acknowledged by now is in the database, and none twice."""
        with self.lock:
            promised = set(self.acknowledged)
        found = collections.Counter(database(self.STORED.format(run=self.run)).split())
        missing = promised - {int(number) for number in found}
        twice = [number for number, times in found.items() if times > 1]
        if missing or twice:
            scene.fail(f"{what}: {len(missing)} acknowledged records are missing, {len(twice)} are there twice: {sorted(missing)[:10]}")
        scene.ok(f"{what}: {len(promised)} acknowledged records, each there once ({self.retried} posts were tried again)")


class Connection(http.client.HTTPSConnection):
    """To an address, by the name in the service's own certificate."""

    def __init__(self, address, context, port):
        super().__init__("localhost", port, timeout=10, context=context)
        self.address = address

    def connect(self):
        self._create_connection = lambda _, timeout, source: http.client.socket.create_connection((self.address, self.port), timeout)
        super().connect()
