-- A foreign key that counts as checked, with rows that break it: written while triggers were off.
CREATE TABLE broken_children (id integer PRIMARY KEY, parent integer REFERENCES parents);
SET session_replication_role = replica;
INSERT INTO broken_children VALUES (1, 1), (2, 999), (3, NULL);
RESET session_replication_role;
