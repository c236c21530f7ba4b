/*
 * worker.c - the life of the launcher and of the workers, one a database.
 *
 * The launcher is registered at server start.  It starts a worker for every
 * database it has not looked at yet; a worker that finds no extension leaves
 * again, so databases without ruvector cost one short-lived process each.
 * CREATE EXTENSION and ruvector_enable_learning wake the launcher or the worker
 * at commit.  A worker that died is started again after RESTART_MS.
 *
 * DROP DATABASE, and whatever else needs a database to itself, would wait for
 * our worker in vain: a utility hook asks it to leave first.
 *
 * Locks: none here; registry.c guards the table of workers.
 */
#include "rv.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
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
#include "utils/timestamp.h"

#define RESTART_MS 5000
#define LOOK_MS 10000

PGDLLEXPORT void ruvector_launcher_main(Datum arg);
PGDLLEXPORT void ruvector_worker_main(Datum arg);

static ProcessUtility_hook_type previous_utility;

/* ---- worker ---------------------------------------------------------------------------- */

static bool finished = false;	/* left by itself, not by an error */

static void
release_worker(int code, Datum database)
{
	rv_workers_release(DatumGetObjectId(database), !finished);
}

void
ruvector_worker_main(Datum arg)
{
	Oid			database = DatumGetObjectId(arg);
	bool		installed;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	before_shmem_exit(release_worker, ObjectIdGetDatum(database));
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	if (rv_workers_attach(database))
	{
		StartTransactionCommand();
		installed = rv_extension_lock();
		CommitTransactionCommand();
		if (installed)
		{
			rv_learn_run();
			(void) rv_registry_publish(NULL, 0);
		}
	}
	finished = true;
	proc_exit(0);
}

/* ---- launcher ----------------------------------------------------------------------------- */

static void
start_worker(Oid database)
{
	BackgroundWorker worker;

	if (rv_workers_held(database) || !rv_workers_claim(database))
		return;
	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;	/* the launcher sees to that */
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	worker.bgw_notify_pid = MyProcPid;
	strlcpy(worker.bgw_library_name, "ruvector", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "ruvector_worker_main", BGW_MAXLEN);
	snprintf(worker.bgw_name, BGW_MAXLEN, "ruvector worker for database %u", database);
	strlcpy(worker.bgw_type, "ruvector worker", BGW_MAXLEN);
	if (!RegisterDynamicBackgroundWorker(&worker, NULL))
	{
		static bool said = false;

		rv_workers_release(database, true);
		if (!said)
			ereport(LOG,
					(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					 errmsg("could not start a ruvector worker: no free slot for a background worker"),
					 errhint("Raise max_worker_processes: ruvector needs one, and one more for each database it learns in.")));
		said = true;
	}
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

		if (database->datallowconn && !database->datistemplate)
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

/* Tries again what failed, and gives up on what never came up. */
static void
revive_workers(void)
{
	RvWorkerSlot workers[RV_WORKERS_MAX];
	int			count = rv_workers_list(workers);
	TimestampTz now = GetCurrentTimestamp();

	for (int i = 0; i < count; i++)
	{
		if (!TimestampDifferenceExceeds(workers[i].since, now, RESTART_MS))
			continue;
		if (workers[i].state == RV_WORKER_FAILED)
		{
			rv_workers_release(workers[i].database, false);
			rv_workers_want(workers[i].database);
		}
		else if (workers[i].state == RV_WORKER_STARTING)
			rv_workers_release(workers[i].database, true);
	}
}

void
ruvector_launcher_main(Datum arg)
{
	List	   *seen = NIL;		/* databases that were looked at */

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
		databases = list_databases(TopMemoryContext);
		revive_workers();
		while (rv_workers_next_wanted(&wanted))
			if (list_member_oid(databases, wanted))
				start_worker(wanted);
		foreach(cell, databases)
			if (!list_member_oid(seen, lfirst_oid(cell)))
				start_worker(lfirst_oid(cell));
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
	switch (nodeTag(statement))
	{
		case T_DropdbStmt:
			return ((DropdbStmt *) statement)->dbname;
		case T_CreatedbStmt:
			return option_text(((CreatedbStmt *) statement)->options, "template");
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

static void
utility_without_worker(RV_UTILITY_ARGS)
{
	ProcessUtility_hook_type next = previous_utility ? previous_utility : standard_ProcessUtility;
	const char *name = exclusive_database(pstmt->utilityStmt);
	Oid			database = name ? get_database_oid(name, true) : InvalidOid;

	if (!OidIsValid(database) || database == MyDatabaseId || !rv_registry_ready())
	{
		next(RV_UTILITY_PASS);
		return;
	}
	PG_TRY();
	{
		rv_workers_hold(database);
		next(RV_UTILITY_PASS);
	}
	PG_FINALLY();
	{
		rv_workers_unhold();
	}
	PG_END_TRY();
}

void
rv_worker_init(void)
{
	BackgroundWorker launcher;

	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = utility_without_worker;
	if (!process_shared_preload_libraries_in_progress)
		return;
	memset(&launcher, 0, sizeof(launcher));
	launcher.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	launcher.bgw_start_time = BgWorkerStart_RecoveryFinished;
	launcher.bgw_restart_time = RESTART_MS / 1000;
	strlcpy(launcher.bgw_library_name, "ruvector", BGW_MAXLEN);
	strlcpy(launcher.bgw_function_name, "ruvector_launcher_main", BGW_MAXLEN);
	strlcpy(launcher.bgw_name, "ruvector launcher", BGW_MAXLEN);
	strlcpy(launcher.bgw_type, "ruvector launcher", BGW_MAXLEN);
	RegisterBackgroundWorker(&launcher);
}
