# The sessions of docs/reasoningbank.md, as they are on the page.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Ruvector;
use PostgreSQL::Test::Utils;
use Test::More;

my $page = slurp_file("$FindBin::RealBin/../docs/reasoningbank.md");
# A comment `wait: CONDITION` before a block holds it back.
my @blocks;
while ($page =~ /(?:<!-- wait: (.*?) -->\n)?```sql\n(.*?)```/gs)
{
	push @blocks, { wait => $1, sql => $2 };
}
cmp_ok(scalar @blocks, '>', 10, 'the page has blocks');

my $script = '';
for my $n (0 .. $#blocks)
{
	my $wait = $blocks[$n]{wait};
	$script .= "SELECT pg_temp.wait_until(\$wait\$($wait)\$wait\$);\n" if defined $wait;
	$script .= "\\echo block $n begins\n$blocks[$n]{sql}";
}
my $node = new_server('main');
my ($code, $out, $err) = $node->psql('postgres', q{
CREATE FUNCTION pg_temp.wait_until(condition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE ok bool;
BEGIN
  FOR i IN 1..1200 LOOP
    EXECUTE 'SELECT ' || condition INTO ok;
    IF ok THEN RETURN 'waited'; END IF;
    PERFORM pg_sleep(0.1);
  END LOOP;
  RAISE 'gave up waiting for %', condition;
END $$;
} . $script);
is($code, 0, 'every block runs') or diag("$err\nafter: " . substr($out, -400));
my $begun = () = $out =~ /^block \d+ begins$/mg;
is($begun, scalar @blocks, 'all of them');
tried('blocks of docs/reasoningbank.md', scalar @blocks, blocks => @blocks - $begun + ($code != 0));

sub answer
{
	my ($what) = @_;
	my ($n) = grep { $blocks[$_]{sql} =~ /\Q$what\E/ } 0 .. $#blocks;
	die "no block has $what" unless defined $n;
	return $out =~ /^block $n begins\n(.*?)(?=^block |\z)/ms ? $1 : '';
}

like(answer('score, recall_signal'), qr/^[tf]\|0(\.\d+)?\|0\.\d+\|(1|0\.\d+)\|[\d.]+\|[\d.e-]+\|$/m, 'three signals are known, feedback is not');
like(answer('ruvector_record_feedback'), qr/^1\|1\|\{424242\}$/m, 'all that was judged and returned is relevant');
like(answer('ruvector_record_feedback'), qr/^0\.9$/m, 'mean of precision and rating');
my @patterns = answer('num_clusters := 2') =~ /^16\|\d+\|0\|\|(\d+)\|/mg;
is(scalar @patterns, 2, 'two kinds');
is($patterns[0] + $patterns[1], 61, 'of all searches');
like(answer('num_clusters := 2'), qr/^16\|\d+\|1\|\{\d+,\d+\}\|61\|/m, 'and one pattern above them');
is(() = answer('ruvector_pattern_verdicts') =~ /^\d+\|\{"ef_search": \d+\}\|/mg, 2, 'a verdict for each kind');
like(answer('ruvector_get_search_params'), qr/^notes_embedding\|16\|ef_search\|\d+\|patterns\|/m, 'patterns advise');
like(answer('ruvector_analyze_trajectories'), qr/^k class\|16\|30\|1\|/m, 'all searches are of one class');
like(answer('ruvector_import_patterns'), qr/^0\|1\n1\n1$/m, 'pruned, imported, merged');
like(answer("ruvector_extract_patterns('prompts')"), qr/"tier": "small".*^patterns alone: too few/ms, 'patterns alone');
like(answer('ruvector.tend_bank'), qr/^small\|0\.\d+\|router.*^large\|0\.\d+\|router/ms, 'the router has learned the rule');
like(answer('pg_column_size'), qr/^notes_embedding\|16\|3\|1\|/m, 'what banks hold');
$node->stop;
done_testing();
