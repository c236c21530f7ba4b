-- the extension needs nothing but PostgreSQL
CREATE EXTENSION ruvector;
SELECT extversion, (SELECT count(*) FROM pg_depend d WHERE d.objid = e.oid AND d.refclassid = 'pg_extension'::regclass) AS requires
FROM pg_extension e WHERE extname = 'ruvector';

-- what there is
SELECT p.oid::regprocedure FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ruvector')
ORDER BY 1::text COLLATE "C";
SELECT c.relname, c.relkind FROM pg_class c WHERE relnamespace = 'ruvector'::regnamespace AND relkind IN ('r', 'v') ORDER BY 1;
SELECT name, boot_val, unit, context FROM pg_settings WHERE name LIKE 'ruvector.%' AND name <> 'ruvector.trajectory_buffer_size'
  AND name NOT IN ('ruvector.learning_interval', 'ruvector.label_budget') ORDER BY 1;

-- every object says what it is
SELECT d.classid::regclass, d.objid FROM pg_depend d
WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ruvector')
  AND d.classid IN ('pg_proc'::regclass, 'pg_class'::regclass, 'pg_namespace'::regclass, 'pg_event_trigger'::regclass)
  AND NOT EXISTS (SELECT FROM pg_class s WHERE s.oid = d.objid AND s.relkind = 'S')
  AND NOT EXISTS (SELECT FROM pg_description x WHERE x.classoid = d.classid AND x.objoid = d.objid);

-- nothing of ours is open to everybody, but the functions meant for all
SELECT relname FROM pg_class WHERE relnamespace = 'ruvector'::regnamespace AND relkind IN ('r', 'v')
  AND (relacl IS NOT NULL AND relacl::text LIKE '%{=%' OR relacl::text LIKE '%,=%');
CREATE ROLE rv_stranger;
SET ROLE rv_stranger;
SELECT * FROM ruvector.trajectories;
SELECT ruvector.worker_pid();
SELECT ruvector_last_query_id();
RESET ROLE;
DROP ROLE rv_stranger;

-- it leaves nothing behind
DROP EXTENSION ruvector;
SELECT count(*) FROM pg_namespace WHERE nspname = 'ruvector';
SELECT count(*) FROM pg_event_trigger;
CREATE EXTENSION ruvector;
DROP EXTENSION ruvector;
