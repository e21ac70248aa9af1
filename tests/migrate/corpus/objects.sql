-- What hangs on tables, and code.
CREATE FUNCTION looks_like_a_dump(integer) RETURNS text LANGUAGE sql IMMUTABLE AS $body$
--
-- Name: nothing; Type: TABLE; Schema: public; Owner: postgres
--
-- TOC entry 1 (class 0 OID 0)
SELECT 'CREATE TABLE fake (); -- $$' || $1
$body$;
COMMENT ON FUNCTION looks_like_a_dump(integer) IS 'it isn''t';
CREATE FUNCTION shop.standard(a integer, VARIADIC b text[] DEFAULT '{}') RETURNS integer LANGUAGE sql
  BEGIN ATOMIC SELECT a + cardinality(b); END;
ALTER FUNCTION shop.standard(integer, text[]) OWNER TO app;
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = shop, pg_temp AS $$
BEGIN NEW.name := NEW.name || ' '; RETURN NEW; END $$;
ALTER FUNCTION shop.touch() OWNER TO app;
REVOKE ALL ON FUNCTION shop.touch() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION shop.touch() TO "Mixed Case";
CREATE PROCEDURE shop.tidy(INOUT n integer) LANGUAGE plpgsql AS $$ BEGIN n := n + 1; END $$;
CREATE AGGREGATE shop.total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0');
CREATE FUNCTION shop.same(shop.mood, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1::text = $2';
CREATE OPERATOR shop.=~= (LEFTARG = shop.mood, RIGHTARG = text, FUNCTION = shop.same);
CREATE FUNCTION shop.to_mood(integer) RETURNS shop.mood LANGUAGE sql IMMUTABLE AS $$ SELECT (enum_range(NULL::shop.mood))[$1] $$;
CREATE CAST (integer AS shop.mood) WITH FUNCTION shop.to_mood(integer) AS ASSIGNMENT;
CREATE TEXT SEARCH CONFIGURATION shop.plain (COPY = simple);
CREATE TEXT SEARCH DICTIONARY shop.words (TEMPLATE = simple, STOPWORDS = english);
ALTER TEXT SEARCH CONFIGURATION shop.plain ALTER MAPPING FOR asciiword WITH shop.words;
CREATE CONVERSION shop.latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;

CREATE TRIGGER touch BEFORE INSERT OR UPDATE OF name ON shop.customers FOR EACH ROW WHEN (NEW.id > 0) EXECUTE FUNCTION shop.touch();
CREATE TRIGGER disabled BEFORE INSERT ON shop.customers FOR EACH ROW EXECUTE FUNCTION shop.touch();
ALTER TABLE shop.customers DISABLE TRIGGER disabled;
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER everywhere AFTER INSERT ON levels.events FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON shop.orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION nothing();
ALTER TABLE shop.orders ENABLE ALWAYS TRIGGER later;
COMMENT ON TRIGGER touch ON shop.customers IS 'touches';

CREATE VIEW shop.first AS SELECT id, name, looks_like_a_dump(id) AS looks FROM shop.customers WHERE id < 100 WITH LOCAL CHECK OPTION;
CREATE VIEW shop.second WITH (security_barrier) AS SELECT f.*, o.amount FROM shop.first AS f JOIN shop.orders AS o ON o.customer = f.id;
ALTER VIEW shop.second OWNER TO app;
GRANT SELECT ON shop.second TO reporting;
-- Two views that need each other's shape: pg_dump breaks the loop.
CREATE VIEW circle_a AS SELECT 1 AS x;
CREATE VIEW circle_b AS SELECT x FROM circle_a;
CREATE OR REPLACE VIEW circle_a AS SELECT 2 AS x;
CREATE RULE note AS ON INSERT TO circle_b DO INSTEAD INSERT INTO duplicates VALUES (NEW.x, 'rule');
CREATE RULE quiet AS ON DELETE TO empty_table DO ALSO NOTIFY deleted;
CREATE MATERIALIZED VIEW shop.by_customer AS SELECT customer, sum(amount) AS total FROM shop.orders GROUP BY customer;
CREATE UNIQUE INDEX ON shop.by_customer (customer);
CREATE MATERIALIZED VIEW shop.a_above AS SELECT count(*) AS customers, max(total) AS most FROM shop.by_customer;
CREATE MATERIALIZED VIEW shop.unread AS SELECT 1 AS never WITH NO DATA;
ALTER MATERIALIZED VIEW shop.by_customer OWNER TO app;

SELECT lo_from_bytea(100000 + n, convert_to(repeat('large object ' || n, 3000), 'UTF8')) FROM generate_series(1, 20) AS n;
SELECT lo_create(100500);
COMMENT ON LARGE OBJECT 100001 IS 'the first';
ALTER LARGE OBJECT 100002 OWNER TO app;
GRANT SELECT ON LARGE OBJECT 100003 TO reporting;
