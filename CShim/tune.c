/*
 * tune.c - waiting in the foreground for labels that the worker takes.
 *
 * The worker measures, and commits label by label: what was measured is kept,
 * however the call ends.  Rights are checked by ruvector.auto_tune.
 *
 * Locks: AccessShareLock on table and index for a moment; none while waiting, but
 * those of the caller's own transaction.  If the worker waits for one of them, or until
 * the table can be read, neither would ever go on, and no deadlock check would see it:
 * that is looked for here.
 */
#include "rv.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#define LOOK_MS 50
/* It stops the whole lock manager for a moment. */
#define LOOK_FOR_LOCKS 20
/* A worker is started by the launcher, within seconds unless none can be. */
#define PATIENCE_MS 30000

static bool
waits_for_us(int worker)
{
	ArrayType  *blockers = DatumGetArrayTypeP(DirectFunctionCall1(pg_blocking_pids, Int32GetDatum(worker)));
	const int32 *pids = (const int32 *) ARR_DATA_PTR(blockers);
	int			count = ArrayGetNItems(ARR_NDIM(blockers), ARR_DIMS(blockers));

	for (int i = 0; i < count; i++)
		if (pids[i] == MyProcPid)
			return true;
	return false;
}

static bool
keeps_readers_out(Oid oid)
{
	Relation	relation = relation_open(oid, AccessShareLock);
	bool		does = CheckRelationLockedByMe(relation, AccessExclusiveLock, false);

	relation_close(relation, AccessShareLock);
	return does;
}

/* Until there are so many labels for this index and k, or no more queries to label.  Returns the class of k. */
PG_FUNCTION_INFO_V1(ruvector_await_labels);
Datum
ruvector_await_labels(PG_FUNCTION_ARGS)
{
	Oid			index = PG_GETARG_OID(0);
	int32		k = PG_GETARG_INT32(1);
	int32		wanted = PG_GETARG_INT32(2);
	int32		k_class;
	TimestampTz seen = GetCurrentTimestamp();	/* the worker */

	if (!rv_registry_ready())
		rv_fail_not_preloaded();
	PreventCommandDuringRecovery("ruvector_auto_tune");
	if (IsolationUsesXactSnapshot())
		rv_fail_old_snapshot();
	if (keeps_readers_out(index) || keeps_readers_out(IndexGetRelation(index, false)))
		rv_fail_worker_waits_for_us();
	RV_SWIFT(k_class = rv_k_class(k, false));
	if (!rv_progress_begin(index, "measuring recall", wanted))
		rv_fail_too_many_jobs();
	rv_job_want_labels(k, k_class);
	for (int look = 1;; look++)
	{
		RvJob		job = rv_job_own();
		int			worker = rv_workers_pid(MyDatabaseId);

		if (job.state == RV_JOB_SERVED)
			break;
		if (job.state == RV_JOB_REFUSED)
			rv_fail_not_learned_yet(get_rel_name(index));
		if (worker != 0)
		{
			seen = GetCurrentTimestamp();
			if (look % LOOK_FOR_LOCKS == 0 && waits_for_us(worker))
				rv_fail_worker_waits_for_us();
		}
		else if (TimestampDifferenceExceeds(seen, GetCurrentTimestamp(), PATIENCE_MS))
			rv_fail_no_worker();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LOOK_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	rv_progress_begin(index, "judging", 0);
	PG_RETURN_INT32(k_class);
}
