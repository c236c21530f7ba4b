-- Tables of the demo, and the judge: a fixed set of questions that nothing learns from.
CREATE EXTENSION vector;
CREATE TABLE glosses (id int PRIMARY KEY, gloss text NOT NULL, embedding vector(384) NOT NULL);
CREATE TABLE questions (id int PRIMARY KEY, question text NOT NULL, embedding vector(384) NOT NULL);
CREATE TABLE truth (question_id int PRIMARY KEY, tenth_distance float8 NOT NULL);
CREATE TABLE judged (n int GENERATED ALWAYS AS IDENTITY, ef_search int4range, learned bool NOT NULL, recall numeric,
  buffers numeric, buffers_p95 numeric, milliseconds numeric);

-- The exact tenth neighbour of every question after the first ones, without an index.
CREATE FUNCTION judge_prepare(learn int) RETURNS void LANGUAGE sql
SET enable_indexscan = off SET max_parallel_workers_per_gather = 0 AS $$
  INSERT INTO truth
  SELECT q.id, x.distance FROM questions q, LATERAL (
    SELECT g.embedding <=> q.embedding AS distance FROM glosses g ORDER BY (g.embedding <=> q.embedding) + 0 OFFSET 9 LIMIT 1) x
  WHERE q.id > learn
$$;

-- Recall@10, buffers touched (mean, 95th percentile) and server-side time of the statement an application would send.
-- Sampling is off here, so that no held-out question is ever recorded.
CREATE FUNCTION judge(ef_search int DEFAULT NULL) RETURNS void LANGUAGE plpgsql SET ruvector.sample_rate = 0 AS $$
DECLARE
  q record;
  statement text;
  found int;
  plan json;
  n int := 0;
  hits float8 := 0;
  buffers int[];
  ef int;
  lowest int;
  highest int;
  milliseconds float8 := 0;
BEGIN
  IF ef_search IS NOT NULL THEN
    PERFORM set_config('hnsw.ef_search', ef_search::text, true);
  END IF;
  FOR q IN SELECT embedding, tenth_distance FROM truth JOIN questions ON id = question_id LOOP
    statement := format('SELECT id FROM glosses ORDER BY embedding <=> %L LIMIT 10', q.embedding);
    EXECUTE format('SELECT count(*) FROM (%s) f JOIN glosses USING (id) WHERE embedding <=> %L <= %L', statement, q.embedding, q.tenth_distance) INTO found;
    EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT json) ' || statement INTO plan;
    n := n + 1;
    hits := hits + found / 10.0;
    buffers[n] := (plan->0->'Plan'->>'Shared Hit Blocks')::int + (plan->0->'Plan'->>'Shared Read Blocks')::int;
    ef := coalesce((plan->0->'Plan'->'Plans'->0->>'ef_search')::int, current_setting('hnsw.ef_search')::int);
    lowest := least(ef, lowest);
    highest := greatest(ef, highest);
    milliseconds := milliseconds + (plan->0->>'Execution Time')::float8;
  END LOOP;
  INSERT INTO judged (ef_search, learned, recall, buffers, buffers_p95, milliseconds)
  SELECT int4range(lowest, highest, '[]'), coalesce(plan->0->'Plan'->'Plans'->0->>'Decision' LIKE 'learned%', false),
         round((hits / n)::numeric, 4), round(avg(b)), percentile_disc(0.95) WITHIN GROUP (ORDER BY b),
         round((milliseconds / n)::numeric, 3)
  FROM unnest(buffers) b;
END $$;

-- "57", or "10 to 320" where every search has its own.
CREATE FUNCTION shown(ef int4range) RETURNS text LANGUAGE sql AS $$
  SELECT CASE WHEN upper(ef) - lower(ef) = 1 THEN lower(ef)::text ELSE format('%s to %s', lower(ef), upper(ef) - 1) END $$;

-- Rows that LIMIT 10 returns on average under a filter, for the first hundred questions that judge.
CREATE FUNCTION rows_under_filter(learned bool) RETURNS numeric LANGUAGE plpgsql SET ruvector.sample_rate = 0 AS $$
DECLARE
  v vector;
  found int;
  total int := 0;
BEGIN
  PERFORM set_config('ruvector.adaptive_search', learned::text, true);
  FOR v IN SELECT embedding FROM truth JOIN questions ON id = question_id ORDER BY id LIMIT 100 LOOP
    EXECUTE format('SELECT count(*) FROM (SELECT id FROM glosses WHERE gloss LIKE ''%%person%%'' ORDER BY embedding <=> %L LIMIT 10) s', v) INTO found;
    total := total + found;
  END LOOP;
  RETURN round(total / 100.0, 1);
END $$;
