# What is private of a search (its vector, the rows it found, what its filter asks for) shows up nowhere but with
# who searched: not in what any function, view, EXPLAIN or error tells others, not in the server's log.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Ruvector;
use PostgreSQL::Test::Utils;
use Test::More;

# components, identifiers and a filter that nothing else contains
my @vector = ('0.98765432', '-0.12345678');
my $near = 777000123;
my $hidden = 777000456;
my $word = 'classified-4242';
my $secret = qr/0\.98765|0\.12345|777000123|777000456|classified-4242/;

my $node = new_server('main', "ruvector.batched_search = on\nlog_statement = none\n");
$node->safe_psql('postgres', q{
CREATE EXTENSION vector;
CREATE EXTENSION ruvector;
CREATE ROLE rv_owner LOGIN;
CREATE ROLE rv_reader LOGIN;
CREATE ROLE rv_stranger LOGIN;
GRANT CREATE, USAGE ON SCHEMA public TO rv_owner;
CREATE FUNCTION wait_until(condition text) RETURNS bool LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE ok bool;
BEGIN
  FOR i IN 1..1200 LOOP
    EXECUTE 'SELECT ' || condition INTO ok;
    EXIT WHEN ok;
    PERFORM pg_sleep(0.1);
  END LOOP;
  RETURN ok;
END $$;
});
$node->safe_psql('postgres', slurp_file("$FindBin::RealBin/calls.sql"));
my $two_dims = q{format('[%s,%s]', hashint8extended(g, 1) / 9.3e18, hashint8extended(g, 2) / 9.3e18)::vector};
$node->safe_psql('postgres', qq{
CREATE TABLE items (id int PRIMARY KEY, note text, embedding vector(2));
INSERT INTO items SELECT g, 'plain', $two_dims FROM generate_series(1, 500) g;
INSERT INTO items VALUES ($near, '$word', '[0.987,-0.123]'), ($hidden, '$word', '[0.986,-0.124]');
CREATE INDEX items_embedding ON items USING hnsw (embedding vector_l2_ops);
GRANT SELECT ON items TO rv_reader;
SELECT ruvector_enable_learning('items', min_samples := 50);
SELECT ruvector_create_bank('bank_of_owner', 2, '{"ef": {"type": "integer", "min": 1, "max": 100}}');
ANALYZE items;
}, extra_params => ['-U', 'rv_owner']);
wait_for($node, 'postgres', "SELECT recorded IS NOT NULL FROM ruvector.index_counters('items_embedding'::regclass)");

# searches of the owner's and of a superuser's: plain, filtered, told by a client; labelled, judged, distilled
my $query = join(',', @vector);
my $search = 'SET enable_seqscan = off; SET enable_sort = off;';
my $filtered = "SELECT id FROM items WHERE note = '$word' OR id > 777000455 ORDER BY embedding <-> '[$query]' LIMIT 2";
for my $role ('rv_owner', 'postgres')
{
	is($node->safe_psql('postgres', "$search SELECT id FROM items ORDER BY embedding <-> '[$query]' LIMIT 1", extra_params => ['-U', $role]),
		$near, "$role finds the secret");
	is($node->safe_psql('postgres', "$search $filtered", extra_params => ['-U', $role]), "$near\n$hidden", 'and both');
	$node->safe_psql('postgres', "$search SELECT id FROM items ORDER BY embedding <-> '[$query]' LIMIT 10;\n" x 5, extra_params => ['-U', $role]);
	$node->safe_psql('postgres', "SELECT ruvector_record_trajectory('items', '{$query}', ARRAY[$near]) FROM generate_series(1, 60);
SELECT ruvector_record_outcome('bank_of_owner', '{$query}', '{\"ef\": 10}', recall := 0.9) FROM generate_series(1, 5);",
		extra_params => ['-U', $role]);
}
# one whose label fails: an error for a row that the search does not look at
my $far = $node->safe_psql('postgres', "SELECT id FROM items ORDER BY (embedding <-> '[$query]') + 0 DESC LIMIT 1");
$node->safe_psql('postgres', "$search SELECT id FROM items WHERE 1000 / (id - $far) < 1001 AND note <> '$word' ORDER BY embedding <-> '[$query]' LIMIT 2",
	extra_params => ['-U', 'rv_owner']);
settle($node);
$node->safe_psql('postgres', "SELECT count(*) FROM ruvector_extract_patterns('items'); SELECT count(*) FROM ruvector_extract_patterns('bank_of_owner');
SELECT count(*) FROM ruvector_auto_tune('items', sample_queries := 200);");
cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM ruvector.trajectories WHERE label_state = 'labelled' AND NOT filtered"), '>', 60, 'labelled');
like($node->safe_psql('postgres', 'SELECT string_agg(t::text, $$ $$) FROM ruvector.trajectories t'), qr/0\.98765/, 'the vector is kept');
like($node->safe_psql('postgres', "SELECT string_agg(filter || row_ids::text, ' ') FROM ruvector.trajectories WHERE label_state = 'labelled'"),
	qr/$near.*$word|$word.*$near/s, 'so are a labelled filter and identifiers');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM ruvector.patterns'), '>', 0, 'there are patterns');
$node->safe_psql('postgres', "INSERT INTO calls.searched SELECT query_id FROM ruvector.trajectories WHERE role_id = 'rv_owner'::regrole AND filtered AND label_state = 'labelled' LIMIT 1");
is($node->safe_psql('postgres', 'SELECT count(*) FROM calls.searched'), 1, 'a filtered search is labelled');

# all that others can ask, now with rows hidden from them
$node->safe_psql('postgres', "ALTER TABLE items ENABLE ROW LEVEL SECURITY;
CREATE POLICY open ON items USING (note = 'plain' OR current_user = 'rv_owner');");
my $everything = q{
SELECT call, state, message, detail, hint, result FROM calls.sane_calls, calls.answer(call);
SELECT left(call, 200), state, message, detail, hint, result FROM calls.hostile_calls, calls.answer(call) WHERE length(call) < 300;
SELECT call, a.* FROM (SELECT format('(TABLE %s)', c.oid::regclass) AS call FROM pg_class c
  WHERE relkind IN ('r', 'v', 'm', 'S') AND relname <> 'pg_settings' AND (relnamespace IN ('ruvector'::regnamespace, 'pg_catalog'::regnamespace)
    OR relname LIKE 'ruvector%')) c, calls.answer(call) a;
};
my $own = q{
SET enable_seqscan = off; SET enable_sort = off;
SELECT id FROM items ORDER BY embedding <-> '[0.9,-0.1]' LIMIT 3;
EXPLAIN (ANALYZE, VERBOSE, BUFFERS) SELECT id, embedding <-> '[0.9,-0.1]' FROM items ORDER BY embedding <-> '[0.9,-0.1]' LIMIT 3;
EXPLAIN (ANALYZE, VERBOSE) SELECT count(*) FROM (SELECT id FROM items WHERE id > 3 ORDER BY embedding <-> '[0.9,-0.1]' LIMIT 20) s;
SELECT id FROM items WHERE 1 / (id - 777000123) > -5 ORDER BY embedding <-> '[0.9,-0.1]' LIMIT 3;
SELECT id FROM items ORDER BY embedding <-> '[1,2,3]' LIMIT 3;
SELECT ruvector_last_query_id() AS mine \gset
SELECT wait_until(format('EXISTS (SELECT FROM ruvector.trajectories WHERE query_id = %L AND label_state <> ''pending'')', :'mine'));
SELECT * FROM ruvector_get_verdict(:'mine');
SELECT * FROM ruvector_record_feedback(:'mine', ARRAY[1, 2]);
SELECT query_id AS told FROM (SELECT ruvector_record_trajectory('items', '{0.9,-0.1}', '{1}', k := 1) AS query_id) r \gset
SELECT pg_sleep(2);
SELECT * FROM ruvector_get_verdict(:'told');
SELECT * FROM ruvector_record_feedback(:'told', ARRAY[1]);
};
my ($lines, $leaked) = (0, 0);
for my $role ('rv_reader', 'rv_stranger')
{
	my ($out, $err);
	$node->psql('postgres', $everything . $own, stdout => \$out, stderr => \$err, on_error_stop => 0, extra_params => ['-U', $role]);
	# what they typed themselves is theirs
	my $told = join("\n", grep { !/1 \/ \(id - 777000123\)/ } split(/\n/, "$out\n$err"));
	my @leaks = map { substr($_, 0, 300) } grep { /$secret/ } split(/\n/, $told);
	is("@leaks", '', "nothing for $role");
	$lines += () = $told =~ /\n/g;
	$leaked += @leaks;
	cmp_ok(length($told), '>', 20000, 'of much that was told');
	like($told, qr/RuVector/, 'with plans of the scan') if $role eq 'rv_reader';
	unlike($err, qr/server closed|terminat/, 'the server is well');
}
my $log = slurp_file($node->logfile);
my @lines = grep { /$secret/ && !/STATEMENT/ } split(/\n/, $log);
is(join("\n", map { substr($_, 0, 300) } @lines), '', 'nothing in the log');
like($log, qr/could not measure a filtered query: SQLSTATE 22012/, 'though a label failed');
tried('lines that two roles and the log were told', $lines + split(/\n/, $log), secrets => $leaked + @lines);
$node->stop;
done_testing();
