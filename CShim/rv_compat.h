/*
 * rv_compat.h - every difference between PostgreSQL 13 and 18 that we meet.
 *
 * No other file tests PG_VERSION_NUM.
 */
#ifndef RV_COMPAT_H
#define RV_COMPAT_H

#include "access/genam.h"
#include "catalog/pg_database.h"
#include "commands/explain.h"
#include "nodes/plannodes.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"

#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif
#if PG_VERSION_NUM >= 150000
#include "common/pg_prng.h"
#endif
#if PG_VERSION_NUM >= 140000
#include "utils/wait_event.h"
#else
#include "pgstat.h"
#endif

#if PG_VERSION_NUM >= 160000
#define rv_owns_relation(relid, role) object_ownercheck(RelationRelationId, relid, role)
#else
#define rv_owns_relation(relid, role) pg_class_ownercheck(relid, role)
#endif

#if PG_VERSION_NUM < 140000
#define ROLE_PG_READ_ALL_STATS DEFAULT_ROLE_READ_ALL_STATS
#endif

/* In datconnlimit of a database whose DROP was interrupted; early minor releases have no name for it. */
#ifndef DATCONNLIMIT_INVALID_DB
#define DATCONNLIMIT_INVALID_DB (-2)
#endif

static inline struct config_generic *
rv_find_guc(const char *name)
{
#if PG_VERSION_NUM >= 160000
	return find_option(name, false, true, DEBUG5);
#else
	struct config_generic **all = get_guc_variables();

	for (int i = GetNumConfigOptions(); --i >= 0;)
		if (pg_strcasecmp(all[i]->name, name) == 0)
			return all[i];
	return NULL;
#endif
}

/* [0, 1) */
static inline double
rv_random_double(void)
{
#if PG_VERSION_NUM >= 150000
	return pg_prng_double(&pg_global_prng_state);
#else
	return (double) random() / ((double) MAX_RANDOM_VALUE + 1);
#endif
}

static inline IndexScanDesc
rv_index_beginscan(Relation heap, Relation index, Snapshot snapshot, IndexScanState *node)
{
#if PG_VERSION_NUM >= 180000
	return index_beginscan(heap, index, snapshot, &node->iss_Instrument,
						   node->iss_NumScanKeys, node->iss_NumOrderByKeys);
#else
	return index_beginscan(heap, index, snapshot,
						   node->iss_NumScanKeys, node->iss_NumOrderByKeys);
#endif
}

#if PG_VERSION_NUM >= 180000
#define rv_copy_disabled_nodes(to, from) ((to)->disabled_nodes = (from)->disabled_nodes)
#else
#define rv_copy_disabled_nodes(to, from) ((void) 0)
#endif

/* Before 14 the sub-plans of INSERT, UPDATE and DELETE were a list of their own. */
#if PG_VERSION_NUM >= 140000
#define rv_modify_table_plans(plan) NIL
#else
#define rv_modify_table_plans(plan) (IsA(plan, ModifyTable) ? ((ModifyTable *) (plan))->plans : NIL)
#endif

#if PG_VERSION_NUM >= 140000
#define RV_UTILITY_ARGS PlannedStmt *pstmt, const char *query_string, bool read_only_tree, \
	ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *env, \
	DestReceiver *dest, QueryCompletion *completion
#define RV_UTILITY_PASS pstmt, query_string, read_only_tree, context, params, env, dest, completion
#else
#define RV_UTILITY_ARGS PlannedStmt *pstmt, const char *query_string, \
	ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *env, \
	DestReceiver *dest, QueryCompletion *completion
#define RV_UTILITY_PASS pstmt, query_string, context, params, env, dest, completion
#endif

/* Shared memory is asked for in a hook since 15, in _PG_init before. */
static inline void
rv_chain_shmem_request(void (*request) (void), void (**previous) (void))
{
#if PG_VERSION_NUM >= 150000
	*previous = shmem_request_hook;
	shmem_request_hook = request;
#else
	*previous = NULL;
	request();
#endif
}

#if PG_VERSION_NUM >= 170000
#define rv_pin_transaction_timeout() SetConfigOption("transaction_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE)
#else
#define rv_pin_transaction_timeout() ((void) 0)
#endif

#if PG_VERSION_NUM >= 150000
#define rv_reserve_guc_prefix(prefix) MarkGUCPrefixReserved(prefix)
#else
#define rv_reserve_guc_prefix(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

/* For a plan that SPI_prepare made and nobody saved: no resource owner knows it. */
#if PG_VERSION_NUM >= 140000
#define rv_cached_plan_release(plan) ReleaseCachedPlan(plan, NULL)
#else
#define rv_cached_plan_release(plan) ReleaseCachedPlan(plan, false)
#endif

#endif
