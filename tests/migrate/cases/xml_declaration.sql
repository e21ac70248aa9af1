-- A server keeps the declaration of XML as it was written, and leaves it out when it sends the value; with every sending a
-- line feed at the beginning is lost too.
CREATE TYPE enclosed AS (doc xml, price money, gone int, size int);
CREATE TABLE letter (id int PRIMARY KEY, doc xml, price money, many xml[], kept enclosed, list enclosed[], prices money[]);
INSERT INTO letter (id, doc) VALUES
  (1, '<?xml version="1.0" encoding="UTF-8"?><a/>'), (2, '<?xml version="1.0"?><a b="1"/>'), (3, '<a/>'),
  (4, E'<?xml version="1.0"?>\n<a/>'), (5, E'<?xml version="1.0"?>\n\n\n<a/>'), (6, '<?xml version="1.0" standalone="yes"?><a/>'),
  (7, E'<?xml version="1.0" encoding="ISO-8859-1" standalone="no"?>\n<a>é</a>'), (8, E'\n\n<a/>'), (9, '<?xml version="1.1"?> <a/>'), (10, NULL);
UPDATE letter SET price = id * 1234.5, many = ARRAY[doc, NULL, doc], prices = ARRAY[id, NULL, -id]::money[];
UPDATE letter SET kept = ROW(doc, price, id, id), list = ARRAY[ROW(doc, NULL, id, NULL)::enclosed, NULL];
ALTER TYPE enclosed DROP ATTRIBUTE gone;
INSERT INTO letter (id, kept) VALUES (11, ROW('<b/>', 7, 8));
-- A table's row as a type, of which a column was dropped.
CREATE TABLE folder (id int PRIMARY KEY, gone text, letter letter);
ALTER TABLE letter DROP COLUMN prices;
INSERT INTO folder SELECT id, 'gone', letter FROM letter;
ALTER TABLE folder DROP COLUMN gone;
CREATE TABLE cupboard (id int PRIMARY KEY, folder folder, folders folder[]);
INSERT INTO cupboard SELECT id, folder, ARRAY[folder, NULL] FROM folder;
