-- tables whose queries are forgotten once they are labelled
SET client_min_messages = warning;
CREATE EXTENSION vector;
CREATE EXTENSION ruvector;
\set SHOW_CONTEXT never
SET ruvector.batched_search = off;
CREATE TABLE items (id int PRIMARY KEY, embedding vector(2));
INSERT INTO items SELECT g, format('[%s,0]', g)::vector FROM generate_series(1, 100) g;
CREATE INDEX items_embedding ON items USING hnsw (embedding vector_l2_ops);
ANALYZE items;
SET enable_seqscan = off;
SET enable_sort = off;
SELECT ruvector_enable_learning('items', min_samples := 10);
SELECT wait_until($$(SELECT recorded IS NOT NULL FROM ruvector.index_counters('items_embedding'::regclass))$$);
SELECT count(*) FROM generate_series(1, 20) g, LATERAL (SELECT ruvector_record_trajectory('items', ARRAY[g, 1], '{1}', k := 5)) r;
SELECT wait_until($$(SELECT count(*) = 20 FROM ruvector.labels)$$);
SELECT count(*) > 0 AS patterns FROM ruvector_extract_patterns('items');

-- what was learned of queries that were kept is forgotten with them
SELECT ruvector_enable_learning('items', min_samples := 10, anonymize := true);
SELECT (SELECT count(*) FROM ruvector.trajectories) AS trajectories, (SELECT count(*) FROM ruvector.labels) AS labels,
  (SELECT count(*) FROM ruvector.patterns) AS patterns, (SELECT count(*) FROM ruvector.policies) AS policies;
SELECT ruvector_enable_learning('items', min_samples := 11);     -- the others stay as they are
SELECT min_samples, anonymize FROM ruvector.learned_tables;

-- labelled, and one that cannot be
CREATE TABLE asked (query_id uuid);
SELECT id FROM items ORDER BY embedding <-> '[7,0]' LIMIT 1;
INSERT INTO asked SELECT ruvector_last_query_id();
SELECT count(*) FROM (SELECT id FROM items WHERE id < 50 ORDER BY embedding <-> '[7,0]' OFFSET 0) s;
SELECT count(*) FROM generate_series(1, 20) g, LATERAL (SELECT ruvector_record_trajectory('items', ARRAY[g, 1], '{1}', k := 5, distances := '{1}')) r;
SELECT wait_until($$(SELECT count(*) = 21 FROM ruvector.labels)$$);
SELECT wait_until($$(SELECT count(*) = 1 FROM ruvector.trajectories WHERE label_state = 'skipped')$$);
SELECT count(*), count(query_vector) AS vectors, count(row_ids) AS ids, count(distances) AS distances, count(filter) AS filters
FROM ruvector.trajectories WHERE label_state = 'labelled';
SELECT count(*), count(exact_ids) AS ids, sum(cardinality(exact_distances)) AS distances, count(*) FILTER (WHERE recall <> '{}') AS recalls FROM ruvector.labels;
SELECT ruvector.anonymize(NULL);	-- as the worker does now and then
SELECT count(*), count(query_vector) AS vectors, count(row_ids) AS ids, count(distances) AS distances, count(filter) AS filters FROM ruvector.trajectories;

-- the rest goes on
SELECT wait_until($$(SELECT bool_or(state <> 'collecting') FROM ruvector.policies)$$);
SELECT labels > 0 AS labels, recall_at_setting FROM ruvector_learning_stats('items');
SELECT recall_signal FROM asked, ruvector_get_verdict(query_id);
SELECT relevant_ids IS NULL AS nothing_to_compare FROM asked, LATERAL (SELECT "precision" AS relevant_ids FROM ruvector_record_feedback(query_id, ARRAY[7])) f;
SELECT source FROM ruvector_get_search_params('items', '{1,0}', 5) WHERE pattern_ids IS NOT NULL;
SELECT ruvector_extract_patterns('items');
SELECT ruvector_analyze_trajectories('items');
SELECT count(*) FROM ruvector.banks;

-- what nobody labels is kept for an hour
SELECT ruvector_disable_learning('items');
SELECT ruvector_record_trajectory('items', '{1,1}', '{1}', k := 5) AS early \gset
SELECT ruvector_record_trajectory('items', '{1,2}', '{1}', k := 5) AS late \gset
UPDATE ruvector.trajectories SET started_at = now() - interval '61 minutes' WHERE query_id = :'early';
UPDATE ruvector.trajectories SET started_at = now() - interval '59 minutes' WHERE query_id = :'late';
SELECT ruvector.anonymize(NULL);
SELECT query_vector, label_state, label_note FROM ruvector.trajectories WHERE query_id IN (:'early', :'late') ORDER BY started_at;

DROP TABLE items, asked;
DROP EXTENSION ruvector;
DROP EXTENSION vector;
