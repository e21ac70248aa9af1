WITH candidate(kind, class, oid, owner, detail) AS (
  SELECT 'access_method', 'pg_am'::regclass, oid, NULL::oid, NULL::text FROM pg_am
  UNION ALL
  SELECT 'base_type', 'pg_type'::regclass, oid, typowner, NULL FROM pg_type WHERE typtype = 'b' AND NOT (typelem <> 0 AND typlen = -1)
  UNION ALL
  SELECT 'cast', 'pg_cast'::regclass, oid, NULL, castmethod::text FROM pg_cast
  UNION ALL
  SELECT 'event_trigger', 'pg_event_trigger'::regclass, oid, evtowner, evtevent::text FROM pg_event_trigger
  UNION ALL
  SELECT 'foreign_data_wrapper', 'pg_foreign_data_wrapper'::regclass, oid, fdwowner, NULL FROM pg_foreign_data_wrapper
  UNION ALL
  SELECT 'foreign_server', 'pg_foreign_server'::regclass, oid, srvowner, NULL FROM pg_foreign_server
  UNION ALL
  SELECT 'language', 'pg_language'::regclass, oid, lanowner, CASE WHEN lanpltrusted THEN 'trusted' ELSE 'untrusted' END FROM pg_language
  UNION ALL
  SELECT 'operator_class', 'pg_opclass'::regclass, oid, opcowner, NULL FROM pg_opclass
  UNION ALL
  SELECT 'operator_family', 'pg_opfamily'::regclass, oid, opfowner, NULL FROM pg_opfamily
  UNION ALL
  SELECT 'publication', 'pg_publication'::regclass, p.oid, pubowner, {publication_detail} FROM pg_publication p
  UNION ALL
  SELECT 'subscription', 'pg_subscription'::regclass, oid, subowner, NULL FROM pg_subscription
   WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  UNION ALL
  SELECT 'text_search_parser', 'pg_ts_parser'::regclass, oid, NULL, NULL FROM pg_ts_parser
  UNION ALL
  SELECT 'text_search_template', 'pg_ts_template'::regclass, oid, NULL, NULL FROM pg_ts_template
  UNION ALL
  SELECT 'transform', 'pg_transform'::regclass, oid, NULL, NULL FROM pg_transform
  UNION ALL
  SELECT 'user_mapping', 'pg_user_mapping'::regclass, umid, NULL, NULL FROM pg_user_mappings
)
SELECT candidate.kind,
       object.identity,
       pg_get_userbyid(candidate.owner) AS owner,
       candidate.detail
  FROM candidate
 CROSS JOIN LATERAL pg_identify_object(candidate.class, candidate.oid, 0) AS object
 WHERE candidate.oid >= 16384
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = candidate.class AND d.objid = candidate.oid AND d.deptype = 'e')
UNION ALL
SELECT 'security_label', l.objtype || ' ' || l.objname, NULL, l.provider FROM pg_seclabels l
ORDER BY 1, 2
