-- Which of several indexes answers a search.  What is known of them is written into
-- ruvector.policies by hand.
SET client_min_messages = warning;
CREATE EXTENSION vector;
CREATE EXTENSION ruvector;
ALTER SYSTEM SET ruvector.label_budget = 0;     -- nothing is measured here
ALTER SYSTEM SET ruvector.batched_search = on;
SET ruvector.batched_search = on;
SELECT pg_reload_conf();
CREATE FUNCTION noise(seed int, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
  SELECT array_agg(hashint8extended(seed, d) / 9.3e18)::vector FROM generate_series(1, dims) d $$;
CREATE TABLE items (id int PRIMARY KEY, tenant int NOT NULL, embedding vector(8) NOT NULL);
INSERT INTO items SELECT g, g % 4, noise(g, 8) FROM generate_series(1, 3000) g;
CREATE INDEX items_hnsw ON items USING hnsw (embedding vector_l2_ops) WITH (m = 4, ef_construction = 12);
CREATE INDEX items_lists ON items USING ivfflat (embedding vector_l2_ops) WITH (lists = 40);
ANALYZE items;
SET enable_seqscan = off;
-- what is published of one value
CREATE FUNCTION rung(value real, recall real, bound real, buffers real, us real DEFAULT 'NaN') RETURNS real[] LANGUAGE sql AS $$
  SELECT ARRAY[value, 100, recall, bound, recall, bound, buffers, buffers, buffers, buffers, us] $$;
CREATE FUNCTION put_in_force(index regclass, rungs real[], class int DEFAULT 16) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM ruvector.policies WHERE indexid = index AND k_class = class;
  INSERT INTO ruvector.policies (indexid, k_class, relid, filenode, evidence_from, state, target, judged_labels, rungs)
  SELECT index, class, indrelid, pg_relation_filenode(index), 1, 'certified', 0.95, 100, rungs FROM pg_index WHERE indexrelid = index;
  PERFORM ruvector.wake_worker();
  RETURN 'ok';
END $$;
CREATE FUNCTION search(condition text DEFAULT 'true', rows text DEFAULT '10', operator text DEFAULT '<->') RETURNS text LANGUAGE sql AS $$
  SELECT format('SELECT id FROM items WHERE %s ORDER BY embedding %s noise(-1, 8) LIMIT %s', condition, operator, rows) $$;
CREATE FUNCTION used(query text DEFAULT search()) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(substring(l FROM 'Scan using (\w+) on'), ', ') FROM explained(query) l $$;
CREATE FUNCTION why(query text DEFAULT search()) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(substring(l FROM 'Index Choice: (.*)'), ', ') FROM explained(query) l $$;
CREATE FUNCTION decision(query text DEFAULT search()) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(substring(l FROM 'Decision: (.*)'), ', ') FROM explained(query) l $$;
CREATE FUNCTION estimate(query text DEFAULT search()) RETURNS text LANGUAGE sql AS $$
  SELECT substring(l FROM '\(cost=(\S+)') FROM explained(query, 'COSTS on') l WHERE l ~ 'Scan using' $$;

-- pgvector alone thinks of the probes that are set
SELECT used();
SELECT ruvector_enable_learning('items', min_samples := 1);
SELECT wait_until($$decision() LIKE '%nothing is certified for the target yet'$$);
SELECT used(), why();

-- one is certified, of the other nothing is known: it keeps its estimate
SELECT put_in_force('items_hnsw', rung(80, 0.98, 0.96, 812));
SELECT wait_until('why() IS NOT NULL');
SELECT used(), why();
-- what is certified only at a needless price waits, but what is in force is not taken away for its price
SELECT put_in_force('items_hnsw', rung(60, 0.97, 0.94, 400) || rung(80, 0.98, 0.96, 812));
SELECT wait_until('why() IS NULL');
UPDATE ruvector.policies SET value = 80;
SELECT ruvector.wake_worker();
SELECT wait_until('why() IS NOT NULL');
SELECT why();
-- nor does it let in what is dearer
UPDATE ruvector.policies SET value = 60;
SELECT ruvector.wake_worker();
SELECT wait_until('why() IS NULL');
-- against it the certified one is thought of at the value that it will be searched with, not at what is set
DELETE FROM ruvector.policies;
SELECT put_in_force('items_lists', rung(1, 0.42, 0.4, 30) || rung(40, 0.98, 0.96, 900));
SELECT wait_until($$why() LIKE '%900%'$$);
SELECT used(), why();
SELECT put_in_force('items_hnsw', rung(80, 0.98, 0.96, 812));
-- what it is known to miss counts
SELECT put_in_force('items_lists', rung(1, 0.42, 0.4, 30));
SELECT wait_until($$why() LIKE 'items_hnsw over%'$$);
SELECT explained(search());
SELECT l FROM explained(search(), 'COSTS off, FORMAT json') j, regexp_split_to_table(j, '\n') l WHERE l ~ 'Choice';
SELECT l FROM explained(search(), 'ANALYZE, COSTS off, TIMING off, SUMMARY off') l WHERE l ~ 'Choice';
-- on average it reaches the target: that is not known to miss it
SELECT put_in_force('items_lists', rung(1, 0.96, 0.94, 30));
SELECT wait_until($$used() = 'items_lists'$$);
SELECT why();

-- both are certified: the cheaper one, whichever it is
SELECT put_in_force('items_lists', rung(1, 0.42, 0.4, 30) || rung(20, 0.98, 0.96, 1204));
SELECT wait_until($$why() LIKE '%1204%'$$);
SELECT used(), why();
SELECT put_in_force('items_lists', rung(1, 0.42, 0.4, 30) || rung(20, 0.98, 0.96, 700));
SELECT wait_until($$why() LIKE '%700%'$$);
SELECT used(), why();
-- for another target it is the other one
SELECT put_in_force('items_hnsw', rung(80, 0.98, 0.96, 812) || rung(160, 0.995, 0.985, 900));
SELECT put_in_force('items_lists', rung(1, 0.42, 0.4, 30) || rung(20, 0.98, 0.96, 700) || rung(40, 1, 0.99, 1000));
SET ruvector.target_recall = 0.98;
SELECT wait_until($$why() LIKE '%1000%'$$);
SELECT used(), why();
RESET ruvector.target_recall;
-- time goes before buffers where both are timed
SELECT put_in_force('items_hnsw', rung(80, 0.98, 0.96, 812, 400));
SELECT wait_until($$why() LIKE '%812%'$$);
SELECT put_in_force('items_lists', rung(20, 0.98, 0.96, 700, 500));
SELECT wait_until($$why() LIKE '%microseconds%'$$);
SELECT used(), why();
-- the best one has pgvector's estimate: whether any index is used is weighed as if it were alone
CREATE TEMP TABLE chosen AS SELECT estimate();
BEGIN;
DROP INDEX items_lists;
SELECT used(), why(), estimate() = (SELECT estimate FROM chosen) AS same_estimate;
ROLLBACK;
SHOW hnsw.ef_search;

-- off; who has said how to search
SET ruvector.index_selection = off;
SELECT used(), why(), decision();
RESET ruvector.index_selection;
SET ruvector.adaptive_search = off;
SELECT used(), why();
RESET ruvector.adaptive_search;
SET ruvector.learning_enabled = off;
SELECT used(), why();
RESET ruvector.learning_enabled;
SET ivfflat.probes = 1;
SELECT used(), why();
RESET ivfflat.probes;
SET hnsw.ef_search = 40;
SELECT used(), why();
RESET hnsw.ef_search;
SET ruvector.probes = 3;
SELECT used(), why();
RESET ruvector.probes;
SELECT used();

-- k that is not known when the search is planned, k of another class, rows that may be skipped, more that decides the order, joins
SELECT used(search(rows := '(SELECT 10)')), why(search(rows := '(SELECT 10)'));
SELECT used(search(rows := '100')), why(search(rows := '100'));
SELECT used(search(rows := 'ALL')), why(search(rows := 'ALL'));
SELECT used(search(rows := '6 OFFSET 4')), why(search(rows := '6 OFFSET 4'));
SELECT used(search(rows := '10 FOR UPDATE')), why(search(rows := '10 FOR UPDATE'));
SELECT used(q), why(q) FROM replace(search(), 'LIMIT 10', 'FETCH FIRST 10 ROWS WITH TIES') q;
SELECT why(q) FROM replace(search(), 'LIMIT', ', id LIMIT') q;
SELECT used(q), why(q) FROM (VALUES ('SELECT count(*) FROM (' || search() || ') s')) v(q);
SELECT used(q), why(q) FROM (VALUES ('SELECT s.id FROM generate_series(1, 3) g, LATERAL (SELECT id FROM items ORDER BY embedding <-> noise(g, 8) LIMIT 10) s')) v(q);
SET enable_sort = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT used(q) ~ 'items_lists' AS alone, why(q) FROM (VALUES ('SELECT i.id FROM items i JOIN (VALUES (1), (2)) v(x) ON i.id = v.x ORDER BY i.embedding <-> noise(-1, 8) LIMIT 10')) v(q);
RESET enable_sort;
RESET enable_hashjoin;
RESET enable_mergejoin;
-- two searches of one statement, each with its own
SELECT put_in_force('items_lists', rung(20, 0.98, 0.96, 900), 32);
SELECT put_in_force('items_hnsw', rung(80, 0.98, 0.96, 1000), 32);
SELECT wait_until($$why(search(rows := '20')) LIKE '%1000%'$$);
SELECT used(q), why(q) FROM (VALUES ('(' || search() || ') UNION ALL (' || search(rows := '20') || ')')) v(q);

-- filters are another class
SELECT used(search('tenant = 1')), why(search('tenant = 1'));
SELECT put_in_force('items_hnsw', rung(80, 0.98, 0.96, 500), -16);
SELECT put_in_force('items_lists', rung(20, 0.98, 0.96, 5000), -16);
SELECT wait_until($$why(search('tenant = 1')) LIKE '%5000%'$$);
SELECT used(search('tenant = 1')), why(search('tenant = 1'));
SELECT used(search('tenant = 1 AND random() < 2')), why(search('tenant = 1 AND random() < 2'));
SELECT why();
-- an index on the tenant answers its filter: no filtered search
CREATE INDEX items_tenant ON items USING hnsw (embedding vector_l2_ops) WITH (m = 4, ef_construction = 12) WHERE tenant = 1;
SELECT put_in_force('items_tenant', rung(60, 0.98, 0.96, 300));
SELECT wait_until($$why(search('tenant = 1')) LIKE 'items_tenant over%'$$);
SELECT used(search('tenant = 1')), why(search('tenant = 1'));
SELECT used(search('tenant = 2')), why(search('tenant = 2'));
SELECT used(), why();
DROP INDEX items_tenant;

-- an index of another operator is no rival
CREATE INDEX items_cosine ON items USING hnsw (embedding vector_cosine_ops) WITH (m = 4, ef_construction = 12);
SELECT put_in_force('items_cosine', rung(20, 0.99, 0.98, 10));
SELECT wait_until($$decision(search(operator := '<=>')) LIKE 'learned%'$$);
SELECT used(), why();
SELECT used(search(operator := '<=>')), why(search(operator := '<=>'));
-- nor one of another expression
CREATE INDEX items_half ON items USING hnsw ((embedding::halfvec(8)) halfvec_l2_ops) WITH (m = 4, ef_construction = 12);
SELECT put_in_force('items_half', rung(20, 0.99, 0.98, 10));
SELECT wait_until($$decision(replace(search(operator := '::halfvec(8) <->'), ', 8)', ', 8)::halfvec(8)')) LIKE 'learned%'$$);
SELECT used(), why();
DROP INDEX items_cosine, items_half;

-- a second graph: three of them
CREATE INDEX items_second ON items USING hnsw (embedding vector_l2_ops) WITH (m = 8, ef_construction = 20);
SELECT put_in_force('items_second', rung(40, 0.7, 0.6, 200));
SELECT put_in_force('items_lists', rung(20, 0.98, 0.96, 700));
SELECT wait_until($$why() LIKE '%700%' AND why() LIKE '%0.700%'$$);
SELECT used(), why();
DROP INDEX items_second;

-- generic plans are made anew when another index becomes the best one, and for nothing less
SET plan_cache_mode = force_generic_plan;
PREPARE p(vector) AS SELECT id FROM items ORDER BY embedding <-> $1 LIMIT 10;
PREPARE unknown(vector, bigint) AS SELECT id FROM items ORDER BY embedding <-> $1 LIMIT $2;
SELECT used('EXECUTE p(noise(-1, 8))'), used('EXECUTE unknown(noise(-1, 8), 10)');
-- who holds a lock sees no invalidation: a transaction for each look
CREATE PROCEDURE wait_for_plan(index text) LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1..1200 LOOP
    EXIT WHEN used('EXECUTE p(noise(-1, 8))') = index;
    COMMIT;
    PERFORM pg_sleep(0.1);
  END LOOP;
END $$;
SELECT put_in_force('items_hnsw', rung(80, 0.98, 0.96, 650));
CALL wait_for_plan('items_hnsw');
SELECT used('EXECUTE p(noise(-1, 8))'), why('EXECUTE p(noise(-1, 8))');
SELECT put_in_force('items_hnsw', rung(80, 0.98, 0.96, 640));
SELECT wait_until($$why() LIKE '%640%'$$);
SELECT put_in_force('items_hnsw', rung(80, 0.98, 0.96, 630));
SELECT wait_until($$why() LIKE '%630%'$$);
SELECT why('EXECUTE p(noise(-1, 8))');
SELECT put_in_force('items_lists', rung(20, 0.98, 0.96, 600));
CALL wait_for_plan('items_lists');
SELECT why('EXECUTE p(noise(-1, 8))');
RESET plan_cache_mode;

-- only looked at
SELECT ruvector_enable_learning('items', min_samples := 1, mode := 'observe');
SELECT put_in_force('items_hnsw', rung(80, 0.98, 0.96, 100));
SELECT wait_until($$decision() LIKE '%only observed%'$$);
SELECT used(), why();
SELECT ruvector_enable_learning('items', mode := 'apply');
SELECT wait_until($$used() = 'items_hnsw'$$);

-- partitions choose for themselves
CREATE TABLE parts (id int, embedding vector(8) NOT NULL) PARTITION BY LIST (id);
CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE parts_b PARTITION OF parts FOR VALUES IN (2);
INSERT INTO parts SELECT 1 + g % 2, noise(g, 8) FROM generate_series(1, 3000) g;
CREATE INDEX a_hnsw ON parts_a USING hnsw (embedding vector_l2_ops) WITH (m = 4, ef_construction = 12);
CREATE INDEX a_lists ON parts_a USING ivfflat (embedding vector_l2_ops) WITH (lists = 40);
CREATE INDEX b_hnsw ON parts_b USING hnsw (embedding vector_l2_ops) WITH (m = 4, ef_construction = 12);
CREATE INDEX b_lists ON parts_b USING ivfflat (embedding vector_l2_ops) WITH (lists = 40);
ANALYZE parts;
SELECT ruvector_enable_learning('parts_a', min_samples := 1), ruvector_enable_learning('parts_b', min_samples := 1);
CREATE FUNCTION parts() RETURNS text LANGUAGE sql AS $$ SELECT 'SELECT id FROM parts ORDER BY embedding <-> noise(-1, 8) LIMIT 10' $$;
SELECT used(parts());
SELECT put_in_force('a_hnsw', rung(80, 0.98, 0.96, 812)), put_in_force('a_lists', rung(20, 0.98, 0.96, 900)),
       put_in_force('b_hnsw', rung(80, 0.98, 0.96, 812)), put_in_force('b_lists', rung(20, 0.98, 0.96, 700));
SELECT wait_until($$why(parts()) LIKE '%900%700%'$$);
SELECT used(parts()), why(parts());

ALTER SYSTEM RESET ruvector.label_budget;
ALTER SYSTEM RESET ruvector.batched_search;
SELECT pg_reload_conf();
DROP TABLE items, parts;
DROP PROCEDURE wait_for_plan;
DROP FUNCTION noise, rung, put_in_force, search, used, why, decision, estimate, parts;
DROP EXTENSION ruvector;
DROP EXTENSION vector;
