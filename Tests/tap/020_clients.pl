# What was learned applies whatever stands between: pgbouncer in transaction mode, psycopg, SQLAlchemy, psql.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Ruvector;
use Test::More;

my $node = new_server('main');
learn_items($node);
search($node, 1, 300);
wait_for($node, 'postgres', "SELECT state LIKE 'applying%' FROM ruvector_learning_stats('items')");
settle($node);
# a generic plan must not differ, and nothing is judged anew meanwhile
$node->append_conf('postgresql.conf', "ruvector.label_budget = 0\n");
$node->reload;
my $chosen = $node->safe_psql('postgres', "SELECT chosen FROM ruvector_learning_stats('items')");
my $setting = $node->safe_psql('postgres', "SELECT setting FROM ruvector_learning_stats('items')");
isnt($chosen, $setting, 'the learned value is not the default');

# A pooler whose clients share one connection to the server.
my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin';
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $folder = PostgreSQL::Test::Utils::tempdir_short();
my $pooler;
END { local $?; $pooler->kill_kill if $pooler }	# also where the test ends early
if (defined $pgbouncer)
{
	append_to_file("$folder/pgbouncer.ini", sprintf(q{
[databases]
postgres = host=%s port=%d user=%s
[pgbouncer]
listen_addr =
listen_port = %d
unix_socket_dir = %s
auth_type = any
pool_mode = transaction
default_pool_size = 1
logfile = %s/log
}, $node->host, $node->port, scalar getpwuid($<), $port, $folder, $folder));
	$pooler = IPC::Run::start([ $pgbouncer, '-q', "$folder/pgbouncer.ini" ]);
	my $up = 0;
	for (1 .. 100)
	{
		last if $up = system_log('psql', '-Xqc', 'SELECT 1', pooled()) == 0;
		select(undef, undef, undef, 0.1);
	}
	ok($up, 'pgbouncer is up') or BAIL_OUT('pgbouncer does not answer: ' . slurp_file("$folder/log"));
}
sub direct { return 'dbname=postgres user=' . getpwuid($<) . ' host=' . $node->host . ' port=' . $node->port }
sub pooled { return 'dbname=postgres user=' . getpwuid($<) . " host=$folder port=$port" }

my ($asked, $missed) = (0, 0);

# What the trajectories say about a client's searches: the value, why, whether the plan had parameters, how many.
sub asks
{
	my ($name, $number, $parameterized, @command) = @_;
	my ($out, $err);
	my $seen = $node->safe_psql('postgres', 'SELECT count(*) FROM ruvector.trajectories WHERE k = 9');
	IPC::Run::run(\@command, '>', \$out, '2>', \$err) or return fail("$name: $err");
	wait_for($node, 'postgres', 'SELECT count(*) >= ' . ($seen + $number) . " FROM ruvector.trajectories WHERE k = 9");
	my $found = $node->safe_psql('postgres', "SELECT parameter, source, parameterized, count(*)
		FROM (SELECT * FROM ruvector.trajectories WHERE k = 9 ORDER BY started_at OFFSET $seen) t GROUP BY 1, 2, 3");
	$asked += $number;
	$missed += $number - ($found =~ /^\Q$chosen\E\|learned\|$parameterized\|(\d+)$/m ? $1 : 0);
	is($found, "$chosen|learned|$parameterized|$number", $name);
}

my $search = "SELECT id FROM items ORDER BY embedding <-> noise(%s) LIMIT 9";
my @psql = ('psql', '-XqAt', '-v', 'ON_ERROR_STOP=1');
# Is there a module?  Else its tests are skipped, and say what to install.  Debian's modules are Debian's python's.
my ($python) = grep { -x } '/usr/bin/python3', map { "$_/python3" } split(/:/, $ENV{PATH});
my @python = ($python // 'python3', "$FindBin::RealBin/020_clients.py");
sub has { return system_log($python[0], '-c', 'import ' . join(', ', @_)) == 0 }

for my $way ('direct', 'pooled')
{
  SKIP:
	{
		skip 'pgbouncer is not installed (Debian package pgbouncer)', 5 if $way eq 'pooled' && !$pooler;
		my $where = $way eq 'direct' ? direct() : pooled();
		asks("$way: psql, simple protocol", 3, 'f', @psql, (map { ('-c', sprintf($search, -800 - $_)) } 1 .. 3), $where);
	  SKIP:
		{
			skip 'psycopg is not installed (Debian package python3-psycopg)', 2 unless has('psycopg');
			asks("$way: psycopg, extended protocol", 8, 't', @python, 'unprepared', $where);
			asks("$way: psycopg, prepared statement with a generic plan", 8, 't', @python, 'prepared', $where);
		}
	  SKIP:
		{
			skip 'SQLAlchemy is not installed (Debian packages python3-sqlalchemy, python3-psycopg2)', 1
			  unless has('sqlalchemy', 'psycopg2');
			asks("$way: SQLAlchemy", 8, 'f', @python, 'sqlalchemy', $where);
		}
	}
}

SKIP:
{
	skip 'pgbouncer is not installed (Debian package pgbouncer)', 3 unless $pooler;
	my $explain = 'EXPLAIN ' . sprintf($search, -1);
	my $value = sub { my ($out) = run_command([ @psql, (map { ('-c', $_) } @_), pooled() ]); return $out };
	like($value->('BEGIN', 'SET LOCAL hnsw.ef_search = 77', $explain, 'COMMIT'), qr/ef_search: 77\b/, 'SET LOCAL is obeyed');
	like($value->($explain), qr/ef_search: $chosen\b.*Decision: learned/s, '... and gone with its transaction');
	$node->safe_psql('postgres', "ALTER DATABASE postgres SET ruvector.adaptive_search = off");
	$value->('SELECT pg_terminate_backend(pg_backend_pid())');
	like($value->($explain), qr/ef_search: $setting\b/, 'what is set for the database reaches the clients of a pool');
}
tried('searches of poolers and drivers', $asked, 'searches without what was learned' => $missed);
$node->stop;
done_testing();
