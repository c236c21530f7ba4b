/*
 * learn.c - the worker's loop: what is to be learned, what is published, and
 * which action comes next.
 *
 * That is decided by Swift (rv_schedule_next), on facts gathered here.  Every
 * action is one transaction, or a few short ones; an error ends the action, is
 * logged and leaves the loop running.  What was learned lives in our tables: they
 * are the truth, shared memory only repeats them.  On a standby nothing else is done.
 *
 * Locks: those of ordinary statements on our own tables.  A row that a user's open
 * transaction holds is passed over and looked at another time: it may hold up its
 * own index, but nobody else's.
 */
#include "rv.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/pmsignal.h"
#include "storage/sinval.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* What the last synchronisation found; arrays live in sync_memory. */
static MemoryContext sync_memory = NULL;
static RvLearnedIndex *indexes;
static int	index_count;
static RvLearnedClass *classes;
static rv_class_facts *class_facts;
static int	class_count;

/* ---- transactions ------------------------------------------------------------------ */

static bool installed = true;

/* False, and no transaction: the extension is gone. */
bool
rv_learn_begin(const char *activity)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	installed = rv_extension_lock();
	if (!installed)
	{
		CommitTransactionCommand();
		return false;
	}
	PushActiveSnapshot(GetTransactionSnapshot());
	pgstat_report_activity(STATE_RUNNING, activity);
	return true;
}

void
rv_learn_end(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* ---- synchronise: tables -> shared memory -------------------------------------------- */

static int
mode_from_text(Datum datum)
{
	char	   *mode = TextDatumGetCString(datum);

	return strcmp(mode, "apply") == 0 ? RV_MODE_APPLY : strcmp(mode, "observe") == 0 ? RV_MODE_OBSERVE : RV_MODE_OFF;
}

/* An index that was rebuilt is another index: its evidence no longer counts. */
static void
drop_stale_evidence(void)
{
	/* tables dropped while our event trigger could not see it */
	rv_sql("DELETE FROM ruvector.learned_tables l WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = l.relid)",
		   SPI_OK_DELETE, 0, NULL, NULL, NULL);
	rv_sql("WITH gone AS (DELETE FROM ruvector.policies p WHERE (p.indexid, p.k_class) IN"
		   "  (SELECT o.indexid, o.k_class FROM ruvector.policies o"
		   "   WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = o.indexid) FOR UPDATE SKIP LOCKED)"
		   " RETURNING relid, indexid, k_class, value)"
		   " INSERT INTO ruvector.policy_history (relid, indexid, k_class, event, value_before, reason)"
		   " SELECT relid, indexid, k_class, 'evidence dropped', value, 'the index was dropped' FROM gone",
		   SPI_OK_INSERT, 0, NULL, NULL, NULL);
	rv_sql("UPDATE ruvector.trajectories SET label_state = 'skipped', label_note = 'the index is gone' WHERE query_id IN"
		   " (SELECT t.query_id FROM ruvector.trajectories t"
		   "  WHERE t.label_state = 'pending' AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = t.indexid)"
		   "  FOR NO KEY UPDATE SKIP LOCKED)",
		   SPI_OK_UPDATE, 0, NULL, NULL, NULL);
	rv_sql("WITH rebuilt AS (DELETE FROM ruvector.policies p WHERE (p.indexid, p.k_class) IN"
		   "  (SELECT o.indexid, o.k_class FROM ruvector.policies o JOIN ruvector.learned_indexes x USING (indexid)"
		   "   WHERE o.filenode IS DISTINCT FROM x.filenode FOR UPDATE OF o SKIP LOCKED)"
		   " RETURNING p.relid, p.indexid, p.k_class, p.value, p.filenode)"
		   " INSERT INTO ruvector.policy_history (relid, indexid, k_class, event, value_before, reason)"
		   " SELECT relid, indexid, k_class, 'evidence dropped', value, 'the index was rebuilt' FROM rebuilt"
		   " WHERE filenode IS NOT NULL",
		   SPI_OK_INSERT, 0, NULL, NULL, NULL);
	/* a table that is being dropped must not come back with a new class of k */
	rv_sql("WITH class AS (SELECT DISTINCT x.indexid, t.k_class, x.relid, x.filenode"
		   "  FROM ruvector.learned_indexes x JOIN ruvector.trajectories t USING (indexid)"
		   "  LEFT JOIN ruvector.policies p ON p.indexid = x.indexid AND p.k_class = t.k_class"
		   "  WHERE t.label_state = 'pending' AND p.indexid IS NULL),"
		   " kept AS (SELECT relid FROM ruvector.learned_tables WHERE relid IN (SELECT relid FROM class) FOR KEY SHARE SKIP LOCKED)"
		   " INSERT INTO ruvector.policies (indexid, k_class, relid, filenode, evidence_from)"
		   " SELECT indexid, k_class, relid, filenode, (SELECT coalesce(max(label_number), 0) + 1 FROM ruvector.labels)"
		   " FROM class JOIN kept USING (relid)"
		   " ON CONFLICT DO NOTHING",
		   SPI_OK_INSERT, 0, NULL, NULL, NULL);
}

/* Own rows stand in for queries until there are enough of these. */
static void
drop_own_rows(void)
{
	rv_sql("UPDATE ruvector.policies SET own_rows = false, judged_labels = NULL WHERE (indexid, k_class) IN"
		   " (SELECT p.indexid, p.k_class FROM ruvector.policies p JOIN ruvector.learned_tables l USING (relid)"
		   "  WHERE p.own_rows AND l.min_samples <="
		   "   (SELECT count(*) FROM ruvector.evidence b WHERE (b.indexid, b.k_class) = (p.indexid, p.k_class) AND NOT b.own_row)"
		   "  FOR NO KEY UPDATE OF p SKIP LOCKED)",
		   SPI_OK_UPDATE, 0, NULL, NULL, NULL);
}

/*
 * A verdict for another target than the present one is due again.  The evidence
 * stays; what has been watched was about the old target.
 */
static void
drop_stale_verdicts(void)
{
	Oid			types[] = {FLOAT8OID, FLOAT8OID};
	Datum		values[] = {Float8GetDatum(rv_target_recall), Float8GetDatum(rv_target_tail)};

	rv_sql("WITH other AS (UPDATE ruvector.policies p SET state = 'undecided', judged_labels = NULL, value = NULL, lambda = NULL,"
		   "   applied_from = NULL, watch = NULL, watched_to = NULL, watch_recall = NULL, watch_labels = NULL"
		   "  FROM (SELECT o.indexid, o.k_class, o.value, coalesce(l.target_recall, $1) AS target"
		   "   FROM ruvector.policies o JOIN ruvector.learned_tables l USING (relid)"
		   "   WHERE o.judged_labels IS NOT NULL"
		   "   AND (o.target, o.target_tail) IS DISTINCT FROM (coalesce(l.target_recall, $1), nullif($2, 0))"
		   "   FOR NO KEY UPDATE OF o SKIP LOCKED) old"
		   "  WHERE (p.indexid, p.k_class) = (old.indexid, old.k_class)"
		   "  RETURNING p.relid, p.indexid, p.k_class, old.value, old.target)"
		   " INSERT INTO ruvector.policy_history (relid, indexid, k_class, event, value_before, target, reason)"
		   " SELECT relid, indexid, k_class, 'target changed', value, target,"
		   "  format('the target is %s now', target) ||"
		   "  CASE WHEN $2 > 0 THEN format(', and %s of the searches with 0.9', $2) ELSE '' END"
		   " FROM other",
		   SPI_OK_INSERT, 2, types, values, NULL);
}

static void
read_indexes(void)
{
	uint64		rows = rv_sql("SELECT relid, indexid, mode, min_samples, target_recall, type_id, learnable, pin"
							  " FROM ruvector.learned_indexes ORDER BY indexid",
							  SPI_OK_SELECT, 0, NULL, NULL, NULL);

	indexes = MemoryContextAllocZero(sync_memory, sizeof(RvLearnedIndex) * Max(rows, 1));
	index_count = 0;
	for (uint64 row = 0; row < rows; row++)
	{
		RvLearnedIndex *index = &indexes[index_count];
		bool		isnull;
		Datum		target;

		index->entry.database = MyDatabaseId;
		index->entry.relation = rv_column_oid(row, 1);
		index->entry.index = rv_column_oid(row, 2);
		index->entry.kind = rv_pgvector_index_kind(index->entry.index);
		index->entry.mode = mode_from_text(rv_sql_value(row, 3, &isnull));
		index->entry.min_samples = rv_column_int(row, 4, 0);
		target = rv_sql_value(row, 5, &isnull);
		index->entry.target = isnull ? get_float8_nan() : DatumGetFloat8(target);
		index->type = rv_column_oid(row, 6);
		index->learnable = DatumGetBool(rv_sql_value(row, 7, &isnull));
		index->entry.pin = rv_column_int(row, 8, 0);
		if (index->entry.kind >= 0 && index->entry.mode != RV_MODE_OFF)
			index_count++;
	}
}

static RvLearnedIndex *
find_index(Oid oid)
{
	for (int i = 0; i < index_count; i++)
		if (indexes[i].entry.index == oid)
			return &indexes[i];
	return NULL;
}

/* Images of banks: their bytes are read only where they are not published yet. */
static int
add_bank_images(RvImage **images, int count)
{
	int			banks = (int) rv_sql("SELECT bank_id, image_checksum FROM ruvector.banks WHERE image_checksum IS NOT NULL",
									 SPI_OK_SELECT, 0, NULL, NULL, NULL);
	SPITupleTable *table = SPI_tuptable;

	*images = repalloc(*images, sizeof(RvImage) * Max(count + banks, 1));
	for (int i = 0; i < banks; i++)
	{
		RvImage    *image = &(*images)[count + i];
		bool		isnull;

		SPI_tuptable = table;
		*image = (RvImage) {
			.key = RV_BANK_KEY(rv_column_int(i, 1, 0)),
			.checksum = (uint64) DatumGetInt64(rv_sql_value(i, 2, &isnull)),
		};
		if (!rv_image_is_published(&image->key, image->checksum) &&
			rv_sql("SELECT image FROM ruvector.banks WHERE bank_id = $1", SPI_OK_SELECT, 1, (Oid[]) {INT4OID},
				   (Datum[]) {Int32GetDatum((int32) image->key.index)}, NULL) == 1)
		{
			bytea	   *bytes = DatumGetByteaP(rv_sql_value(0, 1, &isnull));

			image->data = VARDATA(bytes);
			image->bytes = VARSIZE(bytes) - VARHDRSZ;
		}
	}
	return banks;
}

/*
 * The bounds of every value are published, not just the chosen one: a session may
 * have a target of its own.  Of many classes of k, those with most labels.
 */
static void
read_policies(void)
{
	uint64		rows = rv_sql("SELECT indexid, " RV_POLICY_COLUMNS
							  " FROM ruvector.policies WHERE state IN ('certified', 'renewing', 'undecided', 'unreachable')"
							  " ORDER BY indexid, judged_labels DESC NULLS LAST",
							  SPI_OK_SELECT, 0, NULL, NULL, NULL);
	RvImage    *images = palloc(sizeof(RvImage) * Max(rows, 1));
	int			count = 0;

	for (uint64 row = 0; row < rows; row++)
	{
		RvLearnedIndex *index = find_index(rv_column_oid(row, 1));

		if (index != NULL && index->entry.classes < RV_CLASSES_MAX)
		{
			rv_policy  *policy = &index->entry.policy[index->entry.classes];
			rv_regions	regions;

			if (!rv_policy_read(row, 2, policy, &regions))
				continue;
			index->entry.classes++;
			if (policy->stop.regions != 0)
				images[count++] = (RvImage) {{index->entry.index, policy->k_class}, policy->stop.regions, regions.bytes, regions.image};
		}
	}
	count += add_bank_images(&images, count);
	/* before the policies that name them */
	rv_image_publish(images, count);
}

static void
read_classes(void)
{
	uint64		rows = rv_sql("SELECT indexid, k_class, candidates, labels, judged_labels, min_samples, setting, own_rows, measured, certified"
							  " FROM ruvector.learning_classes ORDER BY indexid, k_class",
							  SPI_OK_SELECT, 0, NULL, NULL, NULL);

	classes = MemoryContextAllocZero(sync_memory, sizeof(RvLearnedClass) * Max(rows, 1));
	class_facts = MemoryContextAllocZero(sync_memory, sizeof(rv_class_facts) * Max(rows, 1));
	class_count = 0;
	for (uint64 row = 0; row < rows; row++)
	{
		const void *certified;
		int			count = rv_column_array(row, 10, &certified);

		if (find_index(rv_column_oid(row, 1)) == NULL)
			continue;
		classes[class_count] = (RvLearnedClass) {
			.index = rv_column_oid(row, 1),
			.k_class = rv_column_int(row, 2, 0),
			.setting = rv_column_int(row, 7, 0),
			.own_rows = rv_column_int(row, 8, 0),
			.measured = rv_column_int(row, 9, 0),
			.certified_count = count,
			.certified = MemoryContextAlloc(sync_memory, sizeof(int32) * Max(count, 1)),
		};
		if (count > 0)
			memcpy(classes[class_count].certified, certified, sizeof(int32) * count);
		class_facts[class_count++] = (rv_class_facts) {
			.candidates = rv_column_int(row, 3, 0),
			.labels = rv_column_int(row, 4, 0),
			.judged = rv_column_int(row, 5, -1),
			.min_samples = rv_column_int(row, 6, 1),
		};
	}
}

/* At once, and of this server alone: what is published is in its memory, and a standby can write no WAL. */
static void
invalidate_plans(Oid relation)
{
	SharedInvalidationMessage message = {.rc = {.id = SHAREDINVALRELCACHE_ID, .dbId = MyDatabaseId, .relId = relation}};

	SendSharedInvalidMessages(&message, 1);
}

/*
 * Entries first, invalidation after: a cached plan that is made anew must find
 * the index published (or not published) already, and what speaks for it.
 */
static void
publish(void)
{
	RvIndexEntry *entries = palloc(sizeof(RvIndexEntry) * Max(index_count, 1));
	Oid		   *changed = palloc(sizeof(Oid) * Max(index_count, 1));
	int			changes = 0;

	for (int i = 0; i < index_count; i++)
		entries[i] = indexes[i].entry;
	for (int i = 0; i < index_count; i++)
		if (rv_registry_find(entries[i].index) == NULL || rv_choice_changes(entries, index_count, entries[i].relation))
			changed[changes++] = entries[i].relation;
	if (!rv_registry_publish(entries, index_count))
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("ruvector learns on at most %d indexes of one server", RV_INDEXES_MAX),
				 errdetail("Some indexes of this database are left to pgvector's settings.")));
	for (int i = 0; i < changes; i++)
		invalidate_plans(changed[i]);
}

/* ---- labels that somebody is waiting for ------------------------------------------------------ */

static int
find_class(Oid index, int k_class)
{
	for (int i = 0; i < class_count; i++)
		if (classes[i].index == index && classes[i].k_class == k_class)
			return i;
	return -1;
}

/*
 * After a synchronisation, for jobs that were there before it, so that it has seen
 * whatever they rely on: where queries are too few, rows of the table are taken as
 * queries.  True: some were.
 */
static bool
begin_jobs(const RvJob *jobs, int count)
{
	bool		added = false;

	for (int i = 0; i < count; i++)
	{
		const RvJob *job = &jobs[i];
		const RvLearnedIndex *index = find_index(job->relation);
		int			at = find_class(job->relation, job->k_class);
		int64		missing = job->total;

		if (job->state != RV_JOB_WAITS)
			continue;
		if (index == NULL || !index->learnable)
		{
			rv_job_answer(job, RV_JOB_REFUSED, 0);
			continue;
		}
		if (at >= 0)
			missing -= classes[at].measured + class_facts[at].candidates + classes[at].own_rows;
		/* first: rows that cannot be read must not hold him up for ever */
		rv_job_answer(job, RV_JOB_STARTED, 0);
		if (missing > 0)
		{
			int			rows = rv_evidence_add_own_rows(index, job->k, job->k_class, (int) missing);

			if (rows < 0)
				rv_job_answer(job, RV_JOB_WAITS, 0);
			added |= rows > 0;
		}
	}
	return added;
}

/* Before each step: what is urgent, and who has got what he can get. */
static void
serve_jobs(void)
{
	RvJob		jobs[RV_JOBS_MAX];
	int			count = rv_jobs_copy(jobs);

	for (int i = 0; i < class_count; i++)
		class_facts[i].urgent = 0;
	for (int i = 0; i < count; i++)
	{
		int			at = find_class(jobs[i].relation, jobs[i].k_class);
		int64		missing = at < 0 ? 0 : jobs[i].total - classes[at].measured;
		int64		there = at < 0 ? 0 : class_facts[at].candidates + classes[at].own_rows;

		if (jobs[i].state != RV_JOB_STARTED || (at >= 0 && classes[at].held))
			continue;
		if (Min(missing, there) > 0)
			class_facts[at].urgent = Max(class_facts[at].urgent, (int) Min(missing, there));
		rv_job_answer(&jobs[i], Min(missing, there) > 0 ? RV_JOB_STARTED : RV_JOB_SERVED, at < 0 ? 0 : Min(classes[at].measured, jobs[i].total));
	}
}

static void
synchronise(void)
{
	RvPrivileged privileged;
	RvJob		jobs[RV_JOBS_MAX];
	int			job_count = rv_jobs_copy(jobs);

	if (!rv_learn_begin("ruvector: synchronising"))
		return;
	MemoryContextReset(sync_memory);
	index_count = class_count = 0;
	rv_privileged_begin(&privileged);
	if (!RecoveryInProgress())
	{
		rv_sql("SELECT ruvector.follow_names()", SPI_OK_SELECT, 0, NULL, NULL, NULL);
		drop_stale_evidence();
		drop_own_rows();
		drop_stale_verdicts();
	}
	read_indexes();
	read_policies();
	if (!RecoveryInProgress())
		read_classes();
	rv_privileged_end(&privileged);
	publish();
	rv_learn_end();
	if (!RecoveryInProgress() && begin_jobs(jobs, job_count))
		synchronise();
}

/* ---- prune --------------------------------------------------------------------------------- */

/*
 * Bounds: trajectory_window unlabelled and ten times as many labelled rows an
 * index, and of a table the last 1000 events.  What is to be forgotten has not been before, if
 * it could not be labelled.
 */
static void
prune(void)
{
	RvPrivileged privileged;

	if (!rv_learn_begin("ruvector: pruning"))
		return;
	rv_privileged_begin(&privileged);
	rv_sql("SELECT ruvector.anonymize(NULL)", SPI_OK_SELECT, 0, NULL, NULL, NULL);
	/* what somebody's open transaction holds goes another time */
	rv_sql("DELETE FROM ruvector.trajectories d USING"
		   " (SELECT h.query_id FROM ruvector.trajectories h JOIN"
		   "   (SELECT t.query_id, l.trajectory_window, t.label_state = 'labelled' AS labelled,"
		   "     row_number() OVER (PARTITION BY t.relid, t.indexid, t.label_state = 'labelled', t.source = 'own row' ORDER BY t.started_at DESC) AS age"
		   "    FROM ruvector.trajectories t JOIN ruvector.learned_tables l USING (relid)) a USING (query_id)"
		   "  WHERE a.age > a.trajectory_window::bigint * CASE WHEN a.labelled THEN 10 ELSE 1 END"
		   "  FOR UPDATE OF h SKIP LOCKED) o"
		   " WHERE d.query_id = o.query_id",
		   SPI_OK_DELETE, 0, NULL, NULL, NULL);
	rv_sql("DELETE FROM ruvector.policy_history d USING"
		   " (SELECT event_number, row_number() OVER (PARTITION BY relid ORDER BY event_number DESC) AS age"
		   "  FROM ruvector.policy_history) o"
		   " WHERE d.event_number = o.event_number AND o.age > 1000",
		   SPI_OK_DELETE, 0, NULL, NULL, NULL);
	rv_privileged_end(&privileged);
	rv_learn_end();
	synchronise();
}

/* ---- distil -------------------------------------------------------------------------------- */

static int
list_banks(int32 **ids)
{
	RvPrivileged privileged;
	int			count;

	if (!rv_learn_begin("ruvector: distilling"))
		return 0;
	rv_privileged_begin(&privileged);
	rv_sql("SELECT ruvector.refresh_banks(relid) FROM ruvector.learned_tables WHERE mode <> 'off'", SPI_OK_SELECT, 0, NULL, NULL, NULL);
	/* those with something to do */
	count = (int) rv_sql("SELECT b.bank_id FROM ruvector.banks b WHERE b.relid IS NOT NULL"
						 " OR EXISTS (SELECT FROM ruvector.outcomes o WHERE o.bank_id = b.bank_id AND o.outcome_number > b.distilled_to)"
						 " OR (b.image IS NULL AND EXISTS (SELECT FROM ruvector.patterns p WHERE p.bank_id = b.bank_id))"
						 " ORDER BY b.bank_id", SPI_OK_SELECT, 0, NULL, NULL, NULL);
	*ids = MemoryContextAlloc(TopMemoryContext, sizeof(int32) * Max(count, 1));
	for (int i = 0; i < count; i++)
		(*ids)[i] = rv_column_int(i, 1, 0);
	rv_privileged_end(&privileged);
	rv_learn_end();
	return count;
}

/* Bank by bank, each in a transaction of its own: an error in one leaves the others to be done. */
static void
distil(void)
{
	int32	   *ids = NULL;
	int			count = list_banks(&ids);

	for (int i = 0; i < count && !rv_workers_stop_requested(); i++)
	{
		PG_TRY();
		{
			if (rv_learn_begin("ruvector: distilling"))
			{
				RvPrivileged privileged;
				Oid			types[] = {INT4OID};
				Datum		values[] = {Int32GetDatum(ids[i])};

				rv_privileged_begin(&privileged);
				if (rv_sql("SELECT FROM ruvector.banks WHERE bank_id = $1 FOR UPDATE SKIP LOCKED", SPI_OK_SELECT, 1, types, values, NULL) == 1)
					rv_sql("SELECT ruvector.tend_bank($1)", SPI_OK_SELECT, 1, types, values, NULL);
				rv_privileged_end(&privileged);
				rv_learn_end();
			}
		}
		PG_CATCH();
		{
			rv_learn_abort(false);
		}
		PG_END_TRY();
	}
	if (ids != NULL)
		pfree(ids);
	synchronise();
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* A full disk, say, fails every round: one line an hour tells as much. */
#define REPEAT_MS (60 * 60 * 1000)

static bool
is_news(int sqlstate)
{
	static int	said = 0;
	static TimestampTz said_at = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (sqlstate == said && !TimestampDifferenceExceeds(said_at, now, REPEAT_MS))
		return false;
	said = sqlstate;
	said_at = now;
	return true;
}

/* In PG_CATCH: says what happened, unless it was said lately. */
void
rv_learn_report(void)
{
	if (is_news(geterrcode()))
		EmitErrorReport();
	FlushErrorState();
}

/*
 * In PG_CATCH: says what happened, unless it was said lately, and ends the transaction.
 * With `secret` the error could quote what is private: only its code is told.
 */
void
rv_learn_abort(bool secret)
{
	HOLD_INTERRUPTS();
	if (secret)
	{
		ErrorData  *error;

		MemoryContextSwitchTo(TopMemoryContext);
		error = CopyErrorData();
		FlushErrorState();
		rv_log_failed_label(error->sqlerrcode);
		FreeErrorData(error);
	}
	else
	{
		rv_learn_report();
	}
	AbortCurrentTransaction();
	rv_workers_count_error();
	pgstat_report_activity(STATE_IDLE, NULL);
	RESUME_INTERRUPTS();
}

static int64
now_us(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MICROSEC(now);
}

static void
act(rv_schedule *schedule)
{
	int64		started = now_us();
	int			i = schedule->class_index;	/* of judging and labelling */

	/* a standby writes nothing, but applies what its primary has learned */
	if (RecoveryInProgress())
	{
		synchronise();
		return;
	}
	switch ((rv_action) schedule->action)
	{
		case RV_ACTION_SLEEP:
			break;
		case RV_ACTION_SYNC:
			synchronise();
			break;
		case RV_ACTION_DRAIN:
			if (rv_drain(indexes, index_count) > 0)
				synchronise();
			break;
		case RV_ACTION_JUDGE:
			if (rv_policy_judge(&classes[i], find_index(classes[i].index)))
				synchronise();
			else
				class_facts[i].judged = class_facts[i].labels;	/* until the next synchronisation */
			break;
		case RV_ACTION_LABEL:
			{
				bool		budgeted = class_facts[i].urgent == 0;

				rv_evidence_label(&classes[i], &class_facts[i]);
				if (rv_policy_watch(&classes[i], find_index(classes[i].index)))
					synchronise();
				if (budgeted)
				{
					int64		spent = now_us() - started;

					RV_SWIFT(rv_schedule_charge(schedule, (double) spent));
					rv_workers_charge(spent);
				}
			}
			break;
		case RV_ACTION_PRUNE:
			prune();
			break;
		case RV_ACTION_DISTIL:
			distil();
			break;
	}
}

/*
 * Instead of defaults of the server or the database that are meant for users'
 * transactions.  What waits for somebody's lock is done another time: his open
 * transaction must not hold up everybody's learning, nor be the one that is found
 * to close a circle of waiting, which is looked for after deadlock_timeout (1 s).
 */
static void
pin_settings(void)
{
	static const char *const settings[][2] = {
		{"default_transaction_read_only", "off"},
		{"default_transaction_isolation", "read committed"},
		{"statement_timeout", "0"},
		{"lock_timeout", "500ms"},
		{"idle_in_transaction_session_timeout", "0"},
		{"jit", "off"},			/* would take longer than any of our statements */
	};

	for (int i = 0; i < (int) lengthof(settings); i++)
		SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET, PGC_S_OVERRIDE);
	rv_pin_transaction_timeout();
}

/* Returns when this worker is not wanted any more. */
void
rv_learn_run(void)
{
	rv_schedule schedule = {0};
	bool		woken = false;

	sync_memory = AllocSetContextCreate(TopMemoryContext, "ruvector learning", ALLOCSET_DEFAULT_SIZES);
	pin_settings();
	while (!rv_workers_stop_requested())
	{
		rv_tick_facts facts;
		volatile bool failed = false;

		/* with much to do it waits for nothing, and would keep a server from starting again */
		if (!PostmasterIsAlive())
			proc_exit(1);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		serve_jobs();
		facts = (rv_tick_facts) {
			.now_us = now_us(),
			.interval_us = (int64) rv_learning_interval * USECS_PER_SEC,
			.distil_interval_us = (int64) rv_pattern_consolidation_interval * USECS_PER_SEC,
			.label_budget = rv_label_budget,
			.woken = woken,
			.waiting = rv_registry_waiting(),
			.classes = class_count,
			.class_facts = class_facts,
		};
		woken = false;
		RV_SWIFT(rv_schedule_next(&schedule, &facts));
		if (schedule.action == RV_ACTION_SLEEP)
		{
			int64		sleep_ms = Max((schedule.wake_us - now_us()) / 1000, 1);
			int			events = WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
										   (long) sleep_ms, PG_WAIT_EXTENSION);

			woken = (events & WL_LATCH_SET) != 0;
			ResetLatch(MyLatch);
			continue;
		}
		PG_TRY();
		{
			act(&schedule);
		}
		PG_CATCH();
		{
			rv_learn_abort(false);
			failed = true;
		}
		PG_END_TRY();
		MemoryContextSwitchTo(TopMemoryContext);
		if (!installed)
			return;
		if (failed)
		{
			int64		resume = now_us() + (int64) Min(rv_learning_interval, 10) * USECS_PER_SEC;

			/* leave the server time to recover from whatever it was, then start over */
			while (!rv_workers_stop_requested() && now_us() < resume)
			{
				(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
								 (long) Max((resume - now_us()) / 1000, 1), PG_WAIT_EXTENSION);
				ResetLatch(MyLatch);
				CHECK_FOR_INTERRUPTS();
			}
			memset(&schedule, 0, sizeof(schedule));
		}
	}
}
