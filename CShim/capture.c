/*
 * capture.c - what one search did, written down without slowing it.
 *
 * All memory belongs to the query.  Rows are described up to RV_ROWS_KEPT; what
 * would cost a detoast or a user's function is left out, and so is NULL later.
 * No locks: the finished record goes to the lock-free ring.
 */
#include "rv.h"

#include "access/relscan.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

static pg_uuid_t last_query_id;
static bool have_last_query_id = false;

/*
 * RFC 9562 version 4: nothing about the query can be read from it.  Random bytes
 * come by the page, a call for each search would be dear.
 */
bool
rv_capture_new_query_id(uint8 *id)
{
	static uint8 pool[4096];
	static int	left = 0;

	if (left < UUID_LEN)
	{
		if (!pg_strong_random(pool, sizeof(pool)))
			return false;
		left = sizeof(pool);
	}
	left -= UUID_LEN;
	memcpy(id, pool + left, UUID_LEN);
	id[6] = (id[6] & 0x0f) | 0x40;
	id[8] = (id[8] & 0x3f) | 0x80;
	return true;
}

bool
rv_capture_last_query_id(pg_uuid_t *id)
{
	*id = last_query_id;
	return have_last_query_id;
}

/* Once a scan: where identifiers and distances are to be had cheaply. */
static void
prepare(RvScan *scan)
{
	RvCapture  *capture = &scan->capture;
	Relation	table = scan->child->ss.ss_currentRelation;
	Form_pg_index index = scan->child->iss_RelationDesc->rd_index;

	capture->prepared = true;
	capture->key_attribute = index->indkey.values[0];	/* 0 for an expression */
	list_free(RelationGetIndexList(table)); /* fills rd_pkindex */
	if (OidIsValid(table->rd_pkindex))
	{
		int			attributes;
		int16	   *keys = NULL;
		Relation	primary = RelationIdGetRelation(table->rd_pkindex);

		attributes = primary ? primary->rd_index->indnkeyatts : 0;
		if (attributes == 1)
			keys = &primary->rd_index->indkey.values[0];
		if (keys)
		{
			Oid			type = TupleDescAttr(RelationGetDescr(table), *keys - 1)->atttypid;
			capture->id_attribute = *keys;
			capture->id_kind = type == INT2OID ? RV_ID_INT2 : type == INT4OID ? RV_ID_INT4 :
				type == INT8OID ? RV_ID_INT8 :
				type == UUIDOID || type == TEXTOID || type == VARCHAROID || type == BPCHAROID ? RV_ID_TEXT :
				RV_ID_NONE;
			if (capture->id_kind == RV_ID_TEXT)
			{
				Oid			output;
				bool		varlena;

				getTypeOutputInfo(type, &output, &varlena);
				fmgr_info_cxt(output, &capture->id_output, scan->memory);
			}
		}
		if (primary)
			RelationClose(primary);
	}
}

/*
 * Lays the record out with room for the rows to come.  The vector may live in the
 * slot of an outer tuple: copied now.
 */
static void
lay_out(RvScan *scan)
{
	RvCapture  *capture = &scan->capture;
	ScanKey		key = &scan->child->iss_OrderByKeys[0];
	struct varlena *vector = key->sk_flags & SK_ISNULL ? NULL : (struct varlena *) DatumGetPointer(key->sk_argument);
	int			id_size = capture->id_kind == RV_ID_TEXT ? RV_ID_BYTES + 1 : sizeof(int64);
	int			vector_bytes = 0;
	const char *filter = NULL;
	int			filter_bytes = 0;
	int			bytes;

	/* one that pgvector will detoast is rare, and not worth a second time */
	if (vector != NULL && (VARATT_IS_SHORT(vector) || !VARATT_IS_EXTENDED(vector)))
		vector_bytes = VARSIZE_ANY_EXHDR(vector);
	if (capture->record.flags & RV_FLAG_FILTERED && scan->k > 0 && scan->k <= RV_BATCHED_K_MAX)
	{
		MemoryContext old = MemoryContextSwitchTo(scan->child->ss.ps.ps_ExprContext->ecxt_per_tuple_memory);

		filter = rv_filter_text(scan);
		MemoryContextSwitchTo(old);
		filter_bytes = filter != NULL ? strlen(filter) : 0;
	}
	capture->rows = scan->k > 0 ? Min(scan->k, RV_ROWS_KEPT) : RV_ROWS_KEPT;
	bytes = sizeof(rv_trajectory) + capture->rows * (sizeof(double) + id_size) + vector_bytes + filter_bytes;
	if (bytes > capture->buffer_capacity)
	{
		if (capture->buffer != NULL)
			pfree(capture->buffer);
		capture->buffer = MemoryContextAlloc(scan->memory, bytes);
		capture->buffer_capacity = bytes;
	}
	capture->distances = (double *) (capture->buffer + sizeof(rv_trajectory));
	capture->ids = (char *) (capture->distances + capture->rows);
	capture->vector = capture->ids + capture->rows * id_size;
	if (vector_bytes > 0)
		memcpy(capture->vector, VARDATA_ANY(vector), vector_bytes);
	capture->filter = capture->vector + vector_bytes;
	if (filter_bytes > 0)
		memcpy(capture->filter, filter, filter_bytes);
	capture->record.vector_bytes = vector_bytes;
	capture->record.filter_bytes = filter_bytes;
}

void
rv_capture_start(RvScan *scan)
{
	RvCapture  *capture = &scan->capture;
	rv_trajectory *record = &capture->record;
	Relation	index = scan->child->iss_RelationDesc;

	memset(record, 0, sizeof(*record));
	capture->active = scan->learned_table && rv_sample_rate > 0 &&
		(rv_sample_rate >= 1 || rv_random_double() < rv_sample_rate);
	if (!capture->active)
		return;
	if (!capture->prepared)
		prepare(scan);
	record->started_at = GetCurrentTimestamp();
	record->database = MyDatabaseId;
	record->relation = index->rd_index->indrelid;
	record->index = RelationGetRelid(index);
	record->role = GetUserId();
	record->k = scan->k;
	record->parameter = scan->plan.parameter;
	record->setting = *scan->parameter->variable;
	record->target = scan->target;
	record->source = scan->plan.source;
	if (scan->child->ss.ps.plan->qual != NIL)
		record->flags |= RV_FLAG_FILTERED;
	if (scan->css.ss.ps.state->es_param_list_info != NULL)
		record->flags |= RV_FLAG_GENERIC_PLAN;
	if (capture->id_kind != RV_ID_NONE)
		record->flags |= RV_FLAG_HAS_IDS;
	if (capture->id_kind == RV_ID_TEXT)
		record->flags |= RV_FLAG_IDS_ARE_TEXT;
	if (capture->key_attribute != InvalidAttrNumber)
		record->flags |= RV_FLAG_HAS_DISTANCES;
	lay_out(scan);
}

static void
keep_identifier(RvScan *scan, TupleTableSlot *slot)
{
	RvCapture  *capture = &scan->capture;
	rv_trajectory *record = &capture->record;
	bool		isnull;
	Datum		datum = slot_getattr(slot, capture->id_attribute, &isnull);
	int64		number;

	switch (capture->id_kind)
	{
		case RV_ID_INT2:
			number = DatumGetInt16(datum);
			break;
		case RV_ID_INT4:
			number = DatumGetInt32(datum);
			break;
		case RV_ID_INT8:
			number = DatumGetInt64(datum);
			break;
		case RV_ID_TEXT:
			{
				ExprContext *context = scan->child->ss.ps.ps_ExprContext;
				MemoryContext old;
				char	   *text;
				bool		fixed = TupleDescAttr(slot->tts_tupleDescriptor, capture->id_attribute - 1)->attlen > 0;

				if (!fixed && (VARATT_IS_EXTERNAL(DatumGetPointer(datum)) ||
							   VARSIZE_ANY(DatumGetPointer(datum)) > RV_ID_BYTES))
				{
					record->flags &= ~RV_FLAG_HAS_IDS;
					return;
				}
				old = MemoryContextSwitchTo(context->ecxt_per_tuple_memory);
				text = OutputFunctionCall(&capture->id_output, datum);
				MemoryContextSwitchTo(old);
				if (strlen(text) > RV_ID_BYTES)
				{
					record->flags &= ~RV_FLAG_HAS_IDS;
					return;
				}
				strcpy(capture->ids + record->id_bytes, text);
				record->id_bytes += strlen(text) + 1;
				return;
			}
		default:
			return;
	}
	memcpy(capture->ids + record->id_bytes, &number, sizeof(number));
	record->id_bytes += sizeof(number);
}

/* Not where it would cost a detoast: pgvector keeps long vectors out of line. */
static void
keep_distance(RvScan *scan, TupleTableSlot *slot)
{
	RvCapture  *capture = &scan->capture;
	bool		isnull;
	Datum		datum = slot_getattr(slot, capture->key_attribute, &isnull);

	if (isnull || VARATT_IS_EXTERNAL(DatumGetPointer(datum)) || VARATT_IS_COMPRESSED(DatumGetPointer(datum)))
	{
		capture->record.flags &= ~RV_FLAG_HAS_DISTANCES;
		return;
	}
	capture->distances[capture->record.rows_kept] = rv_batches_distance(scan->child, datum);
}

void
rv_capture_row(RvScan *scan, TupleTableSlot *slot)
{
	rv_trajectory *record = &scan->capture.record;

	if (record->rows_kept >= scan->capture.rows)
		return;
	if (record->flags & RV_FLAG_HAS_IDS)
		keep_identifier(scan, slot);
	if (record->flags & RV_FLAG_HAS_DISTANCES)
		keep_distance(scan, slot);
	record->rows_kept++;
}

void
rv_capture_finish(RvScan *scan)
{
	RvCapture  *capture = &scan->capture;
	rv_trajectory *record = &capture->record;
	int			distance_bytes;
	int			bytes;
	char	   *to;

	if (!capture->active)
		return;
	capture->active = false;
	if (!(record->flags & RV_FLAG_HAS_IDS))
		record->id_bytes = 0;
	distance_bytes = record->flags & RV_FLAG_HAS_DISTANCES ? record->rows_kept * (int) sizeof(double) : 0;
	bytes = sizeof(*record) + distance_bytes + record->id_bytes + record->vector_bytes + record->filter_bytes;
	if (bytes > RV_RECORD_MAX)
	{
		bytes -= record->vector_bytes + record->filter_bytes;
		record->vector_bytes = record->filter_bytes = 0;
	}
	if (!rv_capture_new_query_id(record->query_id))
		return;					/* a search never fails for what we note about it */
	record->parameter = scan->plan.parameter;	/* of a search in batches, known only now */
	memcpy(capture->buffer, record, sizeof(*record));
	/* close the gaps that rows which did not come have left */
	to = (char *) capture->distances + distance_bytes;
	if (to != capture->ids)
		memmove(to, capture->ids, record->id_bytes);
	to += record->id_bytes;
	if (to != capture->vector)
		memmove(to, capture->vector, record->vector_bytes + record->filter_bytes);
	rv_registry_push(scan->slot, (const rv_trajectory *) capture->buffer, bytes);
	memcpy(last_query_id.data, record->query_id, UUID_LEN);
	have_last_query_id = true;
}
