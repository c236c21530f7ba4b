/*
 * worker.c - the life of the launcher and of the workers, one a database.
 *
 * The launcher is registered at server start.  It starts a worker for every
 * database it has not looked at yet; a worker that finds no extension leaves
 * again, so databases without ruvector cost one short-lived process each.
 * CREATE EXTENSION and ruvector_enable_learning wake the launcher or the worker
 * at commit.  A worker that died is started again after RESTART_MS.  A database
 * that cannot have a worker at present is tried again on every round.
 *
 * On a hot standby they run as well, to publish what the primary has learned
 * (learn.c).  Nobody wakes them there: all databases are looked at every FOLLOW_MS.
 *
 * DROP DATABASE, and whatever else needs a database to itself, would wait for
 * our worker in vain: a utility hook asks it to leave first.  Only for a user who
 * may run the statement, or anybody could stop the learning of any database.
 *
 * Locks: none here; registry.c guards the table of workers.
 */
#include "rv.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#define RESTART_MS 5000
#define LOOK_MS 10000
#define FOLLOW_MS 60000

PGDLLEXPORT void ruvector_launcher_main(Datum arg);
PGDLLEXPORT void ruvector_worker_main(Datum arg);

static ProcessUtility_hook_type previous_utility;

/* ---- worker ---------------------------------------------------------------------------- */

static uint64 ticket;			/* of the claim that this worker was started for */
static bool finished = false;	/* left by itself, not by an error */

static void
release_worker(int code, Datum arg)
{
	rv_workers_release(ticket, !finished);
}

void
ruvector_worker_main(Datum arg)
{
	bool		installed;

	memcpy(&ticket, MyBgworkerEntry->bgw_extra, sizeof(ticket));
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	ConfigReloadPending = true; /* a reload since the fork may have passed unnoticed */
	before_shmem_exit(release_worker, (Datum) 0);
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg), InvalidOid, 0);
	if (rv_workers_attach(ticket))
	{
		StartTransactionCommand();
		installed = rv_extension_lock();
		CommitTransactionCommand();
		if (installed)
			rv_learn_run();
		(void) rv_registry_publish(NULL, 0);
		rv_image_publish(NULL, 0);
	}
	finished = true;
	proc_exit(0);
}

/* ---- launcher ----------------------------------------------------------------------------- */

/* What this launcher has started, by the place that the ticket names. */
static struct
{
	uint64		ticket;
	BackgroundWorkerHandle *handle;
}			started[RV_WORKERS_MAX];

/* False: there can be none at present. */
static bool
start_worker(Oid database)
{
	static bool said_full = false;
	static bool said_no_slot = false;
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	uint64		claimed;
	RvClaim		claim = rv_workers_claim(database, &claimed);

	if (claim == RV_CLAIM_FULL && !said_full)
	{
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("could not start a ruvector worker: all %d places are taken", RV_WORKERS_MAX),
				 errhint("It is tried again whenever a worker leaves. If a database never gets one, DROP EXTENSION ruvector in one that does not need it.")));
		said_full = true;
	}
	if (claim != RV_CLAIM_MADE)
		return claim == RV_CLAIM_SERVED;
	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_ConsistentState;
	worker.bgw_restart_time = BGW_NEVER_RESTART;	/* the launcher sees to that */
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	worker.bgw_notify_pid = MyProcPid;
	memcpy(worker.bgw_extra, &claimed, sizeof(claimed));
	strlcpy(worker.bgw_library_name, "ruvector", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "ruvector_worker_main", BGW_MAXLEN);
	snprintf(worker.bgw_name, BGW_MAXLEN, "ruvector worker for database %u", database);
	strlcpy(worker.bgw_type, "ruvector worker", BGW_MAXLEN);
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
	{
		rv_workers_release(claimed, false);
		if (!said_no_slot)
			ereport(LOG,
					(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					 errmsg("could not start a ruvector worker: no free slot for a background worker"),
					 errhint("Raise max_worker_processes: ruvector needs one, and one more for each database it learns in.")));
		said_no_slot = true;
		return false;
	}
	if (started[claimed % RV_WORKERS_MAX].handle != NULL)
		pfree(started[claimed % RV_WORKERS_MAX].handle);
	started[claimed % RV_WORKERS_MAX].ticket = claimed;
	started[claimed % RV_WORKERS_MAX].handle = handle;
	return true;
}

/* The databases that can be connected to; templates are left alone. */
static List *
list_databases(MemoryContext memory)
{
	List	   *databases = NIL;
	Relation	relation;
	TableScanDesc scan;
	HeapTuple	tuple;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	relation = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(relation, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);

		if (database->datallowconn && !database->datistemplate && database->datconnlimit != DATCONNLIMIT_INVALID_DB)
		{
			MemoryContext old = MemoryContextSwitchTo(memory);

			databases = lappend_oid(databases, database->oid);
			MemoryContextSwitchTo(old);
		}
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	CommitTransactionCommand();
	return databases;
}

/* Late is not dead; but of what a launcher before this one started, only the time is known. */
static bool
never_came_up(const RvWorkerSlot *slot, bool late)
{
	pid_t		pid;

	if (started[slot->ticket % RV_WORKERS_MAX].ticket != slot->ticket)
		return late;
	return GetBackgroundWorkerPid(started[slot->ticket % RV_WORKERS_MAX].handle, &pid) == BGWH_STOPPED;
}

/* Tries again what failed, and gives up on what never came up. */
static void
revive_workers(void)
{
	RvWorkerSlot workers[RV_WORKERS_MAX];
	TimestampTz now = GetCurrentTimestamp();

	rv_workers_copy(workers);
	for (int i = 0; i < RV_WORKERS_MAX; i++)
	{
		bool		late = TimestampDifferenceExceeds(workers[i].since, now, RESTART_MS);

		if (workers[i].state == RV_WORKER_FAILED && late)
			rv_workers_release(workers[i].ticket, false);
		else if (workers[i].state == RV_WORKER_STARTING && never_came_up(&workers[i], late))
			rv_workers_release(workers[i].ticket, true);
	}
}

void
ruvector_launcher_main(Datum arg)
{
	List	   *seen = NIL;		/* databases that have their worker, or needed none */
	bool		standby = false;
	TimestampTz all_looked_at = 0;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);	/* shared catalogs only */
	rv_workers_attach_launcher();

	for (;;)
	{
		List	   *databases;
		ListCell   *cell;
		Oid			wanted;

		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		SetCurrentStatementStartTimestamp();
		if (standby && (!RecoveryInProgress() || TimestampDifferenceExceeds(all_looked_at, GetCurrentTimestamp(), FOLLOW_MS)))
		{
			list_free(seen);
			seen = NIL;
			all_looked_at = GetCurrentTimestamp();
		}
		standby = RecoveryInProgress();
		databases = list_databases(TopMemoryContext);
		revive_workers();
		rv_registry_forget_databases_except(databases);
		rv_image_forget_databases_except(databases);
		while (rv_workers_next_wanted(&wanted))
			if (OidIsValid(wanted))
				seen = list_delete_oid(seen, wanted);
			else
			{
				list_free(seen);
				seen = NIL;
			}
		foreach(cell, databases)
			if (!list_member_oid(seen, lfirst_oid(cell)) && !start_worker(lfirst_oid(cell)))
				databases = foreach_delete_current(databases, cell);
		list_free(seen);
		seen = databases;
		rv_registry_discard_unserved();

		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LOOK_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

/* ---- statements that need a database to themselves ------------------------------------------- */

static const char *
option_text(List *options, const char *name)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, name) == 0 && option->arg != NULL && IsA(option->arg, String))
			return strVal(option->arg);
	}
	return NULL;
}

static const char *
exclusive_database(Node *statement)
{
	const char *name;

	switch (nodeTag(statement))
	{
		case T_DropdbStmt:
			return ((DropdbStmt *) statement)->dbname;
		case T_CreatedbStmt:
			name = option_text(((CreatedbStmt *) statement)->options, "template");
			return name ? name : "template1";
		case T_AlterDatabaseStmt:
			return option_text(((AlterDatabaseStmt *) statement)->options, "tablespace")
				? ((AlterDatabaseStmt *) statement)->dbname : NULL;
		case T_RenameStmt:
			return ((RenameStmt *) statement)->renameType == OBJECT_DATABASE
				? ((RenameStmt *) statement)->subname : NULL;
		default:
			return NULL;
	}
}

static bool
may_create_databases(void)
{
	HeapTuple	role = SearchSysCache1(AUTHOID, ObjectIdGetDatum(GetUserId()));
	bool		may = superuser();

	if (HeapTupleIsValid(role))
	{
		may |= ((Form_pg_authid) GETSTRUCT(role))->rolcreatedb;
		ReleaseSysCache(role);
	}
	return may;
}

/* By the rules of the statement itself: the owner, or who may copy the database. */
static bool
may_run(Node *statement, Oid database)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
	Form_pg_database form;
	bool		may;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_database) GETSTRUCT(tuple);
	may = has_privs_of_role(GetUserId(), form->datdba);
	if (IsA(statement, CreatedbStmt))
		may = (may || form->datistemplate) && may_create_databases();
	ReleaseSysCache(tuple);
	return may;
}

static void
utility_without_worker(RV_UTILITY_ARGS)
{
	ProcessUtility_hook_type next = previous_utility ? previous_utility : standard_ProcessUtility;
	const char *name = rv_registry_ready() ? exclusive_database(pstmt->utilityStmt) : NULL;
	Oid			database = name ? get_database_oid(name, true) : InvalidOid;

	if (OidIsValid(database) && database != MyDatabaseId && may_run(pstmt->utilityStmt, database))
		rv_workers_hold(database);
	next(RV_UTILITY_PASS);
}

void
rv_worker_init(void)
{
	BackgroundWorker launcher;

	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = utility_without_worker;
	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;
	memset(&launcher, 0, sizeof(launcher));
	launcher.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	launcher.bgw_start_time = BgWorkerStart_ConsistentState;
	launcher.bgw_restart_time = RESTART_MS / 1000;
	strlcpy(launcher.bgw_library_name, "ruvector", BGW_MAXLEN);
	strlcpy(launcher.bgw_function_name, "ruvector_launcher_main", BGW_MAXLEN);
	strlcpy(launcher.bgw_name, "ruvector launcher", BGW_MAXLEN);
	strlcpy(launcher.bgw_type, "ruvector launcher", BGW_MAXLEN);
	RegisterBackgroundWorker(&launcher);
}
