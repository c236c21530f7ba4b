# Sessions that stop in the middle, or do not stop: timeouts, terminated processes, open transactions, in users' sessions,
# in ruvector_auto_tune and in the worker.  They cost nothing that was learned, and hold up no other table.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Utils;
use Ruvector;
use Test::More;

my $node = new_server('main', "max_connections = 60\nlog_statement = none\nruvector.pattern_consolidation_interval = 2s\n");
learn_items($node);
my $one = sub { return $node->safe_psql('postgres', @_) };
$one->(q{
CREATE TABLE others AS SELECT * FROM items;
CREATE INDEX others_embedding ON others USING hnsw (embedding vector_l2_ops) WITH (m = 5, ef_construction = 16);
CREATE TABLE third AS SELECT * FROM items;
CREATE INDEX third_id_idx ON third (id);
CREATE INDEX third_embedding ON third USING hnsw (embedding vector_l2_ops) WITH (m = 5, ef_construction = 16);
ANALYZE;
SELECT ruvector_enable_learning(t, min_samples := 20, target_recall := 0.85) FROM unnest('{others,third}'::regclass[]) t;
});
# what is set for the database later is not for the sessions of this test
$ENV{PGOPTIONS} = '-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 -c default_transaction_read_only=off';
sub labels_of { return $one->("SELECT count(*) FROM ruvector.labels WHERE indexid = '$_[0]_embedding'::regclass") }
my $seed = 0;

# So many new queries on a table, one statement each.
sub ask
{
	my ($table, $times) = @_;
	my $first = $seed + 1;
	$seed += $times;
	$one->("SET enable_seqscan = off;\n"
		. join('', map { "SELECT id FROM $table ORDER BY embedding <-> '$_' LIMIT 10;\n" }
			split(/\n/, $one->("SELECT noise(-i) FROM generate_series($first, $seed) i"))));
}
wait_for($node, 'postgres', "SELECT count(*) = 3 FROM unnest('{items_embedding,others_embedding,third_embedding}'::regclass[]) i, "
	. 'ruvector.index_counters(i) WHERE recorded IS NOT NULL');
my $load = load_items($node, 8, 600 * factor());
my ($ended, $lost, $tuned, $open, $held) = (0, 0, 0, 0, 0);

# What a session was told that ends in the middle of this.
sub cut_short
{
	my ($how, $prepare, $statement) = @_;
	my $session = IPC::Run::start([ 'psql', '-Xq', '-d', $node->connstr('postgres') ], '<', \my $in, '>', \my $out, '2>', \my $err);
	$in = "SET application_name = 'cut'; $prepare;\n$statement;\n\\q\n";
	$session->pump while length $in;
	if ($how =~ /^pg_/)
	{
		wait_for($node, 'postgres', "SELECT count(*) > 0 FROM ruvector.progress p JOIN pg_stat_activity a USING (pid) WHERE a.application_name = 'cut'");
		$one->("SELECT $how(pid) FROM pg_stat_activity WHERE application_name = 'cut'");
	}
	$session->finish;
	return $err;
}

for my $round (1 .. factor())
{
	# each round from the beginning: a thousand labels take long to judge
	$one->("SELECT ruvector_clear_learning(t) FROM unnest('{items,others,third}'::regclass[]) t");
	ask($_, 100) for ('others', 'third');
	wait_for($node, 'postgres', "SELECT count(*) = 3 FROM ruvector.policies WHERE state = 'certified' AND watch_labels > 0");

	# ---- in the middle of ruvector_auto_tune, which waits for more labels than will come at once
	my $tune = "SELECT count(*) FROM ruvector_auto_tune('others', sample_queries := 100000)";
	for my $way ([ 'statement_timeout', "SET statement_timeout = '1s'", qr/statement timeout/ ],
		[ 'pg_cancel_backend', 'SELECT 1', qr/user request/ ], [ 'pg_terminate_backend', 'SELECT 1', qr/administrator command/ ])
	{
		my ($how, $prepare, $told) = @$way;
		my $labels = labels_of('others');
		like(cut_short($how, $prepare, $tune), $told, "ruvector_auto_tune ends by $how");
		wait_for($node, 'postgres', 'SELECT count(*) = 0 FROM ruvector.progress');
		my $kept = labels_of('others');
		cmp_ok($kept, '>=', $labels, '... and what was measured is kept');
		$lost += $labels - $kept if $kept < $labels;
		$tuned++;
	}

	# ---- in a search, by whatever may be set
	for my $prepare ("SET statement_timeout = '3ms'", "SET lock_timeout = '1ms'; SET statement_timeout = '3ms'")
	{
		like(cut_short('statement_timeout', $prepare, 'SELECT count(*) FROM generate_series(1, 3000) g, LATERAL '
			. '(SELECT id FROM items ORDER BY embedding <-> noise(-g) LIMIT 10) s'), qr/statement timeout/, 'a search ends by statement_timeout');
		$ended++;
	}
	like(cut_short('idle', "SET idle_in_transaction_session_timeout = '50ms'; BEGIN; SELECT id FROM items ORDER BY embedding <-> noise(-1) LIMIT 10",
		"SELECT 1 AS one;\n\\! sleep 0.3\nSELECT 2"), qr/idle-in-transaction timeout/, 'a transaction that searched ends by being idle');
	$ended++;

	# ---- the worker: terminated, cancelled, and under the timeouts of the database
	for my $way ('pg_terminate_backend(ruvector.worker_pid())', 'pg_cancel_backend(ruvector.worker_pid())')
	{
		wait_for($node, 'postgres', 'SELECT ruvector.worker_pid() IS NOT NULL');
		my $labels = $one->('SELECT count(*) FROM ruvector.labels');
		is($one->("SELECT $way"), 't', $way);
		my $kept = $one->('SELECT count(*) FROM ruvector.labels');
		$lost += $labels - $kept if $kept < $labels;
		wait_for($node, 'postgres', "SELECT count(*) > $labels FROM ruvector.labels");
		$ended++;
	}
	$one->("ALTER DATABASE postgres SET $_") for ("statement_timeout = '1ms'", "lock_timeout = '1ms'", "idle_in_transaction_session_timeout = '1ms'",
		'default_transaction_read_only = on');
	my $worker = $one->('SELECT ruvector.worker_pid()');
	$one->("SELECT pg_terminate_backend($worker)");
	my $labels = $one->('SELECT count(*) FROM ruvector.labels');
	wait_for($node, 'postgres', "SELECT ruvector.worker_pid() <> $worker AND (SELECT count(*) > $labels FROM ruvector.labels)");
	pass('timeouts of the database are not for the worker');
	$one->("ALTER DATABASE postgres RESET $_") for ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'default_transaction_read_only');
	$ended++;

	# ---- transactions that stay open: other tables are measured, and judged, all the same
	for my $statement ("SELECT count(*) FROM ruvector_auto_tune('third', sample_queries := 20)", "SELECT ruvector_clear_learning('third')",
		"SELECT ruvector_pin('third_embedding', 50)", "SELECT ruvector_enable_learning('third', mode := 'observe', anonymize := true)",
		'ALTER TABLE third ADD COLUMN more int', 'REINDEX INDEX third_embedding', 'REINDEX INDEX third_id_idx',
		'DROP TABLE third')
	{
		my $holder = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('postgres') ], '<', \my $in, '>', \my $out, '2>', \my $err);
		ask('third', 40);
		$in = "SET application_name = 'holder';\nBEGIN;\n$statement;\n";
		$holder->pump while length $in;
		wait_for($node, 'postgres', "SELECT state = 'idle in transaction' FROM pg_stat_activity WHERE application_name = 'holder' AND query LIKE '%third%'");
		ask('third', 10) unless $statement =~ /^(ALTER|REINDEX|DROP)/;	# which readers wait for
		my $watched = "SELECT coalesce(watched_to, 0) FROM ruvector.policies WHERE indexid = 'others_embedding'::regclass AND k_class = 16";
		my $before = $one->($watched);
		ask('others', 30);
		my $goes_on = $node->poll_query_until('postgres', "SELECT ($watched) >= $before + 20");
		ok($goes_on, "others are measured and watched while a transaction stays open that did: $statement");
		$held++ unless $goes_on;
		$in = "ROLLBACK;\n\\q\n";
		$holder->finish;
		$open++;
		my $labels = labels_of('third');
		ask('third', 10);
		ok($node->poll_query_until('postgres', "SELECT count(*) > $labels FROM ruvector.labels WHERE indexid = 'third_embedding'::regclass"),
			'... and its own table afterwards');
	}
}
$load->signal('TERM');
$load->finish;
my ($mishaps, @mishaps) = mishaps($node);
is($mishaps, '', 'those who searched and wrote meanwhile saw nothing of it');
tried('ruvector_auto_tune cut short by timeout, cancelling, terminating', $tuned, 'labels' => $lost, @mishaps);
tried('timeouts, idle transactions, terminated workers under load', $ended, 'labels' => $lost, @mishaps);
tried('transactions left open on one table', $open, 'times that others waited' => $held);
my $log = slurp_file($node->logfile);
unlike($log, qr/PANIC|TRAP|was terminated by signal|deadlock detected/, 'no crash, no deadlock');
my @errors = grep { /ERROR/ && !/canceling statement due to (statement timeout|user request)/ } split(/\n/, $log);
is(join("\n", @errors), '', 'nothing in the log');
$node->stop;
done_testing();
