# What was learned survives a restart, and applies without learning it again.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Ruvector;
use Test::More;

my $node = new_server('main');
learn_items($node);
search($node, 1, 300);
wait_for($node, 'postgres', "SELECT state LIKE 'applying%' FROM ruvector_learning_stats('items')");
settle($node);
my $stats = "SELECT labels, chosen, recall_bound, recall, cost_ratio FROM ruvector_learning_stats('items')";
my $explain = "EXPLAIN SELECT id FROM items ORDER BY embedding <-> (SELECT embedding FROM items WHERE id = 1) LIMIT 10";
my $before = $node->safe_psql('postgres', $stats);
my $chosen = $node->safe_psql('postgres', "SELECT chosen FROM ruvector_learning_stats('items')");
like($node->safe_psql('postgres', $explain), qr/ef_search: $chosen\b.*Decision: learned/s, 'learned value in force');
my ($old_pid) = $node->safe_psql('postgres', 'SELECT ruvector.worker_pid()');

$node->restart;
wait_for($node, 'postgres', "SELECT recorded IS NOT NULL FROM ruvector.index_counters('items_embedding'::regclass)");
is($node->safe_psql('postgres', $stats), $before, 'same numbers after restart');
like($node->safe_psql('postgres', $explain), qr/ef_search: $chosen\b.*Decision: learned/s, 'same value in force after restart');

# options of the worker follow SIGHUP
$node->append_conf('postgresql.conf', "ruvector.label_budget = 0\n");
$node->reload;
search($node, 1001, 1050);
wait_for($node, 'postgres', "SELECT count(*) = 50 FROM ruvector.trajectories WHERE label_state = 'pending'");
sleep 3;
is($node->safe_psql('postgres', $stats), $before, 'no labels without a budget');
$node->append_conf('postgresql.conf', "ruvector.label_budget = 1\n");
$node->reload;
settle($node);
isnt($node->safe_psql('postgres', $stats), $before, 'labels again with a budget');

# a terminated worker comes back
my $pid = $node->safe_psql('postgres', 'SELECT ruvector.worker_pid()');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
wait_for($node, 'postgres', "SELECT ruvector.worker_pid() <> $pid");
wait_for($node, 'postgres', "SELECT recorded IS NOT NULL FROM ruvector.index_counters('items_embedding'::regclass)");
pass('worker is back');

# the library missing on the next start: everything is readable, searches are pgvector's
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$chosen = $node->safe_psql('postgres', "SELECT chosen FROM ruvector_learning_stats('items')");
$node->restart;
like($node->safe_psql('postgres', "SELECT state, chosen FROM ruvector_learning_stats('items')"),
	qr/^the learning worker is not running\|$chosen$/, 'knowledge is readable without preload');
unlike($node->safe_psql('postgres', $explain), qr/RuVector/, 'plain plan without preload');
my ($rc, $out, $err) = $node->psql('postgres', "SELECT ruvector_enable_learning('items')");
like($err, qr/shared_preload_libraries/, 'enabling says what to set');
$node->stop;
done_testing();
