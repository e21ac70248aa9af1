-- What a partition has of its parent is named by the server, not everywhere alike.
CREATE TABLE town (id int, region int, PRIMARY KEY (id, region));
CREATE TABLE visit (town int, region int) PARTITION BY RANGE (town);
CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM (0) TO (100);
CREATE TABLE visit_2 (region int, town int, FOREIGN KEY (town, region) REFERENCES town ON DELETE CASCADE);
ALTER TABLE visit ADD FOREIGN KEY (town, region) REFERENCES town ON DELETE CASCADE;
ALTER TABLE visit ATTACH PARTITION visit_2 FOR VALUES FROM (100) TO (200);
-- Keys that lead to partitions.
CREATE TABLE ship (id bigint, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE ship_1 PARTITION OF ship FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE ship_2 PARTITION OF ship FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE crate (ship bigint, at date, FOREIGN KEY (ship, at) REFERENCES ship);
ALTER TABLE ship DETACH PARTITION ship_1;
CREATE TABLE ship_0 PARTITION OF ship FOR VALUES FROM ('2023-01-01') TO ('2025-01-01');
INSERT INTO town VALUES (1, 1), (150, 1);
INSERT INTO visit VALUES (1, 1), (150, 1);
INSERT INTO ship VALUES (1, '2024-05-05'), (2, '2025-05-05');
INSERT INTO crate VALUES (1, '2024-05-05'), (2, '2025-05-05');
