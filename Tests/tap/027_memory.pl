# Many searches in one session, and many that end in an error, leave its memory as it was.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Ruvector;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('main', "log_statement = none\nlog_min_error_statement = panic\nruvector.batched_search = on\n");
learn_items($node);
search($node, 1, 150);
wait_for($node, 'postgres', "SELECT state LIKE 'applying%' FROM ruvector_learning_stats('items')");
my ($searches, $aborted) = (50_000 * factor(), 500 * factor());

# In kilobytes: what the process has to itself.
my $out = $node->safe_psql('postgres', q{
CREATE FUNCTION own_memory() RETURNS int LANGUAGE sql AS
  $$ SELECT (regexp_match(pg_read_file('/proc/self/status'), 'RssAnon:\s+(\d+)'))[1]::int $$;
-- a tenth of them with a filter, a tenth as cursors that are left half read
CREATE FUNCTION searches(times int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  queries vector[] := ARRAY(SELECT noise(-i) FROM generate_series(1, 100) i);
  c refcursor;
BEGIN
  FOR i IN 1..times LOOP
    IF i % 10 = 0 THEN
      PERFORM count(*) FROM (SELECT id FROM items WHERE id % 3 = 1 ORDER BY embedding <-> queries[1 + i % 100] LIMIT 10) s;
    ELSIF i % 10 = 1 THEN
      OPEN c FOR SELECT id FROM items ORDER BY embedding <-> queries[1 + i % 100] LIMIT 10;
      MOVE 3 IN c;
      CLOSE c;
    ELSE
      PERFORM count(*) FROM (SELECT id FROM items ORDER BY embedding <-> queries[1 + i % 100] LIMIT 10) s;
    END IF;
  END LOOP;
END $$;
CREATE FUNCTION failures(times int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  query vector := noise(-7);
  third int := (SELECT id FROM items ORDER BY embedding <-> query OFFSET 2 LIMIT 1);
BEGIN
  FOR i IN 1..times LOOP
    BEGIN
      PERFORM 1 / (id - third) FROM (SELECT id FROM items ORDER BY embedding <-> query LIMIT 10) s;
      RAISE 'no error';
    EXCEPTION WHEN division_by_zero THEN
    END;
  END LOOP;
END $$;
SET enable_seqscan = off;
SELECT searches(5000), failures(200);
} . qq{
SELECT own_memory() AS before \\gset
SELECT searches($searches);
SELECT own_memory() - :before;
SELECT failures($aborted);
SELECT own_memory() - :before;
SELECT count(*) FILTER (WHERE name LIKE 'ruvector%') FROM pg_backend_memory_contexts;
});
my @grown = grep { /^-?\d+$/ } split /\n/, $out;
cmp_ok($grown[0], '<', 1024, "$searches searches: $grown[0] kB more");
cmp_ok($grown[1], '<', 1024, "$aborted that failed: $grown[1] kB more");
cmp_ok($grown[2], '<', 10, "no context is left behind: $grown[2]");
tried("searches in one session, and $aborted that failed", $searches, 'kB of memory' => $grown[1]);
$node->stop;
done_testing();
