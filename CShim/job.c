/*
 * job.c - long calls in the foreground: how far they are, and what they want of
 * the worker.
 *
 * A backend has at most one job at a time, in a place of its own until its call
 * ends, or the (sub)transaction of its call: whatever ends a call ends its job, so
 * the worker never measures for somebody who has gone.  The worker answers in the
 * same place.
 *
 * Locks: jobs->lock, shared to copy, exclusive to change; held for a memcpy.
 */
#include "rv.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

typedef struct Jobs
{
	LWLock	   *lock;
	RvJob		jobs[RV_JOBS_MAX];
} Jobs;

static Jobs *jobs = NULL;
static int	mine = -1;			/* our place */
static SubTransactionId since_subtransaction;

static void
lay_out(void *memory, LWLockPadded *locks)
{
	((Jobs *) memory)->lock = &locks[0].lock;
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		rv_progress_end();
}

static void
at_subtransaction_end(SubXactEvent event, SubTransactionId id, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB && mine >= 0 && since_subtransaction >= id)
		rv_progress_end();
}

void
rv_job_init(void)
{
	rv_shared_add("ruvector jobs", sizeof(Jobs), 1, (void **) &jobs, lay_out);
	RegisterXactCallback(at_transaction_end, NULL);
	RegisterSubXactCallback(at_subtransaction_end, NULL);
}

/*
 * What this backend does from now on; `total` is 0 where nobody knows it.  False:
 * all places are taken, and nobody will see it.
 */
bool
rv_progress_begin(Oid relation, const char *phase, int64 total)
{
	if (jobs == NULL)
		return false;
	LWLockAcquire(jobs->lock, LW_EXCLUSIVE);
	for (int i = 0; i < RV_JOBS_MAX && mine < 0; i++)
		if (jobs->jobs[i].pid == 0)
		{
			mine = i;
			since_subtransaction = GetCurrentSubTransactionId();
			jobs->jobs[i] = (RvJob) {
				.pid = MyProcPid,
				.database = MyDatabaseId,
				.role = GetOuterUserId(),	/* whose rights it borrows does not matter */
				.since = GetCurrentTimestamp(),
			};
		}
	if (mine >= 0)
	{
		RvJob	   *job = &jobs->jobs[mine];

		job->relation = relation;
		strlcpy(job->phase, phase, sizeof(job->phase));
		job->done = 0;
		job->total = total;
	}
	LWLockRelease(jobs->lock);
	return mine >= 0;
}

void
rv_progress_update(int64 done)
{
	if (mine < 0)
		return;
	LWLockAcquire(jobs->lock, LW_EXCLUSIVE);
	jobs->jobs[mine].done = done;
	LWLockRelease(jobs->lock);
}

void
rv_progress_end(void)
{
	if (mine < 0)
		return;
	LWLockAcquire(jobs->lock, LW_EXCLUSIVE);
	memset(&jobs->jobs[mine], 0, sizeof(RvJob));
	mine = -1;
	LWLockRelease(jobs->lock);
}

/* After rv_progress_begin: until there are `total` labels for this k, the worker does nothing else that can wait. */
void
rv_job_want_labels(int32 k, int32 k_class)
{
	LWLockAcquire(jobs->lock, LW_EXCLUSIVE);
	jobs->jobs[mine].k = k;
	jobs->jobs[mine].k_class = k_class;
	jobs->jobs[mine].state = RV_JOB_WAITS;
	LWLockRelease(jobs->lock);
	rv_workers_want(MyDatabaseId);
}

RvJob
rv_job_own(void)
{
	RvJob		copy = {0};

	if (mine >= 0)
	{
		LWLockAcquire(jobs->lock, LW_SHARED);
		copy = jobs->jobs[mine];
		LWLockRelease(jobs->lock);
	}
	return copy;
}

/* Those of this database; RV_JOBS_MAX places.  Returns how many. */
int
rv_jobs_copy(RvJob *copies)
{
	int			count = 0;

	if (jobs == NULL)
		return 0;
	LWLockAcquire(jobs->lock, LW_SHARED);
	for (int i = 0; i < RV_JOBS_MAX; i++)
		if (jobs->jobs[i].pid != 0 && jobs->jobs[i].database == MyDatabaseId)
			copies[count++] = jobs->jobs[i];
	LWLockRelease(jobs->lock);
	return count;
}

/* The worker's answer to a job that it copied before; nobody's if that one has ended. */
void
rv_job_answer(const RvJob *job, RvJobState state, int64 done)
{
	LWLockAcquire(jobs->lock, LW_EXCLUSIVE);
	for (int i = 0; i < RV_JOBS_MAX; i++)
		if (jobs->jobs[i].pid == job->pid && jobs->jobs[i].since == job->since)
		{
			jobs->jobs[i].state = state;
			jobs->jobs[i].done = done;
		}
	LWLockRelease(jobs->lock);
}

/* As in pg_stat_activity: what others do is for those who may read all statistics. */
PG_FUNCTION_INFO_V1(ruvector_jobs);
Datum
ruvector_jobs(PG_FUNCTION_ARGS)
{
	Tuplestorestate *store = rv_rows_begin(fcinfo);
	TupleDesc	descriptor = ((ReturnSetInfo *) fcinfo->resultinfo)->setDesc;
	RvJob		copies[RV_JOBS_MAX];
	int			count = rv_jobs_copy(copies);

	for (int i = 0; i < count; i++)
	{
		const RvJob *job = &copies[i];
		Datum		values[] = {
			Int32GetDatum(job->pid), ObjectIdGetDatum(job->relation), CStringGetTextDatum(job->phase),
			Int64GetDatum(job->done), Int64GetDatum(job->total), TimestampTzGetDatum(job->since),
		};
		bool		nulls[] = {false, false, false, false, job->total == 0, false};

		if (has_privs_of_role(GetUserId(), job->role) || has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS))
			tuplestore_putvalues(store, descriptor, values, nulls);
	}
	return (Datum) 0;
}
