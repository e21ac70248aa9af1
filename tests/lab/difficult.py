"""Tables that replication does not bring by itself, filled by whatever ingest writes: every record of a ledger is in each of
them too, in the same transaction. And what a migration may leave behind in a database's catalogue."""

from scene import fail, ok

# Codes of the guide that such tables need.
ACCEPTED = "not-followed,unlogged"
SCHEMA = "difficult"

# Without a key, changed and deleted from; with values that have no equality, and a foreign key; with a unique index only;
# unlogged; with large objects.
MAKE = """
CREATE SCHEMA difficult;
CREATE TABLE difficult.keyless (record text, state int);
CREATE INDEX ON difficult.keyless (record);
CREATE TABLE difficult.kinds (id int PRIMARY KEY);
INSERT INTO difficult.kinds VALUES (1);
CREATE TABLE difficult.documents (record text, body json, kind int CONSTRAINT of_a_kind REFERENCES difficult.kinds);
CREATE INDEX ON difficult.documents (record);
CREATE TABLE difficult.pairs (record text NOT NULL UNIQUE, state int);
CREATE UNLOGGED TABLE difficult.visits (record text);
CREATE TABLE difficult.files (record text, content oid);
CREATE FUNCTION difficult.follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE records text[] := ARRAY(SELECT agent_id || '/' || session_id FROM made WHERE agent_id LIKE 'ledger-%');
BEGIN
  INSERT INTO difficult.keyless SELECT record, 0 FROM unnest(records) AS record UNION ALL SELECT 'draft ' || record, 0 FROM unnest(records) AS record;
  UPDATE difficult.keyless SET state = 1 WHERE record = ANY (records);
  DELETE FROM difficult.keyless WHERE record = ANY (ARRAY(SELECT 'draft ' || record FROM unnest(records) AS record));
  INSERT INTO difficult.documents SELECT record, '{"state": 0}', 1 FROM unnest(records) AS record;
  UPDATE difficult.documents SET body = json_build_object('state', 1) WHERE record = ANY (records);
  INSERT INTO difficult.pairs SELECT record, 0 FROM unnest(records) AS record;
  UPDATE difficult.pairs SET state = 1 WHERE record = ANY (records);
  INSERT INTO difficult.visits SELECT record FROM unnest(records) AS record;
  INSERT INTO difficult.files SELECT record, lo_from_bytea(0, convert_to(record, 'UTF8'))
    FROM unnest(records) AS record WHERE record LIKE '%000';
  RETURN NULL;
END $$;
CREATE TRIGGER follow AFTER INSERT ON telemetry REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION difficult.follow();
"""
REMOVE = """
DROP TRIGGER IF EXISTS follow ON telemetry;
SELECT lo_unlink(content) FROM difficult.files;
DROP SCHEMA IF EXISTS difficult CASCADE;
"""

# How many records each table has too few, too many, twice, or not as they were written. One statement, one moment.
DIFFERENT = """
WITH ledger AS (SELECT agent_id || '/' || session_id AS record FROM telemetry WHERE agent_id LIKE 'ledger-%'),
     tables AS (SELECT 'keyless' AS name, record, state = 1 AS good FROM difficult.keyless
                UNION ALL SELECT 'documents', record, body ->> 'state' = '1' AND kind = 1 FROM difficult.documents
                UNION ALL SELECT 'pairs', record, state = 1 FROM difficult.pairs
                UNION ALL SELECT 'visits', record, true FROM difficult.visits
                UNION ALL SELECT 'files', record, convert_from(lo_get(content), 'UTF8') = record FROM difficult.files),
     expected AS (SELECT name, record FROM ledger, (VALUES ('keyless'), ('documents'), ('pairs'), ('visits'), ('files')) AS t (name)
                   WHERE name <> 'files' OR record LIKE '%000')
SELECT coalesce(e.name, t.name), count(*) FILTER (WHERE t.record IS NULL), count(*) FILTER (WHERE e.record IS NULL OR times > 1 OR NOT good)
  FROM expected AS e FULL JOIN (SELECT name, record, count(*) AS times, bool_and(good) AS good FROM tables GROUP BY 1, 2) AS t USING (name, record)
 GROUP BY 1 ORDER BY 1"""

# Partitions come with the clock.
FACTS = """
SELECT format('identity %s %s', c.oid::regclass, c.relreplident) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
UNION ALL SELECT format('trigger %s %s %s', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger WHERE NOT tgisinternal AND tgparentid = 0
UNION ALL SELECT format('event trigger %s %s', evtname, evtenabled) FROM pg_event_trigger
UNION ALL SELECT format('constraint %s %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(c.oid), convalidated)
            FROM pg_constraint c JOIN pg_namespace n ON n.oid = connamespace WHERE n.nspname = 'difficult'
UNION ALL SELECT 'publication ' || pubname FROM pg_publication
UNION ALL SELECT 'subscription ' || subname FROM pg_subscription
UNION ALL SELECT 'slot ' || slot_name FROM pg_replication_slots
UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname !~ '^pg_'
UNION ALL SELECT 'role ' || rolname FROM pg_roles WHERE rolname LIKE 'infra%'
UNION ALL SELECT 'database ' || datname FROM pg_database WHERE datname LIKE 'infra%'
UNION ALL SELECT format('setting %s %s %s', setdatabase, setrole::regrole, setconfig) FROM pg_db_role_setting
UNION ALL SELECT format('open %s %s', datallowconn, datconnlimit) FROM pg_database WHERE datname = current_database()
ORDER BY 1"""
# Of a managed database: its master, and the role by which infra enters it.
ITS_OWN = ("infra_master", "infra_migrate")
# What a database has by its schema alone, whoever runs it.
OF_THE_SCHEMA = ("identity ", "trigger ", "constraint ")


def make(system):
    """Anew, with nobody writing; of earlier ledgers nothing is expected."""
    system.sql("DELETE FROM telemetry WHERE agent_id LIKE 'ledger-%'")
    if system.sql(f"SELECT 1 FROM pg_namespace WHERE nspname = '{SCHEMA}'"):
        system.sql(REMOVE)
    system.sql(MAKE)


def remove(system):
    system.sql(REMOVE)


def audit(what, database, crashed=False):
    """`crashed`: a server died at some time, and an unlogged table is empty after that, as PostgreSQL says."""
    for line in database(DIFFERENT).splitlines():
        name, missing, wrong = line.split("|")
        if wrong != "0" or missing != "0" and not (name == "visits" and crashed):
            fail(f"{what}: {name} lacks {missing} records, and has {wrong} that are too many or wrong")
    ok(f"{what}: tables without a key, unlogged ones and large objects have every record of the ledger")


def facts(database):
    found = set(database(FACTS).splitlines())
    return {fact for fact in found if not any(role in fact for role in ITS_OWN)}


def same_facts(what, before, after):
    if before != after:
        fail(f"{what}: the catalogue is not what it was: gone {sorted(before - after)}, new {sorted(after - before)}")
    ok(f"{what}: the catalogue is as it was before")


def assert_untouched(what, database):
    """Nothing of the schema, and nothing of infra's."""
    left = {fact for fact in facts(database) if "infra" in fact or SCHEMA in fact}
    if left:
        fail(f"{what}: left in the new database: {sorted(left)}")
    ok(f"{what}: nothing is left in the new database")


def of_the_schema(facts):
    return {fact for fact in facts if fact.startswith(OF_THE_SCHEMA)}
