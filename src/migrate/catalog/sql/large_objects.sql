SELECT count(*) AS count, CASE WHEN count(*) > 0 THEN pg_relation_size('pg_largeobject') ELSE 0 END AS bytes
  FROM pg_largeobject_metadata
