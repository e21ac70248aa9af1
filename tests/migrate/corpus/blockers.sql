-- What only a superuser may make, and other objects depend on.
CREATE TYPE label;
CREATE FUNCTION label_in(cstring) RETURNS label LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION label_out(label) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE label (INPUT = label_in, OUTPUT = label_out, LIKE = text);
CREATE CAST (label AS text) WITHOUT FUNCTION;
CREATE TABLE labels (id integer PRIMARY KEY, label label);
INSERT INTO labels VALUES (1, 'one'), (2, '');
CREATE OPERATOR FAMILY odd_family USING btree;
CREATE OPERATOR CLASS odd_integers FOR TYPE integer USING btree FAMILY odd_family AS
  OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(integer, integer);
CREATE INDEX labels_odd ON labels (id odd_integers);
CREATE FOREIGN DATA WRAPPER nobody_knows;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nobody_knows;
