WITH RECURSIVE ranges(type, subtype) AS MATERIALIZED (
  SELECT rngtypid, rngsubtype FROM pg_range
  UNION ALL
  -- Multiranges came with 14.
  SELECT (to_jsonb(r) ->> 'rngmultitypid')::oid, rngsubtype FROM pg_range r
), used(oid) AS (
  SELECT DISTINCT a.atttypid
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped AND {user_schema}
  UNION
  SELECT part.oid
    FROM used
    JOIN pg_type t ON t.oid = used.oid
    LEFT JOIN ranges r ON r.type = t.oid
   CROSS JOIN LATERAL (
      SELECT t.typelem WHERE t.typlen = -1
      UNION ALL SELECT t.typbasetype
      UNION ALL SELECT r.subtype
      UNION ALL SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    ) AS part(oid)
   WHERE part.oid <> 0
)
SELECT t.oid::int8 AS oid,
       n.nspname AS schema,
       t.typname AS name,
       t.typtype AS kind,
       -- Types of fixed length such as point have elements too, but are no arrays.
       CASE WHEN t.typelem <> 0 AND t.typlen = -1 THEN t.typelem::int8 END AS element,
       COALESCE(nullif(t.typbasetype, 0), r.subtype)::int8 AS base,
       COALESCE((SELECT json_agg(a.atttypid::int8 ORDER BY a.attnum)
                   FROM pg_attribute a
                  WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped), '[]') AS fields,
       t.typsend <> 0 AND t.typreceive <> 0 AS binary,
       EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
                WHERE o.opcdefault AND m.amname IN ('btree', 'hash')
                  AND (o.opcintype = t.oid OR EXISTS (
                        SELECT FROM pg_cast c WHERE c.castsource = t.oid AND c.casttarget = o.opcintype
                           AND c.castmethod = 'b' AND c.castcontext = 'i'))) AS equality,
       e.extname AS extension
  FROM used
  JOIN pg_type t ON t.oid = used.oid
  JOIN pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN ranges r ON r.type = t.oid
  LEFT JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'
  LEFT JOIN pg_extension e ON e.oid = d.refobjid
 ORDER BY t.oid
