# kill -9 of a backend or of the worker costs at most what was in the ring.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Ruvector;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('main');
learn_items($node);
search($node, 1, 300);
wait_for($node, 'postgres', "SELECT state LIKE 'applying%' FROM ruvector_learning_stats('items')");
settle($node);
my $stats = "SELECT labels, chosen, recall_bound, recall FROM ruvector_learning_stats('items')";
my $published = "SELECT recorded IS NOT NULL FROM ruvector.index_counters('items_embedding'::regclass)";
my $before = $node->safe_psql('postgres', $stats);

sub pid_of_backend
{
	open(my $session, '|-', 'psql', '-XqAt', '-d', $node->connstr('postgres')) or die;
	print $session "SELECT pg_sleep(600);\n";
	$session->flush;
	my $query = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(600)%' AND pid <> pg_backend_pid()";
	wait_for($node, 'postgres', "SELECT count(*) = 1 FROM ($query) s");
	return ($node->safe_psql('postgres', $query), $session);
}

my ($kills, $lost) = (0, 0);
for my $victim (('worker', 'backend') x factor())
{
	my ($pid, $session) = $victim eq 'worker'
		? $node->safe_psql('postgres', 'SELECT ruvector.worker_pid()') : pid_of_backend();
	is(system_log('kill', '-9', $pid), 0, "$victim killed");
	$node->poll_query_until('postgres', 'SELECT true') or die;
	wait_for($node, 'postgres', 'SELECT ruvector.worker_pid() IS NOT NULL');
	wait_for($node, 'postgres', $published);
	my $after = $node->safe_psql('postgres', $stats);
	is($after, $before, "nothing learned is lost after the $victim was killed");
	$kills++;
	$lost += (split(/\|/, $before))[0] - (split(/\|/, $after))[0];
}
search($node, 2001, 2020);
wait_for($node, 'postgres', "SELECT labels >= 320 FROM ruvector_learning_stats('items')");
pass('learning goes on');
tried('kill -9 of a worker, a backend', $kills, labels => $lost);
$node->stop;
done_testing();
