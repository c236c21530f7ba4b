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
