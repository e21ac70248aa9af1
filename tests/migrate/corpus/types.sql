-- Every kind of type, in columns, with the values that conversions break.
CREATE EXTENSION hstore;
CREATE EXTENSION citext WITH SCHEMA shop;
CREATE TYPE shop.mood AS ENUM ('sad', 'it''s ok', 'Ünïcode', 'happy');
CREATE TYPE shop.address AS (street text, "No." integer, at point);
CREATE TYPE shop.house AS (address shop.address, moods shop.mood[]);
CREATE DOMAIN shop.positive AS numeric(20, 4) CHECK (VALUE > 0);
CREATE DOMAIN shop.short_list AS integer[] CHECK (cardinality(VALUE) < 5);
CREATE TYPE shop.timespan AS RANGE (subtype = time, multirange_type_name = shop.timespans);
CREATE COLLATION shop.german (provider = icu, locale = 'de-AT-u-co-phonebk');
CREATE COLLATION shop.any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);

CREATE TABLE types_built_in (
  id serial PRIMARY KEY,
  a_bool boolean, a_int2 smallint, a_int4 integer, a_int8 bigint, a_numeric numeric, a_scaled numeric(12, 3),
  a_float4 real, a_float8 double precision, a_money money, a_text text, a_varchar varchar(40), a_char char(8),
  an_internal_char "char", a_name name, a_bytea bytea, a_bit bit(5), a_varbit bit varying,
  a_date date, a_time time, a_timetz timetz, a_timestamp timestamp, a_timestamptz timestamptz, an_interval interval,
  a_uuid uuid, a_json json, a_jsonb jsonb, a_jsonpath jsonpath, an_xml xml, a_tsvector tsvector, a_tsquery tsquery,
  an_inet inet, a_cidr cidr, a_macaddr macaddr, a_macaddr8 macaddr8,
  a_point point, a_line line, an_lseg lseg, a_box box, a_path path, a_polygon polygon, a_circle circle,
  an_int4range int4range, a_numrange numrange, a_tstzrange tstzrange, a_daterange daterange,
  an_int8multirange int8multirange, a_tsmultirange tsmultirange,
  an_oid oid, a_regclass regclass, a_regtype regtype, a_regrole regrole, a_pg_lsn pg_lsn, a_snapshot pg_snapshot,
  an_array integer[], a_matrix text[][], a_jsonb_array jsonb[], a_range_array int4range[], an_int2vector int2vector
);
INSERT INTO types_built_in VALUES (
  DEFAULT, true, -32768, -2147483648, -9223372036854775808, 1.00, 1.000, 'NaN', '-0', '-92233720368547758.08',
  E'tab\t, newline\n, back\\slash, quote\', "double", \\N', 'äöü 🦀', 'padded', 'x', 'a_name', '\x00ff5c4e', B'10101', B'',
  'infinity', '24:00:00', '23:59:59.999999-15:59', '-infinity', '294276-12-31 23:59:59.999999+00', '-1 year 2 mons -3 days 04:05:06.789',
  'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"b": 1.00,  "a": [null, 1e400], "b": 2}', '{"n": 1.00, "big": 123456789012345678901234567890.5}',
  '$.a[*] ? (@ > 1)', '<a b="c">text &amp; <d/></a>', 'a fat cat''s:3A rat:1B', '!fat & (rat | cat:*)',
  '::1/64', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05',
  '(-0,1e300)', '{1,-1,0}', '[(0,0),(1,1)]', '(2,2),(0,0)', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '<(0,0),5>',
  '[1,10)', '(,5.50]', '["2020-01-01 00:00+00",)', 'empty',
  '{[1,3), [5,9)}', '{}',
  4294967295, 'pg_class', 'integer[]', 'app', 'FFFFFFFF/FFFFFFFF', '10:20:10,14,15',
  '[0:2]={1,NULL,3}', '{{a,"b c"},{"NULL",NULL}}', ARRAY['{"a": 1}'::jsonb, 'null'::jsonb, NULL], '{"[1,3)",empty}', '1 2 3'
);
INSERT INTO types_built_in DEFAULT VALUES;
INSERT INTO types_built_in (a_float4, a_float8, a_numeric, a_text, a_varchar, a_bytea, an_array, a_money, a_timestamptz)
  VALUES ('-Infinity', 'NaN', '-Infinity', '', '', '', '{}', 0, '4713-01-01 00:00:00+00 BC'),
         ('1e-45', 5e-324, 0.000000000000000000000000000000000000001, ' ', E'\r\n', '\x0a', '{NULL}', 1, 'epoch'),
         (0.1, 0.1, 1e1000, E'\\.', E'\x7f', '\x5c2e', '{{1},{2}}', -1, '2000-01-01 00:00:00.000001+00');
INSERT INTO types_built_in (a_text, a_int8) SELECT 'row ' || n, n FROM generate_series(1, 500) AS n;

CREATE TABLE types_of_users (
  id bigint GENERATED ALWAYS AS IDENTITY (START WITH 1000 INCREMENT BY 7) PRIMARY KEY,
  mood shop.mood, moods shop.mood[], address shop.address, addresses shop.address[], house shop.house,
  price shop.positive, list shop.short_list, span shop.timespan, spans shop.timespans,
  pairs hstore, word shop.citext UNIQUE, german text COLLATE shop.german, any_case text COLLATE shop.any_case,
  -- A table's row type as a column's type.
  built_in types_built_in
);
INSERT INTO types_of_users (mood, moods, address, addresses, house, price, list, span, spans, pairs, word, german, any_case)
  VALUES ('Ünïcode', '{sad,"it''s ok"}', ('Main "street"', 5, '(1,2)'), ARRAY[('a,b', NULL, NULL)::shop.address, NULL],
          (('x', 1, NULL), '{happy}'), 0.0001, '{1,2}', '[08:00,12:00)', '{[08:00,12:00),[13:00,17:00)}',
          '"a key"=>"a \"value\"", b=>NULL', 'Word', 'Äpfel', 'MiXed'),
         (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
         ('sad', '{}', (NULL, NULL, NULL), '{}', (NULL, NULL), 1, '{}', 'empty', '{}', '', '', '', '');
CREATE INDEX ON types_of_users USING gin (pairs);
CREATE UNIQUE INDEX ON types_of_users (any_case);
