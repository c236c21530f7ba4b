# 64 connections search and write while tables, indexes, sessions and the extension itself come and go.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Utils;
use Ruvector;
use Test::More;

my $node = new_server('main', "max_connections = 100\nlog_statement = none\nlog_lock_waits = on\n");
learn_items($node);
search($node, 1, 150);
wait_for($node, 'postgres', "SELECT state LIKE 'applying%' FROM ruvector_learning_stats('items')");

sub deadlocks { return scalar(() = slurp_file($node->logfile) =~ /deadlock detected/g) }

# ---- DDL on the table that learns
my $again = q{SELECT ruvector_enable_learning('items', min_samples := 50, target_recall := 0.85)};
my @statements = (
	'REINDEX INDEX items_embedding',
	'VACUUM items',
	'CREATE INDEX CONCURRENTLY second ON items USING ivfflat (embedding vector_l2_ops) WITH (lists = 10)',
	'ALTER TABLE items ADD COLUMN more int DEFAULT 7',
	'REINDEX INDEX CONCURRENTLY items_embedding',
	'DROP INDEX CONCURRENTLY second',
	'ALTER TABLE items RENAME COLUMN more TO less',
	'DROP INDEX items_embedding',
	'CREATE INDEX items_embedding ON items USING hnsw (embedding vector_l2_ops) WITH (m = 5, ef_construction = 16)',
	'VACUUM FULL items',
	'ALTER TABLE items DROP COLUMN less',
	q{SELECT ruvector_disable_learning('items')},
	$again,
	'ANALYZE items',
	'ALTER TABLE items SET (autovacuum_enabled = off)',
	q{SELECT ruvector_clear_learning('items')},
	'CREATE TABLE other AS SELECT * FROM items; CREATE INDEX ON other USING hnsw (embedding vector_l2_ops); '
	  . q{SELECT ruvector_enable_learning('other'); } . 'SET enable_seqscan = off; '
	  . 'SELECT id FROM other ORDER BY embedding <-> noise(-1) LIMIT 10; DROP TABLE other',
	'ALTER INDEX items_embedding RENAME TO renamed',
	'ALTER INDEX renamed RENAME TO items_embedding',
);
my $load = load_items($node, 64, 600 * factor());
my ($done, $failed) = (0, '');
for my $round (1 .. factor())
{
	for my $statement (@statements)
	{
		my ($rc, $out, $err) = $node->psql('postgres', $statement);
		$failed .= "$statement: $err\n" if $rc != 0;
		$done++;
	}
}
is($failed, '', 'all DDL succeeds');
my ($mishaps, @mishaps) = mishaps($node);
is($mishaps, '', '64 clients see no wrong row and no error meanwhile');
tried('DDL under load of 64 clients', $done, deadlocks => deadlocks(), 'statements that failed' => scalar(() = $failed =~ /\n/g), @mishaps);

# ---- sessions that end in the middle, or do not end
my $ended = 0;
for my $round (1 .. 5 * factor())
{
	$node->psql('postgres', 'SET enable_seqscan = off; SET statement_timeout = 3; '
		. 'SELECT count(*) FROM generate_series(1, 3000) g, LATERAL (SELECT id FROM items ORDER BY embedding <-> noise(-g) LIMIT 10) s');
	$node->psql('postgres', 'SET idle_in_transaction_session_timeout = 20; BEGIN; '
		. "SELECT id FROM items ORDER BY embedding <-> noise(-1) LIMIT 10;\n SELECT pg_sleep(0.2);\n\\! sleep 0.1\nSELECT 1");
	$ended += $node->safe_psql('postgres', q{SELECT count(pg_terminate_backend(pid)) FROM
		(SELECT pid FROM pg_stat_activity WHERE application_name = 'load' LIMIT 1) s});
}
cmp_ok($ended, '>', 0, 'sessions were terminated');
($mishaps, @mishaps) = mishaps($node);
is($mishaps, '', 'the others see nothing of it');
tried('sessions terminated among 64', $ended, @mishaps);

# an open transaction that has searched, and one that holds the table, hold up nobody's search and no worker
my $holder = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('postgres') ], '<', \my $in, '>', \my $out, '2>', \my $err);
$in = "SET application_name = 'holder'; BEGIN; INSERT INTO items VALUES (5000, noise(5000)); "
  . "SELECT id FROM items ORDER BY embedding <-> noise(-1) LIMIT 10;\n";
$holder->pump while length $in;
wait_for($node, 'postgres', "SELECT state = 'idle in transaction' FROM pg_stat_activity WHERE application_name = 'holder'");
my $newest = $node->safe_psql('postgres', 'SELECT coalesce(max(label_number), 0) FROM ruvector.labels');
wait_for($node, 'postgres', "SELECT max(label_number) > $newest FROM ruvector.labels");
pass('labels are taken while a transaction stays open');
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holder'");
$holder->finish;

# ---- the extension itself
for my $round (1 .. 5 * factor())
{
	my ($rc, $out, $err) = $node->psql('postgres', "DROP EXTENSION ruvector;\nCREATE EXTENSION ruvector;\n$again;");
	$failed .= $err if $rc != 0;
	wait_for($node, 'postgres', "SELECT recorded > 0 FROM ruvector.index_counters('items_embedding'::regclass)");
}
is($failed, '', 'the extension is dropped and created again under load');
($mishaps, @mishaps) = mishaps($node);
is($mishaps, '', '... and nobody notices');
tried('DROP EXTENSION and CREATE EXTENSION under load', 5 * factor(), deadlocks => deadlocks(), @mishaps);

wait_for($node, 'postgres', 'SELECT count(*) > 20 FROM ruvector.labels');
pass('learning goes on');
$load->signal('TERM');
$load->finish;
my $log = slurp_file($node->logfile);
is(deadlocks(), 0, 'no deadlock');
unlike($log, qr/PANIC|TRAP|was terminated by signal/, 'no crash');
my @errors = grep { /ERROR/ && !/canceling statement due to statement timeout/ } split(/\n/, $log);
is(join("\n", @errors), '', 'nothing in the log');
$node->safe_psql('postgres', 'CREATE EXTENSION amcheck');
$node->command_ok([ 'pg_amcheck', '--heapallindexed', 'postgres' ], 'pg_amcheck finds nothing');
$node->stop;
done_testing();
