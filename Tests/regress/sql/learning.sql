-- the whole flow: searches, labels, verdict, application, taking back
SET client_min_messages = warning;
CREATE EXTENSION vector;
CREATE EXTENSION ruvector;
CREATE FUNCTION noise(seed int, dims int) RETURNS vector LANGUAGE sql AS $$
  SELECT array_agg(hashint8extended(seed, d) / 9.3e18)::vector FROM generate_series(1, dims) d $$;
CREATE TABLE items (id int PRIMARY KEY, embedding vector(24) NOT NULL);
INSERT INTO items SELECT g, noise(g, 24) FROM generate_series(1, 4000) g;
CREATE INDEX items_embedding ON items USING hnsw (embedding vector_l2_ops) WITH (m = 5, ef_construction = 16);
CREATE INDEX lists_embedding ON items USING ivfflat (embedding vector_cosine_ops) WITH (lists = 20);
ANALYZE items;
SET enable_seqscan = off;
CREATE FUNCTION search(first int, last int, operator text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN first..last LOOP
    EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY embedding %s %L LIMIT 10) s', operator, noise(-i, 24));
  END LOOP;
END $$;

SELECT ruvector_enable_learning('items', trajectory_window := 2000, min_samples := 60, target_recall := 0.9);
SELECT wait_until($$(SELECT count(*) = 2 FROM pg_index, ruvector.index_counters(indexrelid) WHERE recorded IS NOT NULL)$$);
SELECT index_name, kind, trajectories, labels, target_recall, chosen, state FROM ruvector_learning_stats('items');

-- hnsw: below the target at its default, certified above it
SELECT search(1, 250, '<->');
SELECT wait_until($$(SELECT state LIKE 'applying%' FROM ruvector_learning_stats('items') WHERE kind = 'hnsw')$$);
SELECT index_name, k, target_recall, parameter, setting, recall_at_setting < 0.9 AS setting_misses,
       chosen > 40 AS raised, recall_bound >= 0.9 AS certified, recall >= recall_bound AS mean_above_bound,
       cost_ratio > 1 AS costs_more, cost_ratio BETWEEN cost_ratio_low AND cost_ratio_high AS ratio_bracketed,
       labels >= 60 AS enough, searches_dropped
FROM ruvector_learning_stats('items') WHERE kind = 'hnsw';

-- ivfflat learns beside it
SELECT search(1, 250, '<=>');
SELECT wait_until($$(SELECT state LIKE 'applying%' FROM ruvector_learning_stats('items') WHERE kind = 'ivfflat')$$);
SELECT index_name, k, parameter, setting, recall_at_setting < 0.9 AS setting_misses, chosen BETWEEN 2 AND 20 AS raised,
       recall_bound >= 0.9 AS certified
FROM ruvector_learning_stats('items') WHERE kind = 'ivfflat';

-- the next scan uses it, and what it then finds agrees
SELECT wait_until($$(SELECT count(*) = 2 FROM ruvector.policies WHERE state = 'certified')$$);
CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
    RETURN NEXT regexp_replace(line, '\d+(\.\d+)?', 'N', 'g');
  END LOOP;
END $$;
SELECT plan_of(format('SELECT id FROM items ORDER BY embedding <-> %L LIMIT 10', noise(-1, 24)));
CREATE FUNCTION chosen_now(operator text, k int DEFAULT 10) RETURNS int LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
  EXECUTE format('EXPLAIN (FORMAT JSON) SELECT id FROM items ORDER BY embedding %s %L LIMIT %s', operator, noise(-1, 24), k) INTO plan;
  plan := plan->0->'Plan'->'Plans'->0;
  RETURN coalesce(plan->>'ef_search', plan->>'probes')::int;
END $$;
-- (verdicts still follow each other, and backends see each a moment after it was written)
SELECT wait_until($$(SELECT chosen_now('<->') = chosen FROM ruvector_learning_stats('items') WHERE kind = 'hnsw')$$);
SELECT wait_until($$(SELECT chosen_now('<=>') = chosen FROM ruvector_learning_stats('items') WHERE kind = 'ivfflat')$$);
CREATE FUNCTION mean_recall(first int, last int, operator text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE hits int := 0; found int;
BEGIN
  FOR i IN first..last LOOP
    EXECUTE format('WITH truth AS MATERIALIZED (SELECT id FROM items ORDER BY (embedding %s %L) + 0 LIMIT 10),
      found AS MATERIALIZED (SELECT id FROM items ORDER BY embedding %1$s %2$L LIMIT 10)
      SELECT count(*) FROM truth JOIN found USING (id)', operator, noise(-i, 24)) INTO found;
    hits := hits + found;
  END LOOP;
  RETURN hits / (10.0 * (last - first + 1));
END $$;
-- 300 queries nobody has learned from; 0.86 = 0.9 less three standard errors
SELECT mean_recall(10001, 10300, '<->') > 0.86 AS hnsw_holds, mean_recall(10001, 10300, '<=>') > 0.86 AS ivfflat_holds;

-- other sessions' wishes: an own target, an own setting, a pin, no learning
SET ruvector.target_recall = 0.5;
SELECT chosen_now('<->') < (SELECT chosen FROM ruvector_learning_stats('items') WHERE kind = 'hnsw') AS cheaper;
SET ruvector.target_recall = 0.999;
SELECT chosen_now('<->') AS nothing_certified_for_that;
RESET ruvector.target_recall;
SET hnsw.ef_search = 33;
SELECT chosen_now('<->');
RESET hnsw.ef_search;
SET ruvector.ef_search = 44;
SELECT chosen_now('<->');
RESET ruvector.ef_search;
SET ruvector.adaptive_search = off;
SELECT chosen_now('<->');
RESET ruvector.adaptive_search;
SELECT chosen_now('<->', 1000) AS other_class_of_k;

-- labels look closer just below the value for an own target that searches ask for
SET ruvector.target_recall = 0.7;
SELECT chosen_now('<->') AS own \gset
CREATE FUNCTION is_finer_below(own int) RETURNS bool LANGUAGE sql AS $$
  SELECT bool_or(value < own AND value > own / 1.2 AND value <> ALL (first.parameters))
  FROM ruvector.labels b, unnest(b.parameters) value,
    (SELECT parameters FROM ruvector.labels WHERE indexid = 'items_embedding'::regclass ORDER BY label_number LIMIT 1) first
  WHERE indexid = 'items_embedding'::regclass $$;
SELECT is_finer_below(:own);
SELECT search(251, 260, '<->');
RESET ruvector.target_recall;
SELECT wait_until(format('is_finer_below(%s)', :own));

-- every label measured the real index: more ef_search never touches fewer buffers on average, of the same queries
SELECT bool_and(blocks >= below) AS cost_rises FROM (
  SELECT blocks, lag(blocks, 1, 0) OVER (ORDER BY value) AS below
  FROM (SELECT u.value, avg(u.blocks)::numeric(12, 1) AS blocks FROM ruvector.labels, unnest(parameters, blocks) AS u(value, blocks)
        WHERE indexid = 'items_embedding'::regclass GROUP BY 1
        HAVING count(*) = (SELECT count(*) FROM ruvector.labels WHERE indexid = 'items_embedding'::regclass)) m) s;
-- probing every list is exact search
SELECT bool_and(recall[array_length(recall, 1)] = 1) AS all_lists_exact FROM ruvector.labels WHERE indexid = 'lists_embedding'::regclass;

-- a client that searches elsewhere adds its query, and the query is labelled
SELECT ruvector_record_trajectory('items', noise(-5000, 24)::real[], ARRAY[1, 2, 3], 1500, 50, k := 10) AS recorded \gset
SELECT wait_until(format($$(SELECT label_state = 'labelled' FROM ruvector.trajectories WHERE query_id = %L)$$, :'recorded'));
SELECT k, k_class, row_ids, latency_us, parameter, source FROM ruvector.trajectories WHERE query_id = :'recorded';
-- more rows than hnsw can return are noted, not measured; pgvector alone returns its setting's worth at most
SELECT ruvector_record_trajectory('items', noise(-5001, 24)::real[], ARRAY[1, 2, 3], k := 1001) AS recorded \gset
SELECT label_state, label_note FROM ruvector.trajectories WHERE query_id = :'recorded';
SELECT ruvector_record_trajectory('items', noise(-5002, 24)::real[], ARRAY[1, 2, 3], k := 100) AS recorded \gset
SELECT wait_until(format($$(SELECT label_state = 'labelled' FROM ruvector.trajectories WHERE query_id = %L)$$, :'recorded'));
SELECT setting, setting_recall FROM ruvector.labels WHERE query_id = :'recorded';

-- enabling again changes the options that are given and keeps what was learned; observing does not apply it
SELECT labels AS labels_before FROM ruvector_learning_stats('items') WHERE kind = 'hnsw' \gset
SELECT ruvector_enable_learning('items', mode := 'observe');
SELECT mode, trajectory_window, learning_rate, min_samples, target_recall, anonymize FROM ruvector.learned_tables;
SELECT wait_until($$chosen_now('<->') = 40$$);
SELECT labels >= :labels_before AS kept, state LIKE 'observing%' AS observing FROM ruvector_learning_stats('items') WHERE kind = 'hnsw';
SELECT ruvector_enable_learning('items', mode := 'apply');
SELECT wait_until($$chosen_now('<->') > 40$$);

-- another target is no alarm: the same labels answer for it
SELECT ruvector_enable_learning('items', target_recall := 0.93);
SELECT wait_until($$(SELECT target_recall = 0.93 AND chosen > 40 FROM ruvector_learning_stats('items') WHERE kind = 'hnsw')$$);
SELECT labels >= :labels_before AS kept FROM ruvector_learning_stats('items') WHERE kind = 'hnsw';
SELECT event, target, reason FROM ruvector.policy_history WHERE event IN ('target changed', 'stepped back') AND indexid = 'items_embedding'::regclass;

-- a rebuilt index is another index
REINDEX INDEX items_embedding;
SELECT ruvector.wake_worker();
SELECT wait_until($$(SELECT count(*) = 1 FROM ruvector.policy_history WHERE event = 'evidence dropped' AND k_class = 16)$$);
SELECT event, value_before IS NOT NULL AS had_a_value, reason FROM ruvector.policy_history
WHERE event = 'evidence dropped' AND k_class = 16;

-- off keeps, clear forgets
SELECT ruvector_disable_learning('items');
SELECT wait_until($$chosen_now('<=>') IS NULL$$);
SELECT state, chosen IS NOT NULL AS kept FROM ruvector_learning_stats('items') WHERE kind = 'ivfflat';
SELECT ruvector_clear_learning('items');
SELECT ruvector_enable_learning('items', target_recall := 0);    -- that of ruvector.target_recall again
SELECT mode, min_samples, target_recall FROM ruvector.learned_tables;
SELECT ruvector_disable_learning('items');
SELECT kind, trajectories, labels, chosen, state FROM ruvector_learning_stats('items');
SELECT event, count(*) > 0 AS noted FROM ruvector.policy_history WHERE event IN ('put in force', 'cleared', 'evidence dropped') GROUP BY 1 ORDER BY 1;

DROP TABLE items;
SELECT count(*) FROM ruvector.policies;
SELECT count(*) FROM ruvector.policy_history;
DROP FUNCTION noise, search, plan_of, chosen_now, mean_recall;
DROP EXTENSION ruvector;
DROP EXTENSION vector;
