# Crashes under load cost at most what was in the ring; no table, index or answer suffers.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Utils;
use Ruvector;
use Test::More;

my $node = new_server('main', "max_connections = 100\nlog_statement = none\n");
learn_items($node);
search($node, 1, 150);
wait_for($node, 'postgres', "SELECT state LIKE 'applying%' FROM ruvector_learning_stats('items')");

my $one = sub { return $node->safe_psql('postgres', @_) };
my $labels = 'SELECT coalesce(max(label_number), 0) FROM ruvector.labels';
my $recorded = "SELECT recorded FROM ruvector.index_counters('items_embedding'::regclass)";
my $pid_of = {
	backend => "SELECT max(pid) FROM pg_stat_activity WHERE application_name = 'load'",
	worker => 'SELECT ruvector.worker_pid()',
	launcher => "SELECT pid FROM pg_stat_activity WHERE backend_type = 'ruvector launcher'",
};
# all that is stored stays, to be counted
$one->("SELECT ruvector_enable_learning('items', min_samples := 50, target_recall := 0.85, trajectory_window := 1000000)");
my $stored = 'SELECT count(*) FROM ruvector.trajectories';
my ($crashes, $searches, $labels_lost, $stored_lost, $ring_lost) = (0, 0, 0, 0, 0);
for my $round (1 .. factor())
{
	for my $victim ('backend', 'worker', 'launcher', 'server')
	{
		my $load = load_items($node, 8, 60);
		my $first = $one->($labels);
		my ($recorded_first, $stored_first) = ($one->($recorded), $one->($stored));
		wait_for($node, 'postgres', "SELECT ($labels) > $first + 3 AND ($recorded) > 50");
		my ($before, $stored_before, $recorded_before) = ($one->($labels), $one->($stored), $one->($recorded));
		$searches += $recorded_before - $recorded_first;
		if ($victim eq 'server')
		{
			my ($server) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
			$node->kill9;
			$load->finish;
			# not before it, and the last of its children, is gone
			for (1 .. 300)
			{
				select(undef, undef, undef, 0.1);
				next if kill 0, $server;
				last if $node->start(fail_ok => 1);
				$node->{_pid} = undef;
			}
		}
		else
		{
			is(system_log('kill', '-9', $one->($pid_of->{$victim})), 0, "$victim killed");
			$load->finish;
			$node->poll_query_until('postgres', 'SELECT true') or die;
		}
		my $after = $one->($labels);
		cmp_ok($after, '>=', $before, "no label is lost with the $victim");
		$labels_lost += $before - $after if $after < $before;
		my $stored_after = $one->($stored);
		cmp_ok($stored_after, '>=', $stored_before, '... nor a search that was stored');
		$stored_lost += $stored_before - $stored_after if $stored_after < $stored_before;
		my $ring = $recorded_before - $recorded_first - ($stored_after - $stored_first);
		cmp_ok($ring, '<=', $one->('SHOW ruvector.trajectory_buffer_size'), '... and of others at most the ring');
		$ring_lost += $ring if $ring > 0;
		$crashes++;
		wait_for($node, 'postgres', "SELECT ($recorded) IS NOT NULL");
	}
}
my $before = $one->($labels);
search($node, 2001, 2020);
wait_for($node, 'postgres', "SELECT ($labels) > $before + 10");
pass('learning goes on');
my ($mishaps, @mishaps) = mishaps($node);
is($mishaps, '', 'no wrong row, no error');
like($one->("SELECT state FROM ruvector_learning_stats('items')"), qr/^(applying|not certified|measuring|stepped)/, 'in order');
$one->('CREATE EXTENSION amcheck');
$node->command_ok([ 'pg_amcheck', '--heapallindexed', 'postgres' ], 'pg_amcheck finds nothing');
tried("kill -9 of a backend, worker, launcher, server under load of 8 clients, with $searches searches", $crashes,
	labels => $labels_lost, 'stored searches' => $stored_lost, 'searches in the ring' => $ring_lost, @mishaps);
$node->stop;
done_testing();
