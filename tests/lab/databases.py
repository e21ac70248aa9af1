"""The two databases of a migration, asked by the programs in the old one's container, from the host, which alone is let in."""

import json
import shlex

import scene

# A row of the load below, with its place in two indexes.
BYTES_A_ROW = 640
SERVICE = "$(docker ps -qf label=com.docker.compose.service=db)"


class Database:
    """Called with a statement it answers as psql does."""

    def __init__(self, system, where, password="", variables=""):
        self.system, self.where, self.password, self.variables = system, where, password, variables

    def __call__(self, statement):
        return self.run(f"psql {self.where} -XAtc {shlex.quote(statement)}").strip()

    def schema(self):
        """As pg_dump of the old server's version writes it, in statements; without what the migration has there."""
        text = self.run(f"pg_dump {self.where} --schema-only --exclude-schema=infra_migration")
        parts = (part.strip() for part in text.split("\n\n"))
        # \\restrict and its counterpart hold a random word.
        return {part for part in parts if part and not part.startswith("--") and "restrict " not in part}

    def run(self, command):
        return self.system.on_host(f'{self.password}docker exec {self.variables} "{SERVICE}" {command}')


def old_database(system):
    return Database(system, "-U postgres -d telemetry")


def place_of_new_database(system):
    """A user's own has no role for the clients."""
    folder = f"{scene.STATE_ON_HOST}/migrations/current"
    return json.loads(system.on_host(f"cat {folder}/clients.json 2>/dev/null || cat {folder}/target.json"))


def new_database(system):
    """That of the present migration, as its clients enter it: infra's own way in ends with it."""
    at = place_of_new_database(system)
    password = f"PGPASSWORD={shlex.quote(at['password'])} PGSSLMODE=prefer; export PGPASSWORD PGSSLMODE; "
    where = f"-h {at['host']} -U {at.get('login', at['user'])} -d {at['database']}"
    return Database(system, where, password, "-e PGPASSWORD -e PGSSLMODE")


def load(system, megabytes):
    """Rows as agents would have sent them, spread over days of the past that have their partitions."""
    rows = megabytes * 1_000_000 // BYTES_A_ROW
    statement = f"""
        INSERT INTO telemetry (ts, batch_id, seq, kind, agent_id, session_id, trace_id, span_id, name, duration_ms, payload)
        SELECT now() - random() * interval '1 hour', md5((n / 500)::text)::uuid, n % 500, 'trace', 'load-' || n % 50,
               'session-' || n % 1000, md5(n::text), md5((n + 1)::text), 'tool.call', random() * 900,
               jsonb_build_object('text', repeat(md5(n::text), 8), 'n', n)
        FROM generate_series(1, {rows}) AS n ON CONFLICT DO NOTHING"""
    system.sql(statement)
    size = int(system.sql("SELECT pg_database_size('telemetry')"))
    print(f"the database has {size / 1e6:.0f} MB", flush=True)
