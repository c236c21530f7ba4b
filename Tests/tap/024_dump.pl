# pg_dump saves what cannot be learned again soon, and a restore binds it to the new tables, indexes and roles.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Utils;
use Ruvector;
use Test::More;

my $node = new_server('main', "ruvector.pattern_consolidation_interval = 1s\n");
learn_items($node);
search($node, 1, 300);
wait_for($node, 'postgres', "SELECT state LIKE 'applying%' FROM ruvector_learning_stats('items')");
# a renamed table and index, one that is left out of a dump, one that exists no more when it is restored
$node->safe_psql('postgres', q{
SET client_min_messages = warning;
CREATE ROLE keeper; CREATE ROLE leaver;
CREATE SCHEMA "Odd one";
ALTER TABLE items SET SCHEMA "Odd one";
ALTER TABLE "Odd one".items RENAME TO "My items";
ALTER INDEX "Odd one".items_embedding RENAME TO "My index";
CREATE TABLE left_out (id int PRIMARY KEY, embedding vector(3));
CREATE INDEX ON left_out USING ivfflat (embedding vector_l2_ops) WITH (lists = 1);
SELECT ruvector_enable_learning('left_out', mode := 'observe', trajectory_window := 77);
SET ROLE keeper;
SELECT ruvector_create_bank('kept', 3, '{"effort": {"type": "integer", "min": 1, "max": 9}}');
SELECT count(ruvector_record_outcome('kept', ARRAY[sin(g), cos(g), 1]::real[], jsonb_build_object('effort', 1 + g % 9),
  recall := (1 + g % 9) / 9.0, cost := 1 + g % 9)) FROM generate_series(1, 300) g;
SET ROLE leaver;
SELECT ruvector_create_bank('orphaned', 3, '{"effort": {"type": "integer", "min": 1, "max": 9}}');
RESET ROLE;
CREATE TABLE pinned (id int PRIMARY KEY, embedding vector(3));
CREATE INDEX pinned_index ON pinned USING hnsw (embedding vector_l2_ops);
SELECT ruvector_enable_learning('pinned', mode := 'observe');
SELECT ruvector_pin('pinned_index', 77);
ALTER TABLE pinned RENAME TO "Pinned";
SELECT ruvector_revert('"Odd one"."My index"'), ruvector_revert('"Odd one"."My index"', false);
});
wait_for($node, 'postgres', q{SELECT count(*) = 3 FROM ruvector.learned_tables
  WHERE table_name IN ('"Odd one"."My items"', 'public.left_out', 'public."Pinned"')});
wait_for($node, 'postgres', q{SELECT count(*) > 0 AND bool_and(index_name = 'My index') FROM ruvector.policy_history WHERE k_class <> 0});
wait_for($node, 'postgres', q{SELECT count(*) = 1 FROM ruvector.index_options WHERE table_name = 'public."Pinned"'});
wait_for($node, 'postgres', 'SELECT count(*) > 0 FROM ruvector.patterns p JOIN ruvector.banks USING (bank_id) WHERE name IS NOT NULL');
settle($node);
$node->append_conf('postgresql.conf', "ruvector.pattern_consolidation_interval = 1h\n");
$node->reload;

# what is to be the same afterwards
my $same = q{SELECT jsonb_pretty(jsonb_build_object(
  'bank', (SELECT to_jsonb(b) - '{owner_id}'::text[] FROM ruvector.banks b WHERE name = 'kept'),
  'outcomes', (SELECT jsonb_agg(to_jsonb(o) - 'role_id' ORDER BY outcome_number) FROM ruvector.outcomes o),
  'patterns', (SELECT jsonb_agg(p ORDER BY pattern_id) FROM ruvector.patterns p
     WHERE bank_id = (SELECT bank_id FROM ruvector.banks WHERE name = 'kept')),
  'options', (SELECT jsonb_agg(to_jsonb(o) - '{relid,indexid}'::text[] ORDER BY table_name) FROM ruvector.index_options o),
  'tables', (SELECT jsonb_agg(to_jsonb(l) - '{relid}'::text[] ORDER BY table_name) FROM ruvector.learned_tables l WHERE table_name <> 'public.left_out'),
  'history', (SELECT jsonb_agg(to_jsonb(h) - '{relid,indexid}'::text[] ORDER BY event_number) FROM ruvector.policy_history h WHERE event <> 'restored')))};
my $suggested = "SELECT * FROM ruvector_get_optimized_params('kept', ARRAY[0, 1, 1]::real[])";
my $suggestion = $node->safe_psql('postgres', $suggested);
my $before = $node->safe_psql('postgres', $same);
like($before, qr/"event": "put in force"/, 'there is a history');
like($suggestion, qr/"effort": \d/, 'there is a bank that suggests');
my $value = $node->safe_psql('postgres', 'SELECT value_after FROM ruvector.policy_history WHERE k_class <> 0 ORDER BY event_number DESC LIMIT 1');
my $dump = $node->basedir . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '--exclude-table=left_out', 'postgres' ], 'pg_dump');

# Parallel jobs do not know what refers to what: ruvector's rows come in any order, here in the wrong one.
my ($list) = run_command([ 'pg_restore', '-l', $dump ]);
my @lines = split(/\n/, $list);
my @ours = grep { $lines[$_] =~ /TABLE DATA ruvector / } 0 .. $#lines;
cmp_ok(scalar @ours, '==', 6, 'six tables of ours are in it');
@lines[@ours] = reverse @lines[@ours];
append_to_file("$dump.backwards", join("\n", @lines, ''));
my $patterns = $node->safe_psql('postgres', q{SELECT ruvector_export_patterns('"Odd one"."My items"')});

# in another cluster, where OIDs are others, and in another database of the same
my $other = new_server('other', "max_connections = 20\n");
$other->safe_psql('postgres', 'CREATE ROLE first; CREATE ROLE keeper; CREATE TABLE other_oids (a int)');
my @where = ([ $other, 'restored', ['--single-transaction'] ], [ $node, 'beside', ['--exit-on-error'] ],
	[ $other, 'parallel', [ '--exit-on-error', '--jobs=4' ] ], [ $other, 'backwards', [ '--exit-on-error', '-L', "$dump.backwards" ] ]);
my $incomplete = 0;
for (@where)
{
	my ($server, $db, $way) = @$_;
	$server->safe_psql('postgres', "CREATE DATABASE $db TEMPLATE template0");
	$server->command_ok([ 'pg_restore', @$way, '-d', $db, $dump ], "pg_restore @$way");
	wait_for($server, $db, q{SELECT count(*) > 0 AND NOT EXISTS (SELECT FROM ruvector.restored) FROM ruvector.policy_history WHERE event = 'restored'});
	wait_for($server, $db, q{SELECT state = 'pinned at 77' FROM ruvector_learning_stats('"Pinned"')});
	wait_for($server, $db, q{SELECT recorded IS NOT NULL FROM ruvector.index_counters('"Odd one"."My index"'::regclass)});
	$incomplete += $server->safe_psql($db, $same) ne $before;
	ok($server->safe_psql($db, $same) eq $before, '... brings back banks, options and history')
	  or diag($server->safe_psql($db, $same) . $before);
	is($server->safe_psql($db, $suggested), $suggestion, '... which suggest what they did');
	is($server->safe_psql($db, q{SELECT DISTINCT relid::regclass, indexid::regclass FROM ruvector.policy_history ORDER BY 1}),
		qq{"Odd one"."My items"|"Odd one"."My index"\n"Pinned"|pinned_index}, '... bound to the new table and index');
	is($server->safe_psql($db, q{SELECT event, value_before FROM ruvector.policy_history ORDER BY event_number DESC LIMIT 1}),
		"restored|$value", '... and says what was in force');
	is($server->safe_psql($db, 'SELECT (SELECT count(*) FROM ruvector.policies WHERE judged_labels > 0), (SELECT count(*) FROM ruvector.trajectories)'),
		'0|0', '... but neither verdicts nor queries');
	is($server->safe_psql($db, 'SELECT count(*) FROM ruvector.learned_tables'), 2, '... nor a table that was left out');
	is($server->safe_psql($db, "SELECT owner_id::regrole FROM ruvector.banks ORDER BY name"),
		$server == $node ? "keeper\nleaver" : "keeper\n" . getpwuid($<), '... banks have their owners, or who restored them');
	$server->safe_psql($db, q{SELECT ruvector_create_bank('new', 3, '{"effort": {"type": "integer", "min": 1, "max": 9}}')});
	is($server->safe_psql($db, 'SELECT count(DISTINCT bank_id) FROM ruvector.banks'), 3, '... and new ones do not collide with them');
}

tried('pg_restore: in one transaction, into the same cluster, with 4 jobs, in the wrong order', scalar @where, 'restores with something missing' => $incomplete);

# learning begins anew
my $vectors = $other->safe_psql('restored', 'SELECT public.noise(-i) FROM generate_series(1, 60) i');
$other->safe_psql('restored', "SET search_path = public, \"Odd one\";\n"
	. join('', map { "SELECT id FROM \"My items\" ORDER BY embedding <-> '$_' LIMIT 10;\n" } split(/\n/, $vectors)));
wait_for($other, 'restored', q{SELECT labels >= 60 FROM ruvector_learning_stats('"Odd one"."My items"')});
pass('learning goes on');
# patterns of a table go with its index; whoever wants them takes them along
wait_for($other, 'restored', q{SELECT count(*) > 0 FROM ruvector.policies WHERE k_class = 16});
cmp_ok($other->safe_psql('restored', qq{SELECT ruvector_import_patterns('"Odd one"."My items"', \$\$$patterns\$\$)}), '>', 0, 'its patterns can be brought along');
for my $server ($node, $other)
{
	my @errors = grep { /ERROR|WARNING/ } split(/\n/, slurp_file($server->logfile));
	is(join("\n", @errors), '', 'nothing in the log');
	$server->stop;
}

# where OIDs and files stay as they are, nothing was rebuilt, and all is kept: a copy, and pg_upgrade
my $stats = q{SELECT labels, chosen, recall_bound FROM ruvector_learning_stats('"Odd one"."My items"')};
$node->append_conf('postgresql.conf', "ruvector.label_budget = 0\n");
$node->start;
my $known = $node->safe_psql('postgres', $stats);
$node->safe_psql('template1', 'CREATE DATABASE copy TEMPLATE postgres');
$node->stop;
my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
configure($new, "ruvector.label_budget = 0\n");
my ($bindir) = run_command([ 'pg_config', '--bindir' ]);
chdir($new->basedir);			# for what it writes
$new->command_ok([ 'pg_upgrade', '-b', $bindir, '-B', $bindir, '-d', $node->data_dir, '-D', $new->data_dir,
	'-p', $node->port, '-P', $new->port, '-s', $new->host, '-U', scalar getpwuid($<) ], 'pg_upgrade');
$new->start;
my $forgotten = 0;
for my $db ('postgres', 'copy')
{
	wait_for($new, $db, q{SELECT recorded IS NOT NULL FROM ruvector.index_counters('"Odd one"."My index"'::regclass)});
	my $kept = $new->safe_psql($db, $stats);
	is($kept, $known, 'what is known where OIDs and files stayed is kept');
	$forgotten += (split(/\|/, $known))[0] - (split(/\|/, $kept))[0];
}
tried('pg_upgrade, of a database and of a copy', 2, labels => $forgotten);
$new->stop;
done_testing();
