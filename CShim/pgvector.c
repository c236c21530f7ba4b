/*
 * pgvector.c - recognising pgvector's indexes and the variables behind its GUCs.
 *
 * pgvector is never linked or named in a signature: everything is looked up, and
 * if it is missing or not what we know, we stand aside.  No locks; the caches are
 * backend-local and dropped by syscache invalidation.
 */
#include "rv.h"

#include "access/amapi.h"
#include "catalog/dependency.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#define KINDS 2

typedef struct AccessMethod
{
	const char *name;
	const char *handler;
	const char *guc;
	const char *iterative_guc;
	const char *most_guc;
	Oid			oid;
	RvParameter parameter;
	RvIterative iterative;
} AccessMethod;

static AccessMethod methods[KINDS] = {
	[RV_HNSW] = {"hnsw", "hnswhandler", "hnsw.ef_search", "hnsw.iterative_scan"},
	[RV_IVFFLAT] = {"ivfflat", "ivfflathandler", "ivfflat.probes", "ivfflat.iterative_scan", "ivfflat.max_probes"},
};
static bool methods_valid = false;

static void
invalidate(Datum arg, int cache, uint32 hash)
{
	methods_valid = false;
}

void
rv_pgvector_init(void)
{
	CacheRegisterSyscacheCallback(AMOID, invalidate, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, invalidate, (Datum) 0);
}

Oid
rv_pgvector_extension(void)
{
	return get_extension_oid("vector", true);
}

/* The C symbol and the membership in the extension decide, not just the name. */
static Oid
look_up_method(const AccessMethod *method, Oid extension)
{
	HeapTuple	tuple = SearchSysCache1(AMNAME, CStringGetDatum(method->name));
	HeapTuple	handler;
	Form_pg_am	form;
	Oid			result = InvalidOid;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	form = (Form_pg_am) GETSTRUCT(tuple);
	handler = SearchSysCache1(PROCOID, ObjectIdGetDatum(form->amhandler));
	if (HeapTupleIsValid(handler))
	{
		bool		isnull;
		Datum		symbol = SysCacheGetAttr(PROCOID, handler, Anum_pg_proc_prosrc, &isnull);

		if (!isnull && strcmp(TextDatumGetCString(symbol), method->handler) == 0 &&
			getExtensionOfObject(ProcedureRelationId, form->amhandler) == extension)
			result = form->oid;
		ReleaseSysCache(handler);
	}
	ReleaseSysCache(tuple);
	return result;
}

int
rv_pgvector_index_kind(Oid index)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(index));
	Oid			method;

	if (!HeapTupleIsValid(tuple))
		return -1;
	method = ((Form_pg_class) GETSTRUCT(tuple))->relam;
	ReleaseSysCache(tuple);
	if (!methods_valid)
	{
		Oid			extension = rv_pgvector_extension();

		methods_valid = true;	/* an invalidation from here on counts */
		for (int i = 0; i < KINDS; i++)
			methods[i].oid = OidIsValid(extension) ? look_up_method(&methods[i], extension) : InvalidOid;
	}
	for (int i = 0; i < KINDS; i++)
		if (OidIsValid(method) && method == methods[i].oid)
			return i;
	return -1;
}

/* Types whose distances hnsw and ivfflat can order by. */
bool
rv_pgvector_is_vector_type(Oid type)
{
	return type == BITOID || type == VARBITOID ||
		getExtensionOfObject(TypeRelationId, type) == rv_pgvector_extension();
}

/* pgvector's type vector: 16 bits of dimension, 16 unused, then floats. */
bool
rv_pgvector_is_floats(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	bool		named = HeapTupleIsValid(tuple) && strcmp(NameStr(((Form_pg_type) GETSTRUCT(tuple))->typname), "vector") == 0;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return named && rv_pgvector_is_vector_type(type);
}

/* Loads pgvector's library where this process did not need it yet: it defines the settings. */
void
rv_pgvector_load(int kind)
{
	if (rv_pgvector_parameter(kind)->variable == NULL && OidIsValid(methods[kind].oid))
		(void) GetIndexAmRoutineByAmId(methods[kind].oid, true);
}

static struct config_generic *
find_guc(const char *name, int type)
{
	struct config_generic *guc = rv_find_guc(name);

	return guc != NULL && guc->vartype == type && !(guc->flags & GUC_CUSTOM_PLACEHOLDER) ? guc : NULL;
}

/* The variables never move once they are defined. */
RvParameter *
rv_pgvector_parameter(int kind)
{
	AccessMethod *method = &methods[kind];

	if (method->parameter.variable == NULL)
	{
		struct config_generic *guc = find_guc(method->guc, PGC_INT);

		if (guc != NULL)
		{
			method->parameter.guc = guc;
			method->parameter.minimum = ((struct config_int *) guc)->min;
			method->parameter.maximum = ((struct config_int *) guc)->max;
			method->parameter.variable = ((struct config_int *) guc)->variable;
		}
	}
	return &method->parameter;
}

RvIterative *
rv_pgvector_iterative(int kind)
{
	AccessMethod *method = &methods[kind];
	RvIterative *iterative = &method->iterative;

	if (iterative->mode == NULL && rv_pgvector_parameter(kind)->variable != NULL)
	{
		struct config_generic *mode = find_guc(method->iterative_guc, PGC_ENUM);
		struct config_generic *most = method->most_guc ? find_guc(method->most_guc, PGC_INT) : NULL;

		if (mode != NULL && (most != NULL || method->most_guc == NULL) &&
			config_enum_lookup_by_name((struct config_enum *) mode, "off", &iterative->off) &&
			config_enum_lookup_by_name((struct config_enum *) mode, "relaxed_order", &iterative->relaxed))
		{
			iterative->most = most ? ((struct config_int *) most)->variable : NULL;
			iterative->mode = ((struct config_enum *) mode)->variable;
		}
	}
	return iterative;
}

/* Is it there, and has nobody switched it on? */
bool
rv_pgvector_iterative_is_free(int kind)
{
	const RvIterative *iterative = rv_pgvector_iterative(kind);

	return iterative->mode != NULL && *iterative->mode == iterative->off;
}
