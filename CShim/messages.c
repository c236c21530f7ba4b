/*
 * messages.c - every message that a user reads, in one place.
 *
 * Primary: lower case, no full stop.  Detail and hint: full sentences, the hint
 * says what to type.  Nothing here prints a vector, a row identifier or a
 * filter constant.
 */
#include "rv.h"

#include "catalog/pg_class.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

const char *
rv_parameter_name(int kind)
{
	return kind == RV_HNSW ? "ef_search" : "probes";
}

/* As stored in ruvector.trajectories.source. */
const char *
rv_source_name(int source)
{
	switch ((rv_source) source)
	{
		case RV_SOURCE_LEARNED:
			return "learned";
		case RV_SOURCE_USER_SET:
			return "user";
		case RV_SOURCE_PINNED:
			return "pinned";
		case RV_SOURCE_SWITCHED_OFF:
			return "switched off";
		case RV_SOURCE_OBSERVING:
			return "observing";
		case RV_SOURCE_FILTERED:
			return "filtered";
		case RV_SOURCE_UNKNOWN_K:
			return "no limit";
		case RV_SOURCE_UNCERTIFIED:
			return "uncertified";
	}
	return "unknown";
}

/* For EXPLAIN; NULL: nothing was decided. */
const char *
rv_decision_reason(const rv_search_plan *plan)
{
	if (plan == NULL)
		return "pgvector's setting: learning is off";
	switch ((rv_source) plan->source)
	{
		case RV_SOURCE_LEARNED:
			return plan->filtered ? "learned: in batches, until enough rows pass for the target"
				: plan->stop >= 0 ? "learned: in batches, until a rule certified for the target says stop"
				: "learned: smallest value certified for the target";
		case RV_SOURCE_USER_SET:
			return "pgvector's setting: set in this session";
		case RV_SOURCE_PINNED:
			return "pinned, in this session or for this index";
		case RV_SOURCE_SWITCHED_OFF:
			return "pgvector's setting: ruvector.adaptive_search is off";
		case RV_SOURCE_OBSERVING:
			return "pgvector's setting: the table is only observed, or the index reverted";
		case RV_SOURCE_FILTERED:
			return plan->filtered ? "filtered: in batches, until the LIMIT is reached"
				: "pgvector's setting: nothing is certified for filtered searches";
		case RV_SOURCE_UNKNOWN_K:
			return "pgvector's setting: no LIMIT is known before the search";
		case RV_SOURCE_UNCERTIFIED:
			return "pgvector's setting: nothing is certified for the target yet";
	}
	return "unknown";
}

/* As stored in ruvector.policies.state. */
const char *
rv_verdict_name(int state)
{
	switch ((rv_verdict_state) state)
	{
		case RV_VERDICT_COLLECTING:
			return "collecting";
		case RV_VERDICT_UNDECIDED:
			return "undecided";
		case RV_VERDICT_UNREACHABLE:
			return "unreachable";
		case RV_VERDICT_CERTIFIED:
			return "certified";
	}
	return "unknown";
}

/* What a user can do about a search. */
const char *
rv_recommendation_text(int recommendation)
{
	switch ((rv_recommendation) recommendation)
	{
		case RV_RAISE_PARAMETER:
			return "raise ef_search or probes, or let ruvector apply a certified value: recall is below the target";
		case RV_LOWER_PARAMETER:
			return "lower ef_search or probes: nothing was missed, and nearly all searches of this kind were quicker";
		case RV_WIDEN_FILTER:
			return "widen the filter, or index the rows that pass it by themselves: fewer rows came than were asked for";
		case RV_REMOVE_DUPLICATES:
			return "remove duplicates from the table: most rows repeat another";
		case RV_REVISE_EMBEDDING:
			return "look at the embedding model: even most of the exact neighbours are not relevant, no parameter mends that";
		case RV_MEASURE:
			return "nothing is known yet: wait for a label, or give feedback";
	}
	return "unknown";
}

/* A label of a filtered query: what was raised could quote the filter or other rows. */
void
rv_log_failed_label(int sqlstate)
{
	ereport(LOG,
			(errmsg("ruvector could not measure a filtered query: SQLSTATE %s", unpack_sql_state(sqlstate))));
}

void
rv_fail_swift(const rv_error *error)
{
	switch ((rv_error_code) error->code)
	{
		case RV_ERROR_EMPTY_VECTOR:
			ereport(ERROR,
					(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
					 errmsg("query vector must have at least one dimension"),
					 errhint("Pass a query vector of the same dimension as the indexed column.")));
			break;
		case RV_ERROR_DIMENSION:
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("expected %d dimensions, not %d", (int) error->a, (int) error->b),
					 errhint("Pass a query vector of the same dimension as the indexed column.")));
			break;
		case RV_ERROR_NOT_FINITE:
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("query vector has a value that is not finite at position %d", (int) error->a),
					 errhint("NaN and infinity have no distance to anything: leave such queries out.")));
			break;
		case RV_ERROR_RANGE:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument %d is out of range: %lld", (int) error->b, (long long) error->a)));
			break;
		case RV_ERROR_LABELS:
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("stored labels contradict each other"),
					 errhint("Forget them with ruvector_clear_learning and learn anew.")));
			break;
		case RV_ERROR_PATTERNS:
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("stored patterns contradict each other"),
					 errhint("Make them anew with ruvector_extract_patterns.")));
			break;
		case RV_ERROR_NONE:
			break;
	}
	elog(ERROR, "the learning core failed without a reason (code %d)", error->code);
}

void
rv_fail_not_preloaded(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("ruvector must be loaded via shared_preload_libraries to learn from queries"),
			 errhint("Add ruvector to shared_preload_libraries in postgresql.conf and restart the server.")));
}

void
rv_fail_null_argument(const char *argument)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("argument \"%s\" must not be null", argument),
			 errhint("Give it a value; arguments that have a default can also be left out.")));
}

void
rv_fail_dropped_relation(Oid relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("relation with OID %u does not exist", relid),
			 errhint("Name the table, for instance ruvector_enable_learning('public.items').")));
}

void
rv_fail_partitioned(Oid relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is a partitioned table", get_rel_name(relid)),
			 errdetail("A partitioned table holds no rows: each partition has an index, and thus recall, of its own."),
			 errhint("Learn on its partitions: SELECT ruvector_enable_learning(relid) FROM pg_partition_tree(%s) WHERE isleaf;",
					 quote_literal_cstr(rv_qualified_name(relid)))));
}

void
rv_fail_temporary(const char *relation)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot learn on temporary table \"%s\"", relation),
			 errdetail("The learning worker cannot see the temporary tables of other sessions."),
			 errhint("Use an unlogged table instead.")));
}

void
rv_fail_relation_kind(Oid relid, char relkind, char persistence)
{
	const char *what = relkind == RELKIND_VIEW ? "a view" :
		relkind == RELKIND_INDEX || relkind == RELKIND_PARTITIONED_INDEX ? "an index" :
		relkind == RELKIND_SEQUENCE ? "a sequence" :
		relkind == RELKIND_FOREIGN_TABLE ? "a foreign table" :
		relkind == RELKIND_COMPOSITE_TYPE ? "a composite type" : "not a table";

	if (relkind == RELKIND_PARTITIONED_TABLE)
		rv_fail_partitioned(relid);
	if (persistence == RELPERSISTENCE_TEMP)
		rv_fail_temporary(get_rel_name(relid));
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is %s", get_rel_name(relid), what),
			 errhint("Name the table or materialized view that has the hnsw or ivfflat index.")));
}

void
rv_fail_not_owner(const char *relation)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("must be owner of table %s", relation),
			 errhint("Learning changes how everybody's searches on the table run: ask its owner.")));
}

void
rv_fail_not_reader(const char *relation)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for table %s", relation),
			 errhint("This needs SELECT on the table.")));
}

void
rv_fail_no_pgvector(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("pgvector is not installed in this database"),
			 errhint("CREATE EXTENSION vector; (version 0.8 or newer).")));
}

void
rv_fail_no_vector_column(const char *relation)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("table \"%s\" has no vector column", relation),
			 errhint("Name the table that holds the embeddings.")));
}

void
rv_fail_no_vector_index(Oid relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("table \"%s\" has no hnsw or ivfflat index", get_rel_name(relid)),
			 errdetail("Without an index every search is exact: there is no recall to tune."),
			 errhint("Create one, for instance: CREATE INDEX ON %s USING hnsw (embedding vector_cosine_ops);", rv_qualified_name(relid))));
}

void
rv_fail_not_learned(Oid relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("learning is not enabled for table \"%s\"", get_rel_name(relid)),
			 errhint("SELECT ruvector_enable_learning(%s);", quote_literal_cstr(rv_qualified_name(relid)))));
}

void
rv_fail_not_learned_yet(const char *index)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the learning worker knows nothing of index \"%s\"", index),
			 errhint("If learning was enabled in this transaction, commit it first.")));
}

void
rv_fail_other_relation(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("another relation has the name of the table"),
			 errhint("Its schema is being renamed: try again.")));
}

void
rv_fail_worker_waits_for_us(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("the learning worker waits for a lock of this transaction"),
			 errhint("Commit before: what the worker measures for this call, it cannot measure while the table or its index is locked.")));
}

void
rv_fail_no_worker(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("no learning worker is running in this database"),
			 errhint("See the server's log for why it could not start.")));
}

void
rv_fail_old_snapshot(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot see what the learning worker measures in a repeatable read or serializable transaction"),
			 errhint("Call it in a read committed transaction.")));
}

void
rv_fail_too_many_jobs(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("too many long calls are running"),
			 errdetail("There is room for %d on one server.", RV_JOBS_MAX),
			 errhint("Wait for one of those in ruvector.progress to end.")));
}

void
rv_fail_option_range(const char *option, const char *given, const char *range)
{
	/* what a caller gave is quoted, but not megabytes of it */
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"%s\": %s", option, pnstrdup(given, pg_mbcliplen(given, strlen(given), 200))),
			 errhint("Give %s.", range)));
}

void
rv_fail_array(const char *argument, const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
			 errmsg("argument \"%s\" must be %s", argument, expected),
			 errhint("Pass a plain array; arguments that have a default can also be left out.")));
}

void
rv_fail_row_counts(int ids, int distances)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%d result identifiers but %d distances", ids, distances),
			 errhint("Give one distance for each identifier, in the same order, or leave distances out.")));
}

void
rv_fail_no_dimension_match(const char *relation, int given)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("no learned index of table \"%s\" has %d dimensions", relation, given),
			 errhint("Pass a query vector of the same dimension as the indexed column.")));
}

/* ---- benchmarks ------------------------------------------------------------------------ */

void
rv_fail_not_measurer(const char *relation)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("must be owner of table %s", relation),
			 errhint("Its searches run with the owner's rights, on other people's queries: ask its owner.")));
}

void
rv_fail_not_vector_index(const char *index)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is not an hnsw or ivfflat index", index),
			 errhint("Name an hnsw or ivfflat index.")));
}

void
rv_fail_not_measured(const char *index, const char *problem)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot measure index \"%s\": %s", index ? index : "?", problem),
			 errhint("Name another index of the table, or mend what is said here.")));
}

void
rv_fail_no_queries(const char *relation, bool truth)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("no query on table \"%s\" is known", relation),
			 errhint("Let unfiltered searches run while the table learns, or record some with ruvector_record_trajectory%s.",
					 truth ? ", or give a ground_truth_table" : "")));
}

#define TRUTH_HINT "Give it columns query (vector, halfvec or real[]) and neighbors " \
	"(bigint[], uuid[] or text[]: primary keys of the exact neighbours, nearest first)."

void
rv_fail_ground_truth_kind(const char *relation)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is not a table or view", relation),
			 errhint(TRUTH_HINT)));
}

void
rv_fail_ground_truth_column(const char *relation, const char *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("ground truth \"%s\" has no column \"%s\"", relation, column),
			 errhint(TRUTH_HINT)));
}

void
rv_fail_ground_truth_type(const char *relation, const char *column, const char *type)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" of ground truth \"%s\" has type %s", column, relation, type),
			 errhint(TRUTH_HINT)));
}

void
rv_fail_ground_truth_empty(const char *relation)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("ground truth \"%s\" is empty", relation),
			 errhint("Fill it, or leave ground_truth_table out: recorded searches are compared with exact ones.")));
}

void
rv_fail_ground_truth_query(const char *relation)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("ground truth \"%s\" has a query that is null, has nulls or has several dimensions", relation),
			 errhint("Every row needs a query vector.")));
}

void
rv_fail_ground_truth_rows(const char *relation, int named, int k)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a query of ground truth \"%s\" has only %d different neighbors among the first %d", relation, named, k),
			 errhint("Name at least k neighbors for each query, each once, or choose a smaller k.")));
}

void
rv_fail_ground_truth_ambiguous(const char *relation, int indexes)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("table \"%s\" has %d vector indexes, and a ground truth is that of one", relation, indexes),
			 errhint("Name the index instead of the table.")));
}

void
rv_fail_no_identifiers(const char *relation)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("rows of table \"%s\" have no simple identifier", relation),
			 errdetail("A ground truth names rows by a primary key of one column of type smallint, integer, bigint, uuid, text or varchar."),
			 errhint("Leave ground_truth_table out: recorded searches are compared with exact ones by distance.")));
}

void
rv_fail_not_resetter(const char *relation)
{
	if (relation != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of table %s", relation),
				 errhint("Its counters are its owner's to reset.")));
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("must be superuser to reset all counters"),
			 errhint("Name an index of a table that you own.")));
}

void
rv_fail_not_published(const char *index)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("nothing is counted of index \"%s\"", index),
			 errhint("Name an index of a table that learns (ruvector_enable_learning); the worker publishes it soon after.")));
}
