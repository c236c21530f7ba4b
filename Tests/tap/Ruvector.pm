# What the TAP tests share: a server with ruvector, and a table worth learning on.
package Ruvector;
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Exporter 'import';
use File::Basename;
use IPC::Run ();
use Test::More;
our @EXPORT = qw(new_server configure learn_items search wait_for settle load_items mishaps factor tried);

# A new server; $conf goes to the end of its configuration.
sub new_server
{
	my ($name, $conf) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init;
	configure($node, $conf // '');
	$node->start;
	return $node;
}

sub configure
{
	my ($node, $conf) = @_;
	$node->append_conf('postgresql.conf', qq{
shared_preload_libraries = 'ruvector'
ruvector.learning_interval = '1s'
ruvector.label_budget = 1
ruvector.batched_search = off
restart_after_crash = on
max_worker_processes = 16
} . $conf);
	return;
}

# Table items with an hnsw index that misses recall 0.9 at the default ef_search, learning.
sub learn_items
{
	my ($node, %option) = @_;
	my $db = $option{db} // 'postgres';
	$node->safe_psql($db, q{
CREATE EXTENSION IF NOT EXISTS vector;
CREATE EXTENSION IF NOT EXISTS ruvector;
CREATE FUNCTION noise(seed int) RETURNS vector LANGUAGE sql IMMUTABLE AS
  'SELECT array_agg(hashint8extended(seed, d) / 9.3e18)::vector FROM generate_series(1, 24) d';
CREATE TABLE items (id int PRIMARY KEY, embedding vector(24) NOT NULL);
INSERT INTO items SELECT g, noise(g) FROM generate_series(1, 3000) g;
CREATE INDEX items_embedding ON items USING hnsw (embedding vector_l2_ops) WITH (m = 5, ef_construction = 16);
ANALYZE items;
SELECT ruvector_enable_learning('items', min_samples := 50, target_recall := 0.85);
});
	wait_for($node, $db, "SELECT recorded IS NOT NULL FROM ruvector.index_counters('items_embedding'::regclass)");
}

# Plain searches, one statement each.
sub search
{
	my ($node, $first, $last, $db) = @_;
	my $vectors = $node->safe_psql($db // 'postgres', "SELECT noise(-i) FROM generate_series($first, $last) i");
	$node->safe_psql($db // 'postgres',
		join('', map { "SELECT id FROM items ORDER BY embedding <-> '$_' LIMIT 10;\n" } split(/\n/, $vectors)));
}

# Until all is labelled, judged and published: nothing changes any more by itself.
sub settle
{
	my ($node, $db) = @_;
	wait_for($node, $db // 'postgres', q{
SELECT count(*) > 0 AND bool_and(candidates = 0 AND labels - judged_labels < greatest(1, labels / 10))
FROM ruvector.learning_classes});
	sleep 1;					# what was judged is published right after
	wait_for($node, $db // 'postgres', q{
SELECT bool_and(state IS DISTINCT FROM 'active') FROM pg_stat_activity
WHERE backend_type = 'ruvector worker' AND datname = current_database()});
}

# How much longer than usual the hard tests shall run: see `make check-hard`.
sub factor { return $ENV{RUVECTOR_HARD} // 1 }

# One line on what was tried, how often, and what was lost: counts, as measured, by their names.  Tests/run prints
# all of them at the end.
sub tried
{
	my ($what, $times, @lost) = @_;
	my $lost = join(', ', map { "$lost[2 * $_ + 1] $lost[2 * $_]" } 0 .. $#lost / 2);
	append_to_file($ENV{RUVECTOR_TRIED}, join("\t", basename($0, '.pl'), $what, $times, $lost) . "\n") if $ENV{RUVECTOR_TRIED};
	return note("$what: $times times, lost: $lost");
}

# Clients that search and write, as much as leaves others room, until $seconds are
# over, or the server is.  What a search returns is checked in its own snapshot; what goes wrong is in
# table mishaps.
sub load_items
{
	my ($node, $clients, $seconds) = @_;
	my $script = PostgreSQL::Test::Utils::tempdir() . '/load.sql';
	$node->safe_psql('postgres', q{
SET client_min_messages = warning;
CREATE TABLE IF NOT EXISTS mishaps (code text, message text);
CREATE OR REPLACE FUNCTION checked_search(seed int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  query vector := noise(seed);
BEGIN
  IF EXISTS (
    WITH found AS MATERIALIZED (SELECT id, embedding <-> query AS distance FROM items ORDER BY embedding <-> query LIMIT 10),
    ordered AS (SELECT *, lag(distance) OVER () AS previous FROM found)
    SELECT FROM ordered o LEFT JOIN items i USING (id)
    WHERE i.id IS NULL OR i.embedding <-> query <> distance OR previous > distance
    OR (SELECT count(*) > count(DISTINCT id) FROM found))
  THEN
    INSERT INTO mishaps VALUES ('wrong', format('rows of query %s', seed));
  END IF;
EXCEPTION WHEN OTHERS THEN
  INSERT INTO mishaps VALUES (SQLSTATE, SQLERRM);
END $$;
});
	unlink $script;
	append_to_file($script, join("\n", '\set seed random(-1000000, -1)', '\set id random(1, 3000)',
		('SELECT checked_search(:seed);') x 3, 'SELECT id FROM items ORDER BY embedding <-> noise(:seed) LIMIT 7;',
		'UPDATE items SET embedding = noise(:seed) WHERE id = :id;', ''));
	return IPC::Run::start([ 'pgbench', '-n', '-c', $clients, '-j', 2, '-R', 100, '-T', $seconds, '-f', $script,
		$node->connstr('postgres') . " application_name=load options='-c enable_seqscan=off'" ],
		'>', \my $out, '2>', \my $err);
}

# What the clients of load_items have met with: wrong rows, errors, and all of it as text.
sub mishaps
{
	my ($node) = @_;
	my ($wrong, $errors, $text) = split(/\|/, $node->safe_psql('postgres', q{SELECT count(*) FILTER (WHERE code = 'wrong'),
		count(*) FILTER (WHERE code <> 'wrong'), coalesce(string_agg(DISTINCT code || ': ' || message, '; '), '') FROM mishaps}), 3);
	return ($text, 'wrong rows' => $wrong, 'errors' => $errors);
}

sub wait_for
{
	my ($node, $db, $query) = @_;
	$node->poll_query_until($db, $query) or die "gave up waiting for: $query";
}

1;
