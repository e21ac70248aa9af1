-- Values of 200 MB, out of line: one that does not compress as text and as bytes, one that does.
CREATE TABLE large_values (id integer PRIMARY KEY, body text, bytes bytea);
ALTER TABLE large_values ALTER COLUMN body SET STORAGE EXTERNAL, ALTER COLUMN bytes SET STORAGE EXTERNAL;
INSERT INTO large_values VALUES (1, repeat('0123456789abcdef', 13107200), NULL), (2, NULL, convert_to(repeat('0123456789abcdef', 13107200), 'UTF8'));
INSERT INTO large_values SELECT n, repeat(md5(n::text), 200), sha256(n::text::bytea) FROM generate_series(3, 200) AS n;
