-- what is counted, and who is told
SET client_min_messages = warning;
CREATE EXTENSION vector;
CREATE EXTENSION ruvector;
\set SHOW_CONTEXT never
CREATE ROLE rv_owner;
CREATE ROLE rv_reader;
CREATE ROLE rv_stranger;
CREATE ROLE rv_monitor IN ROLE pg_monitor;
GRANT CREATE ON SCHEMA public TO rv_owner;
SET ROLE rv_owner;
CREATE TABLE items (id int PRIMARY KEY, embedding vector(2) NOT NULL);
INSERT INTO items SELECT g, format('[%s,0]', g + g * g / 1000.0)::vector FROM generate_series(1, 30) g;
CREATE INDEX items_embedding ON items USING hnsw (embedding vector_l2_ops);
CREATE TABLE plain (id int, embedding vector(2));
CREATE INDEX plain_embedding ON plain USING hnsw (embedding vector_l2_ops);
GRANT SELECT ON items TO rv_reader;
SELECT ruvector_enable_learning('items', mode := 'observe', min_samples := 1000);
RESET ROLE;
SELECT wait_until($$(SELECT recorded IS NOT NULL FROM ruvector.index_counters('items_embedding'::regclass))$$);
SET enable_seqscan = off;
SELECT schemaname, relname, indexrelname, kind, mode, searches, searches_learned, searches_recorded, searches_dropped, trajectories, labels,
       verdict, state, worker, last_activity, stats_reset < now() AS counted FROM ruvector_stat_indexes;

-- searches are counted when they end, recorded ones when they are recorded
SELECT count(*) FROM (SELECT id FROM items ORDER BY embedding <-> '[7.2,0]' LIMIT 3) s;
SELECT count(*) FROM (SELECT id FROM items ORDER BY embedding <-> '[8.2,0]' LIMIT 3) s;
SET ruvector.sample_rate = 0;
SELECT count(*) FROM (SELECT id FROM items ORDER BY embedding <-> '[9.2,0]' LIMIT 3) s;
RESET ruvector.sample_rate;
SET ruvector.learning_enabled = off;
SELECT count(*) FROM (SELECT id FROM items ORDER BY embedding <-> '[9.2,0]' LIMIT 3) s;
RESET ruvector.learning_enabled;
SELECT searches, searches_learned, searches_recorded, searches_dropped, last_activity <= clock_timestamp() AS active FROM ruvector_stat_indexes;
SELECT wait_until($$(SELECT label_seconds > 0 AND ring_bytes = 0 FROM ruvector_stat_worker)$$);
SELECT wait_until($$(SELECT labels = 2 FROM ruvector_stat_indexes)$$);
SELECT trajectories, labels, recall_at_setting, verdict FROM ruvector_stat_indexes;
SELECT datname = current_database() AS here, pid = ruvector.worker_pid() AS pid, state, since <= stats_reset AS since, errors,
       label_budget = current_setting('ruvector.label_budget')::float8 AS budget, label_share > 0 AND label_share <= 1 AS share,
       ring_bytes < ring_size AS ring, ring_dropped FROM ruvector_stat_worker;

-- who sees what: owner, reader, monitor; not a stranger; the worker is no secret
SET ROLE rv_owner;
SELECT indexrelname FROM ruvector_stat_indexes;
SET ROLE rv_reader;
SELECT indexrelname FROM ruvector_stat_indexes;
SET ROLE rv_monitor;
SELECT indexrelname FROM ruvector_stat_indexes;
SET ROLE rv_stranger;
SELECT indexrelname FROM ruvector_stat_indexes;
SELECT state FROM ruvector_stat_worker;
SELECT * FROM ruvector.stat_get_indexes('postgres'::regrole, NULL);
SELECT * FROM ruvector.worker_stats();

-- counting anew
SET ROLE rv_monitor;
SELECT ruvector_stat_reset();
SELECT ruvector_stat_reset('items_embedding');
SET ROLE rv_owner;
SELECT ruvector_stat_reset();
SELECT ruvector_stat_reset('items');
SELECT ruvector_stat_reset('items_pkey');
SELECT ruvector_stat_reset('plain_embedding');
SELECT ruvector_stat_reset(999999);
SELECT stats_reset AS before FROM ruvector_stat_indexes \gset
SELECT ruvector_stat_reset('items_embedding');
SELECT searches, searches_recorded, trajectories, stats_reset > :'before' AS anew FROM ruvector_stat_indexes;
RESET ROLE;
SELECT label_seconds > 0 AS not_yet FROM ruvector_stat_worker;
SELECT ruvector_stat_reset();
SELECT label_seconds, label_share, ring_dropped, stats_reset > :'before' AS anew FROM ruvector_stat_worker;

-- an error of the worker is counted: a label that fails
SET ROLE rv_owner;
CREATE FUNCTION fails(v vector) RETURNS vector LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN v; END $$;
CREATE TABLE fragile (id int PRIMARY KEY, embedding vector(2) NOT NULL);
INSERT INTO fragile SELECT g, format('[%s,0]', g)::vector FROM generate_series(1, 30) g;
CREATE INDEX fragile_embedding ON fragile USING hnsw ((fails(embedding)::vector(2)) vector_l2_ops);
CREATE OR REPLACE FUNCTION fails(v vector) RETURNS vector LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'boom'; END $$;
SELECT ruvector_enable_learning('fragile', mode := 'observe');
SELECT ruvector_record_trajectory('fragile', '{1,2}', '{}', k := 3) IS NOT NULL AS recorded;
RESET ROLE;
SELECT wait_until($$(SELECT count(*) = 1 FROM ruvector.trajectories WHERE label_state = 'failed')$$);
SELECT errors FROM ruvector_stat_worker;

-- off: nothing is counted, what was learned is still shown
SET ROLE rv_owner;
SELECT ruvector_disable_learning('items');
RESET ROLE;
SELECT wait_until($$(SELECT searches IS NULL FROM ruvector_stat_indexes WHERE relname = 'items')$$);
SELECT mode, searches, trajectories, labels, state, stats_reset FROM ruvector_stat_indexes WHERE relname = 'items';

DROP TABLE items, plain, fragile;
SELECT count(*) FROM ruvector_stat_indexes;
DROP FUNCTION fails;
DROP OWNED BY rv_owner, rv_reader, rv_stranger, rv_monitor;
DROP ROLE rv_owner, rv_reader, rv_stranger, rv_monitor;
DROP EXTENSION ruvector;
DROP EXTENSION vector;
