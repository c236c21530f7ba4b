-- Part of Benchmarks/run: the tables, and the functions that judge and race contestants.
-- A contestant is 'default' (pgvector as installed), 'fixed VALUE' (pgvector alone at this
-- ef_search or probes) or 'learned TARGET' (ruvector, with this recall asked for).
CREATE EXTENSION vector;
CREATE TABLE items (id int PRIMARY KEY, embedding vector NOT NULL);
CREATE TABLE lessons (id int PRIMARY KEY, embedding vector NOT NULL);
CREATE TABLE held_out (id int PRIMARY KEY, embedding vector NOT NULL);
CREATE TABLE truth (query int PRIMARY KEY, farthest float8 NOT NULL);    -- distance of the k-th neighbour
CREATE TABLE judged (contestant text, query int, recall float8, buffers int);
CREATE TABLE raced (contestant text, query int, us float8);
CREATE TABLE job (operator text, k int, parameter text);

CREATE FUNCTION search(what text DEFAULT 'id') RETURNS text LANGUAGE sql AS $$
  SELECT format('SELECT %s FROM items ORDER BY embedding %s $1 LIMIT %s', replace(what, '?', operator), operator, k) FROM job
$$;

-- Two tenants: what lies beyond the median along the line between a row and the one farthest from it is the second's.
CREATE FUNCTION make_tenants(scale float8) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  axis vector;
  border float8;
  name text;
BEGIN
  SELECT far.embedding - one.embedding INTO axis FROM items one, items far
  WHERE one.id = (SELECT min(id) FROM items) ORDER BY one.embedding <-> far.embedding DESC LIMIT 1;
  SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY embedding <#> axis) INTO border FROM items;
  FOREACH name IN ARRAY ARRAY['items', 'lessons', 'held_out'] LOOP
    EXECUTE format('UPDATE %I SET embedding = embedding * array_fill($1::real, ARRAY[vector_dims(embedding)])::vector WHERE (embedding <#> $2) > $3', name)
    USING scale, axis, border;
  END LOOP;
END $$;

-- Exact, and without an answer where distances are undefined.
CREATE FUNCTION find_truth(first int, last int) RETURNS void LANGUAGE plpgsql
SET enable_indexscan = off SET max_parallel_workers_per_gather = 0 AS $$
DECLARE
  statement text := (SELECT format('SELECT (embedding %s $1) + 0 AS d FROM items ORDER BY d OFFSET %s LIMIT 1', operator, k - 1) FROM job);
  q record;
  farthest float8;
BEGIN
  FOR q IN SELECT * FROM held_out WHERE id BETWEEN first AND last LOOP
    EXECUTE statement INTO farthest USING q.embedding;
    INSERT INTO truth SELECT q.id, farthest WHERE farthest <> 'NaN';
  END LOOP;
END $$;

CREATE FUNCTION enter(contestant text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  kind text := split_part(contestant, ' ', 1);
  number text := split_part(contestant, ' ', 2);
BEGIN     -- NULL resets
  PERFORM set_config('ruvector.learning_enabled', (kind = 'learned')::text, false);
  PERFORM set_config('ruvector.target_recall', CASE kind WHEN 'learned' THEN number END, false);
  PERFORM set_config(parameter, CASE kind WHEN 'fixed' THEN number END, false) FROM job;
END $$;

CREATE FUNCTION explain(vector) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT json) ' || search() INTO plan USING $1;
  IF plan::text NOT LIKE '%"Index Name": "items_embedding"%' THEN
    RAISE EXCEPTION 'the index was not used' USING DETAIL = plan::text;
  END IF;
  RETURN plan->0->'Plan';
END $$;

-- How a contestant searches: the plan of one held-out query.
CREATE FUNCTION explain_contestant(contestant text) RETURNS json LANGUAGE plpgsql
SET ruvector.sample_rate = 0 SET enable_seqscan = off AS $$
BEGIN
  PERFORM enter(contestant);
  RETURN explain(embedding) FROM held_out ORDER BY id LIMIT 1;
END $$;

CREATE FUNCTION judge(contestants text[], first int, last int) RETURNS void LANGUAGE plpgsql
SET ruvector.sample_rate = 0 SET enable_seqscan = off AS $$
DECLARE
  contestant text;
  q record;
  distances float8[];
  plan json;
BEGIN
  FOREACH contestant IN ARRAY contestants LOOP
    PERFORM enter(contestant);
    PERFORM explain(embedding) FROM held_out WHERE id = first;     -- the first search of a session also touches catalogs
    FOR q IN SELECT id, embedding, farthest FROM held_out JOIN truth ON query = id WHERE id BETWEEN first AND last LOOP
      EXECUTE format('SELECT array_agg(d) FROM (%s) s', search('embedding ? $1 AS d')) INTO distances USING q.embedding;
      plan := explain(q.embedding);
      INSERT INTO judged SELECT contestant, q.id, count(*) FILTER (WHERE d <= q.farthest)::float8 / (SELECT k FROM job),
        (plan->>'Shared Hit Blocks')::int + (plan->>'Shared Read Blocks')::int FROM unnest(distances) d;
    END LOOP;
  END LOOP;
END $$;

CREATE FUNCTION race(contestants text[], first int, last int) RETURNS void LANGUAGE plpgsql
SET enable_seqscan = off AS $$
DECLARE
  statement text := search();
  contestant text;
  q record;
  started timestamptz;
  ended timestamptz;
BEGIN
  PERFORM setseed((first % 1000) / 1000.0);
  FOR round IN 1..3 LOOP
    FOR contestant IN SELECT c FROM unnest(contestants) c ORDER BY random() LOOP
      PERFORM enter(contestant);
      PERFORM explain(embedding) FROM held_out WHERE id = first;   -- the first search of a session also touches catalogs
      FOR q IN SELECT id, embedding FROM held_out JOIN truth ON query = id WHERE id BETWEEN first AND last ORDER BY id LOOP
        started := clock_timestamp();
        EXECUTE statement USING q.embedding;
        ended := clock_timestamp();
        INSERT INTO raced VALUES (contestant, q.id, extract(epoch FROM ended - started) * 1e6);
      END LOOP;
    END LOOP;
  END LOOP;
END $$;
