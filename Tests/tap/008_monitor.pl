# contrib/: the exporter's queries run and give what they declare, the dashboard asks for nothing else.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Ruvector;
use Test::More;

my $contrib = "$FindBin::RealBin/../contrib";

# The little of YAML that the file uses: anything else is an error.
my (%queries, $query, $column, $in_block);
for my $line (split /\n/, slurp_file("$contrib/postgres_exporter/queries.yaml"))
{
	if ($in_block && $line =~ /^ {4}(.*)$/) { $query->{sql} .= "$1\n"; next; }
	$in_block = 0;
	if ($line =~ /^(?:#.*)?$/) { next; }
	elsif ($line =~ /^(\w+):$/) { $query = $queries{$1} = { usage => {} }; }
	elsif ($line =~ /^  query: \|$/) { $in_block = 1; }
	elsif ($line =~ /^  (?:metrics:|master: true|cache_seconds: \d+)$/) { next; }
	elsif ($line =~ /^    - (\w+):$/) { $column = $1; ok(!exists $query->{usage}{$column}, "$column is declared once"); }
	elsif ($line =~ /^        usage: "(LABEL|GAUGE|COUNTER)"$/) { $query->{usage}{$column} = $1; }
	elsif ($line =~ /^        description: "[^"]+"$/) { next; }
	else { fail("cannot read: $line"); }
}
is(join(' ', sort keys %queries), 'ruvector_index ruvector_ring ruvector_worker', 'queries');

my $node = new_server('main');
learn_items($node);
search($node, 1, 60);
wait_for($node, 'postgres', "SELECT verdict IS NOT NULL AND labels > 0 FROM ruvector_stat_indexes");
$node->safe_psql('postgres', 'CREATE ROLE exporter LOGIN IN ROLE pg_monitor');
my (%metric, %label);
for my $name (sort keys %queries)
{
	my %usage = %{ $queries{$name}{usage} };
	my ($code, $out, $err) = $node->psql('postgres',
		"CREATE TEMP VIEW v AS $queries{$name}{sql}; SELECT attname, atttypid::regtype FROM pg_attribute WHERE attrelid = 'v'::regclass ORDER BY attnum;"
		  . " SELECT count(*) > 0 FROM v;", extra_params => [ '-U', 'exporter' ]);
	is($code, 0, "$name runs") or diag($err);
	my %type = map { split /\|/ } grep { /\|/ } split /\n/, $out;
	is(join(' ', sort keys %type), join(' ', sort keys %usage), "$name: columns are what is declared");
	like($out, qr/^t$/m, "$name: the exporter sees rows");
	for my $column (sort keys %usage)
	{
		if ($usage{$column} eq 'LABEL') { like($type{$column}, qr/^(name|text)$/, "label $column"); $label{$column} = 1; next; }
		like($type{$column}, qr/^(integer|bigint|double precision)$/, "$column is a number");
		$metric{"${name}_$column"} = $usage{$column};
		is($usage{$column}, $column =~ /_total$/ ? 'COUNTER' : 'GAUGE', "$column is named for what it is");
	}
}
is($node->safe_psql('postgres', 'SELECT searches, searches_recorded FROM ruvector_stat_indexes'), '60|60', 'all are counted');

my $dashboard = decode_json(slurp_file("$contrib/grafana/ruvector.json"));
my %asked;
my @expressions = map { my $panel = $_; map { $_->{expr} } @{ $panel->{targets} } } @{ $dashboard->{panels} };
cmp_ok(scalar @expressions, '>', 15, 'the dashboard asks');
for my $expression (@expressions, map { $_->{query} } grep { $_->{type} eq 'query' } @{ $dashboard->{templating}{list} })
{
	for my $name ($expression =~ /\b(ruvector_\w+)/g)
	{
		ok(exists $metric{$name}, "$name is exported");
		$asked{$name} = 1;
		next unless ($metric{$name} // '') eq 'COUNTER';
		like($expression, qr/(rate|increase)\(\Q$name\E/, "$name only counts up: its rate is shown");
	}
	ok($label{$_}, "label $_ is exported") for $expression =~ /(\w+)=~/g;
}
ok($label{$_}, "legend $_ is exported") for map { ($_->{legendFormat} // '') =~ /\{\{(\w+)\}\}/g } map { @{ $_->{targets} } } @{ $dashboard->{panels} };
for my $name (sort keys %metric) { ok($asked{$name}, "$name is shown"); }
my %ids = map { $_->{id} => 1 } @{ $dashboard->{panels} };
is(scalar keys %ids, scalar @{ $dashboard->{panels} }, 'panels have identifiers of their own');
$node->stop;
done_testing();
