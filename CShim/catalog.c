/*
 * catalog.c - reading and writing our own tables.
 *
 * Everything goes through SPI with the rights of the bootstrap superuser, in a
 * security-restricted context and under a pinned search_path, so that no object
 * of a user's can be reached by accident.  Callers have checked what the user may
 * do before.  After an error the transaction's abort restores user and path.
 */
#include "rv.h"

#include "catalog/pg_authid.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"

void
rv_privileged_begin(RvPrivileged *state)
{
	GetUserIdAndSecContext(&state->user, &state->security);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID,
						   state->security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	state->guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("standard_conforming_strings", "on", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	/* our views have many parts, each with few rows: compiling them takes a hundred times as long as running them */
	(void) set_config_option("jit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

void
rv_privileged_end(RvPrivileged *state)
{
	SPI_finish();
	AtEOXact_GUC(true, state->guc_level);
	SetUserIdAndSecContext(state->user, state->security);
}

/* With its schema, quoted: for a statement. */
char *
rv_qualified_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}

#define ARGUMENTS_MAX 32

static void
mark_nulls(char *flags, int nargs, const bool *nulls)
{
	Assert(nargs <= ARGUMENTS_MAX);
	for (int i = 0; i < nargs; i++)
		flags[i] = nulls != NULL && nulls[i] ? 'n' : ' ';
}

static uint64
rows_of(int result, int expected)
{
	if (result != expected)
		elog(ERROR, "statement of ruvector's own failed: %s", SPI_result_code_string(result));
	return SPI_processed;
}

/* Runs one statement; returns the number of rows. */
uint64
rv_sql(const char *sql, int expected, int nargs, const Oid *types, const Datum *values, const bool *nulls)
{
	char		flags[ARGUMENTS_MAX] = "";

	mark_nulls(flags, nargs, nulls);
	return rows_of(SPI_execute_with_args(sql, nargs, (Oid *) types, (Datum *) values, flags, false, 0), expected);
}

/* For a statement that runs many times; the plan lives until SPI_finish. */
SPIPlanPtr
rv_sql_prepare(const char *sql, int nargs, const Oid *types)
{
	SPIPlanPtr	plan = SPI_prepare(sql, nargs, (Oid *) types);

	if (plan == NULL)
		elog(ERROR, "statement of ruvector's own failed: %s", SPI_result_code_string(SPI_result));
	return plan;
}

uint64
rv_sql_execute(SPIPlanPtr plan, int expected, int nargs, const Datum *values, const bool *nulls)
{
	char		flags[ARGUMENTS_MAX] = "";

	mark_nulls(flags, nargs, nulls);
	return rows_of(SPI_execute_plan(plan, (Datum *) values, flags, false, 0), expected);
}

/* Columns are counted from 1; the datum lives until SPI_finish. */
Datum
rv_sql_value(uint64 row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
}

int
rv_column_int(uint64 row, int column, int if_null)
{
	bool		isnull;
	Datum		datum = rv_sql_value(row, column, &isnull);

	return isnull ? if_null : DatumGetInt32(datum);
}

/* In `memory`; NULL for NULL. */
char *
rv_column_text(uint64 row, int column, MemoryContext memory)
{
	bool		isnull;
	Datum		datum = rv_sql_value(row, column, &isnull);
	MemoryContext old = MemoryContextSwitchTo(memory);
	char	   *value = isnull ? NULL : TextDatumGetCString(datum);

	MemoryContextSwitchTo(old);
	return value;
}

/* NaN for NULL. */
float
rv_column_float4(uint64 row, int column)
{
	bool		isnull;
	Datum		datum = rv_sql_value(row, column, &isnull);

	return isnull ? get_float4_nan() : DatumGetFloat4(datum);
}

Oid
rv_column_oid(uint64 row, int column)
{
	bool		isnull;
	Datum		datum = rv_sql_value(row, column, &isnull);

	return isnull ? InvalidOid : DatumGetObjectId(datum);
}

/* Number of elements of an int4[] or float4[]; 0 for NULL. */
int
rv_column_array(uint64 row, int column, const void **elements)
{
	bool		isnull;
	Datum		datum = rv_sql_value(row, column, &isnull);
	ArrayType  *array;

	*elements = NULL;
	if (isnull)
		return 0;
	array = DatumGetArrayTypeP(datum);
	if (ARR_HASNULL(array))
		return 0;
	*elements = ARR_DATA_PTR(array);
	return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
}

Datum
rv_make_array(const void *elements, int count, Oid type)
{
	Datum	   *datums = palloc(sizeof(Datum) * Max(count, 1));

	for (int i = 0; i < count; i++)
		datums[i] = type == INT4OID ? Int32GetDatum(((const int32 *) elements)[i])
			: type == FLOAT4OID ? Float4GetDatum(((const float *) elements)[i])
			: Float8GetDatum(((const double *) elements)[i]);
	if (type == FLOAT8OID)
		return PointerGetDatum(construct_array(datums, count, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	return PointerGetDatum(construct_array(datums, count, type, 4, true, TYPALIGN_INT));
}

/* Where a set-returning function puts its rows. */
Tuplestorestate *
rv_rows_begin(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	TupleDesc	descriptor;
	TypeFuncClass class;
	MemoryContext old;
	Oid			type;
	Tuplestorestate *store;

	if (result == NULL || !IsA(result, ReturnSetInfo) || !(result->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	old = MemoryContextSwitchTo(result->econtext->ecxt_per_query_memory);
	class = get_call_result_type(fcinfo, &type, &descriptor);
	if (class == TYPEFUNC_COMPOSITE)
		descriptor = CreateTupleDescCopy(descriptor);
	else if (class == TYPEFUNC_SCALAR)
	{
		descriptor = CreateTemplateTupleDesc(1);
		TupleDescInitEntry(descriptor, 1, NULL, type, -1, 0);
	}
	else
		elog(ERROR, "return type must be known");
	store = tuplestore_begin_heap((result->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
	MemoryContextSwitchTo(old);
	result->returnMode = SFRM_Materialize;
	result->setResult = store;
	result->setDesc = descriptor;
	return store;
}

/* The rows of the last statement. */
void
rv_rows_take(Tuplestorestate *store, uint64 count)
{
	for (uint64 row = 0; row < count; row++)
		tuplestore_puttuple(store, SPI_tuptable->vals[row]);
}

/*
 * Is the extension there, and will it stay until the transaction ends?  DROP
 * EXTENSION locks the extension before its tables, so whoever holds this lock
 * cannot deadlock with it over them.
 */
bool
rv_extension_lock(void)
{
	Oid			extension = get_extension_oid("ruvector", true);

	if (!OidIsValid(extension))
		return false;
	LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
	return get_extension_oid("ruvector", true) == extension;
}
