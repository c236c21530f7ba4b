-- What other suites share.
CREATE FUNCTION wait_until(condition text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE ok bool;
BEGIN
  FOR i IN 1..1200 LOOP
    EXECUTE 'SELECT ' || condition INTO ok;
    IF ok THEN RETURN 'ok'; END IF;
    PERFORM pg_sleep(0.1);
  END LOOP;
  RETURN 'never: ' || condition;
END $$;
-- What EXPLAIN says, without vectors and what differs from run to run.
CREATE FUNCTION explained(query text, options text DEFAULT 'COSTS off') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
  FOR line IN EXECUTE format('EXPLAIN (%s) %s', options, query) LOOP
    CONTINUE WHEN line ~ 'Planning|Execution|Buffers per';
    RETURN NEXT regexp_replace(line, '''\[.*\]''', '''[...]''');
  END LOOP;
END $$;
