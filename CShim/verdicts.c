/*
 * verdicts.c - verdicts on single searches, from what the tables know of them.
 *
 * Called by functions and views in schema ruvector only.  No locks, no tables.
 */
#include "rv.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/float.h"

static double
float_argument(FunctionCallInfo fcinfo, int position)
{
	return PG_ARGISNULL(position) ? get_float8_nan() : PG_GETARG_FLOAT8(position);
}

static int32
int_argument(FunctionCallInfo fcinfo, int position)
{
	return PG_ARGISNULL(position) ? -1 : PG_GETARG_INT32(position);
}

static int32
floats_argument(FunctionCallInfo fcinfo, int position, const double **elements)
{
	ArrayType  *array;

	*elements = NULL;
	if (PG_ARGISNULL(position))
		return 0;
	array = PG_GETARG_ARRAYTYPE_P(position);
	if (ARR_HASNULL(array))
		return 0;
	*elements = (const double *) ARR_DATA_PTR(array);
	return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
}

/* As a Datum that is NULL when unknown. */
static Datum
known(double number, bool *isnull)
{
	*isnull = isnan(number);
	return Float8GetDatum(number);
}

static Datum
row(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	TupleDesc	descriptor;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

PG_FUNCTION_INFO_V1(ruvector_judge_search);
Datum
ruvector_judge_search(PG_FUNCTION_ARGS)
{
	rv_search_outcome outcome = {
		.recall = float_argument(fcinfo, 0),
		.target = float_argument(fcinfo, 1),
		.latency = float_argument(fcinfo, 2),
		.distinct = int_argument(fcinfo, 5),
		.rows = int_argument(fcinfo, 6),
		.limit = int_argument(fcinfo, 7),
		.filtered = !PG_ARGISNULL(8) && PG_GETARG_BOOL(8),
		.precision = float_argument(fcinfo, 9),
		.exact_precision = float_argument(fcinfo, 10),
		.rating = float_argument(fcinfo, 11),
	};
	rv_search_verdict verdict;
	Datum		texts[RV_MEASURE + 1];
	int			count = 0;
	Datum		values[8];
	bool		nulls[8] = {false};

	outcome.recent_count = floats_argument(fcinfo, 3, &outcome.recent);
	outcome.distance_count = floats_argument(fcinfo, 4, &outcome.distances);
	RV_SWIFT(rv_search_judge(&outcome, &verdict));
	for (int i = RV_RAISE_PARAMETER; i <= RV_MEASURE; i++)
		if (verdict.recommendations & (1 << i))
			texts[count++] = CStringGetTextDatum(rv_recommendation_text(i));
	values[0] = BoolGetDatum(verdict.success > 0);
	nulls[0] = verdict.success < 0;
	values[1] = known(verdict.confidence, &nulls[1]);
	values[2] = known(verdict.score, &nulls[2]);
	values[3] = known(verdict.recall, &nulls[3]);
	values[4] = known(verdict.latency, &nulls[4]);
	values[5] = known(verdict.diversity, &nulls[5]);
	values[6] = known(verdict.feedback, &nulls[6]);
	values[7] = PointerGetDatum(construct_array(texts, count, TEXTOID, -1, false, TYPALIGN_INT));
	return row(fcinfo, values, nulls);
}

static rv_identifiers
identifiers_argument(FunctionCallInfo fcinfo, int position)
{
	rv_identifiers identifiers = {0};
	const char **start;
	Datum	   *datums;
	bool	   *nulls;
	int			count;

	if (PG_ARGISNULL(position))
		return identifiers;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(position), TEXTOID, -1, false, TYPALIGN_INT, &datums, &nulls, &count);
	start = palloc(sizeof(char *) * Max(count, 1));
	for (int i = 0; i < count; i++)
		if (!nulls[i])
			start[identifiers.count++] = TextDatumGetCString(datums[i]);
	identifiers.start = start;
	identifiers.missing = palloc0(sizeof(bool) * Max(count, 1));
	return identifiers;
}

PG_FUNCTION_INFO_V1(ruvector_judge_feedback);
Datum
ruvector_judge_feedback(PG_FUNCTION_ARGS)
{
	rv_identifiers relevant = identifiers_argument(fcinfo, 0);
	rv_identifiers irrelevant = identifiers_argument(fcinfo, 1);
	rv_identifiers returned = identifiers_argument(fcinfo, 2);
	rv_identifiers exact = identifiers_argument(fcinfo, 3);
	rv_feedback_verdict verdict;
	rv_error	error = {0};
	rv_status	status;
	Datum	   *texts = palloc(sizeof(Datum) * Max(relevant.count + irrelevant.count, 1));
	int			count = 0;
	Datum		values[5];
	bool		nulls[5] = {false};

	RV_SWIFT(status = rv_feedback_judge(&relevant, &irrelevant, &returned, &exact, &verdict, &error));
	if (status != RV_OK)
		rv_fail_swift(&error);
	values[0] = known(verdict.precision, &nulls[0]);
	values[1] = known(verdict.recall, &nulls[1]);
	values[2] = known(verdict.exact_precision, &nulls[2]);
	values[3] = known(verdict.weighted_recall, &nulls[3]);
	for (int i = 0; i < relevant.count; i++)
		if (relevant.missing[i])
			texts[count++] = CStringGetTextDatum(relevant.start[i]);
	for (int i = 0; i < irrelevant.count; i++)
		if (irrelevant.missing[i])
			texts[count++] = CStringGetTextDatum(irrelevant.start[i]);
	values[4] = PointerGetDatum(construct_array(texts, count, TEXTOID, -1, false, TYPALIGN_INT));
	nulls[4] = returned.start == NULL;
	return row(fcinfo, values, nulls);
}
