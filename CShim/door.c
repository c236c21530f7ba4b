/*
 * door.c - public functions whose work is SQL.
 *
 * Such a function has a namesake in schema ruvector that nobody may call.  The
 * door finds what only the caller's session can tell, who he is and which table
 * he means, and lets the namesake do the rest with the rights of the extension:
 *
 *     ruvector_prune_patterns(source, ...) -> ruvector.prune_patterns(caller oid, relation oid, source, ...)
 *
 * `relation` is the table that the first argument names under the caller's
 * search_path, NULL if it names none.  The namesake checks what the caller may do
 * before anything else.  No locks of our own.
 */
#include "rv.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#define PREFIX "ruvector_"
#define ARGUMENTS_MAX 16

typedef struct Call
{
	char	   *sql;
	int			count;
	Oid			types[ARGUMENTS_MAX + 2];
	Datum		values[ARGUMENTS_MAX + 2];
	bool		nulls[ARGUMENTS_MAX + 2];
} Call;

/* The table of this name, InvalidOid for none; what cannot be a name at all is none. */
static Oid
relation_named(const text *name)
{
	List	   *parts;

	/* SplitIdentifierString, unlike stringToQualifiedNameList, raises nothing */
	if (VARSIZE_ANY_EXHDR(name) >= NAMEDATALEN * 3 || !SplitIdentifierString(text_to_cstring(name), '.', &parts) ||
		list_length(parts) < 1 || list_length(parts) > 2)
		return InvalidOid;
	return RangeVarGetRelid(makeRangeVar(list_length(parts) == 2 ? linitial(parts) : NULL, llast(parts), -1), NoLock, true);
}

static Call *
make_call(FunctionCallInfo fcinfo)
{
	Call	   *call = palloc0(sizeof(Call));
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(fcinfo->flinfo->fn_oid));
	Form_pg_proc form;
	StringInfoData sql;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", fcinfo->flinfo->fn_oid);
	form = (Form_pg_proc) GETSTRUCT(tuple);
	if (strncmp(NameStr(form->proname), PREFIX, strlen(PREFIX)) != 0 || form->pronargs > ARGUMENTS_MAX)
		elog(ERROR, "function %u has no namesake", fcinfo->flinfo->fn_oid);
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT * FROM ruvector.%s($1, $2", quote_identifier(NameStr(form->proname) + strlen(PREFIX)));
	call->count = form->pronargs + 2;
	call->types[0] = call->types[1] = OIDOID;
	call->values[0] = ObjectIdGetDatum(GetUserId());
	call->nulls[1] = true;
	for (int i = 0; i < form->pronargs; i++)
	{
		appendStringInfo(&sql, ", $%d", i + 3);
		call->types[i + 2] = form->proargtypes.values[i];
		call->values[i + 2] = PG_GETARG_DATUM(i);
		call->nulls[i + 2] = PG_ARGISNULL(i);
	}
	appendStringInfoChar(&sql, ')');
	call->sql = sql.data;
	if (form->pronargs > 0 && !PG_ARGISNULL(0))
	{
		Oid			relation = InvalidOid;

		if (form->proargtypes.values[0] == REGCLASSOID)
			relation = PG_GETARG_OID(0);
		else if (form->proargtypes.values[0] == TEXTOID)
			relation = relation_named(PG_GETARG_TEXT_PP(0));
		call->values[1] = ObjectIdGetDatum(relation);
		call->nulls[1] = !OidIsValid(relation);
	}
	ReleaseSysCache(tuple);
	return call;
}

/* What lies outside of our statement; NULL for nothing. */
static char *
callers_context(char *context, const char *sql)
{
	char	   *ours = context ? strstr(context, sql) : NULL;
	char	   *rest = ours ? strchr(ours, '\n') : NULL;

	return rest ? rest + 1 : NULL;
}

/* What the namesake answers.  Its errors are the function's own: where in the SQL they came up tells a user nothing. */
static uint64
ask(const Call *call)
{
	MemoryContext memory = CurrentMemoryContext;
	volatile uint64 rows = 0;

	PG_TRY();
	{
		rows = rv_sql(call->sql, SPI_OK_SELECT, call->count, call->types, call->values, call->nulls);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(memory);
		error = CopyErrorData();
		FlushErrorState();
		error->context = callers_context(error->context, call->sql);
		ReThrowError(error);
	}
	PG_END_TRY();
	return rows;
}

static Datum
return_rows(FunctionCallInfo fcinfo, const Call *call)
{
	RvPrivileged privileged;
	Tuplestorestate *store = rv_rows_begin(fcinfo);

	rv_privileged_begin(&privileged);
	rv_rows_take(store, ask(call));
	rv_privileged_end(&privileged);
	return (Datum) 0;
}

static Datum
return_value(FunctionCallInfo fcinfo, const Call *call)
{
	MemoryContext memory = CurrentMemoryContext;
	Oid			type = get_func_rettype(fcinfo->flinfo->fn_oid);
	RvPrivileged privileged;
	Datum		value = (Datum) 0;
	int16		length;
	bool		by_value;

	get_typlenbyval(type, &length, &by_value);
	rv_privileged_begin(&privileged);
	fcinfo->isnull = true;
	if (ask(call) > 0)
	{
		value = rv_sql_value(0, 1, &fcinfo->isnull);
		if (!fcinfo->isnull && type != VOIDOID)
		{
			MemoryContext old = MemoryContextSwitchTo(memory);

			value = datumCopy(value, by_value, length);
			MemoryContextSwitchTo(old);
		}
	}
	rv_privileged_end(&privileged);
	return value;
}

PG_FUNCTION_INFO_V1(ruvector_door);
Datum
ruvector_door(PG_FUNCTION_ARGS)
{
	Call	   *call = make_call(fcinfo);

	return get_func_retset(fcinfo->flinfo->fn_oid) ? return_rows(fcinfo, call) : return_value(fcinfo, call);
}
