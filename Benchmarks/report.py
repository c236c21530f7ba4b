"""Part of Benchmarks/run: what was measured becomes numbers, a table and a plot."""
import bisect
import dataclasses
import html
import json
import math
import pathlib
import statistics

TAIL = 0.9  # a search below this recall is one of the bad ones
# What EXPLAIN says of every node; the rest of ours is how it searched.
PLAIN = ("Node Type", "Custom Plan Provider", "Relation Name", "Alias", "Parent Relationship", "Parallel Aware", "Async Capable", "Startup Cost", "Total Cost", "Plan Rows", "Plan Width", "Plans")


@dataclasses.dataclass
class Judged:
    """Recall and buffers of one contestant, query by query."""

    recall: list
    buffers: list

    def mean(self):
        return statistics.fmean(self.recall), statistics.fmean(self.buffers)


@dataclasses.dataclass
class Field:
    """All contestants but the learned ones: pgvector's default, fixed values, those of them on the ladder, and everybody's times."""

    default: Judged
    fixed: dict
    ladder: dict
    times: dict


class Learned:
    """The searches for one target."""

    def __init__(self, judged, plan):
        self.judged = judged
        self.recall, self.buffers = judged.mean()
        self.node = {name: value for name, value in our_node(plan).items() if name not in PLAIN and not name.endswith("Blocks") and not name.startswith("Actual")}

    def is_certified(self):
        return self.node["Decision"].startswith("learned")

    def kind(self):
        """From the words of EXPLAIN; what is not known here keeps its own."""
        if not self.is_certified():
            return "uncertified"
        if "stop" in json.dumps(self.node).lower():
            return "stop rule, regions" if "Distance Scale" in self.node else "stop rule"
        decision = self.node["Decision"]
        return "fixed" if "smallest value" in decision else decision.removeprefix("learned").strip(": ")


def our_node(plan):
    if plan.get("Custom Plan Provider") == "RuVector":
        return plan
    for child in plan.get("Plans", []):
        return our_node(child)
    raise SystemExit("EXPLAIN shows no RuVector node: nothing was learned on this index")


# ---- fixed values ------------------------------------------------------------------------


def neighbours(fixed, recall):
    """The smallest value that reaches a mean recall and the one before it; twice the same at the ends."""
    values = sorted(fixed)
    position = next((i for i, value in enumerate(values) if fixed[value].mean()[0] >= recall), len(values) - 1)
    if position == 0 or fixed[values[position]].mean()[0] < recall:
        return values[position], values[position]
    return values[position - 1], values[position]


def mixture(fixed, recall):
    """Which two fixed values, and the share of the larger, have this mean recall together."""
    low, high = neighbours(fixed, recall)
    if low == high:
        return low, high, 1.0
    least, most = fixed[low].mean()[0], fixed[high].mean()[0]
    return low, high, (recall - least) / (most - least)


def percentiles(weighted):
    """Mean, median, 95th and 99th percentile of times with weights."""
    weighted = sorted(weighted)
    total, passed = sum(weight for _, weight in weighted), 0.0
    answer = {"mean_us": sum(us * weight for us, weight in weighted) / total}
    wanted = [(0.5, "p50_us"), (0.95, "p95_us"), (0.99, "p99_us")]
    for us, weight in weighted:
        passed += weight
        while wanted and passed >= wanted[0][0] * total:
            answer[wanted.pop(0)[1]] = us
    return answer


def blend(low, high, share):
    """What a search costs on average, query by query, that takes the larger value with this probability."""
    return [a + share * (b - a) for a, b in zip(low, high)]


def best_fixed(fixed, recall):
    low, high, share = mixture(fixed, recall)
    names = ("param", "recall", "buffers")
    return dict(zip(names, blend((low, *fixed[low].mean()), (high, *fixed[high].mean()), share)))


def best_fixed_at(fixed, target):
    """None where no fixed value reaches it."""
    found = best_fixed(fixed, target)
    return found if found["recall"] >= target - 1e-9 else None


def best_fixed_times(field, recall):
    low, high, share = mixture(field.fixed, recall)
    times = [(us, 1 - share) for us in field.times[f"fixed {low}"]] + [(us, share) for us in field.times[f"fixed {high}"]]
    return percentiles([(us, weight) for us, weight in times if weight > 0])


def price_of_recall(fixed, low, high):
    """What mean recall costs about these values, in shares of the mean buffers: from half an octave below to half above."""
    values = sorted(fixed)
    below = max((value for value in values if value <= low / math.sqrt(2)), default=values[0])
    above = min((value for value in values if value >= high * math.sqrt(2)), default=values[-1])
    (least, cheap), (most, dear) = fixed[below].mean(), fixed[above].mean()
    return (dear - cheap) / (most - least) / fixed[high].mean()[1] if most > least else 0.0


def ratio(name, ours, theirs, ahead, price):
    """Mean over mean of the same queries, with a 95 % interval (delta method).

    That both have the same mean recall is so on these queries: by how much ours is `ahead` in recall varies from query
    to query, and other queries would be matched at another value, at this price.
    """
    mean = statistics.fmean(theirs)
    value = statistics.fmean(ours) / mean
    errors = [a - value * (b + price * mean * recall) for a, b, recall in zip(ours, theirs, ahead)]
    margin = 1.96 * statistics.stdev(errors) / mean / math.sqrt(len(ours))
    return {name: value, f"{name}_low": value - margin, f"{name}_high": value + margin}


def ratios(field, target, learned):
    """Learned against fixed at the same recall."""
    low, high, share = mixture(field.fixed, learned.recall)
    price = price_of_recall(field.fixed, low, high)
    ahead = [a - b for a, b in zip(learned.judged.recall, blend(field.fixed[low].recall, field.fixed[high].recall, share))]
    fixed = blend(field.fixed[low].buffers, field.fixed[high].buffers, share)
    answer = ratio("buffers_ratio", learned.judged.buffers, fixed, ahead, price)
    if field.times:
        fixed = blend(field.times[f"fixed {low}"], field.times[f"fixed {high}"], share)
        answer |= ratio("latency_ratio", field.times[f"learned {target}"], fixed, ahead, price)
    return answer


# ---- the oracle -----------------------------------------------------------------------------


def hull(points):
    """The lower convex hull of (recall, buffers), from the cheapest point up."""
    best = []
    for recall, buffers in sorted(points, key=lambda p: (p[1], -p[0])):
        if best and recall <= best[-1][0]:
            continue
        while len(best) > 1 and (best[-1][1] - best[-2][1]) * (recall - best[-1][0]) >= (buffers - best[-1][1]) * (best[-1][0] - best[-2][0]):
            best.pop()
        best.append((recall, buffers))
    return best


def oracle(ladder):
    """The frontier (mean recall, mean buffers) when every query has the value that is best for it.

    For each price of recall a query takes the point of its own hull where the slope
    passes the price; going up in price takes the hulls' edges in order of slope.
    """
    count, edges = len(next(iter(ladder.values())).recall), []
    recall = buffers = 0.0
    for query in range(count):
        points = hull([(judged.recall[query], judged.buffers[query]) for judged in ladder.values()])
        recall, buffers = recall + points[0][0], buffers + points[0][1]
        edges += [(b[0] - a[0], b[1] - a[1]) for a, b in zip(points, points[1:])]
    frontier = [(recall / count, buffers / count)]
    for gain, price in sorted(edges, key=lambda edge: edge[1] / edge[0]):
        recall, buffers = recall + gain, buffers + price
        frontier.append((recall / count, buffers / count))
    return frontier


def on_frontier(frontier, recall):
    """Buffers at a mean recall, between the points of the frontier."""
    position = bisect.bisect_left(frontier, (recall, 0.0))
    if position in (0, len(frontier)):
        return frontier[min(position, len(frontier) - 1)][1]
    (r0, b0), (r1, b1) = frontier[position - 1 : position + 1]
    return b0 + (recall - r0) / (r1 - r0) * (b1 - b0)


# ---- one target -------------------------------------------------------------------------------


def timed(field, contestant):
    return percentiles([(us, 1.0) for us in field.times[contestant]]) if field.times else {}


def default_entry(field):
    recall, buffers = field.default.mean()
    return {"recall": recall, "buffers": buffers, **timed(field, "default")}


def learned_entry(field, target, learned):
    recalls = learned.judged.recall
    margin = 1.96 * statistics.stdev(recalls) / math.sqrt(len(recalls))
    return {
        "recall": learned.recall,
        "recall_low": learned.recall - margin,
        "recall_high": min(learned.recall + margin, 1.0),
        "certified": learned.is_certified(),
        "bound": learned.node.get("Recall Bound"),
        "tail": sum(recall >= TAIL for recall in recalls) / len(recalls),
        "buffers": learned.buffers,
        **timed(field, f"learned {target}"),
        "kind": learned.kind(),
        "explain": learned.node,
    }


def target_entry(field, frontier, target, learned):
    entry = {
        "target": target,
        "fixed": best_fixed(field.fixed, learned.recall) | (best_fixed_times(field, learned.recall) if field.times else {}),
        "fixed_at_target": best_fixed_at(field.fixed, target),
        "default": default_entry(field),
        "learned": learned_entry(field, target, learned),
        "oracle": {"buffers": on_frontier(frontier, learned.recall)},
        **ratios(field, target, learned),
    }
    fixed, ours, least = (entry[name]["buffers"] for name in ("fixed", "learned", "oracle"))
    entry["gap_closed"] = (fixed - ours) / (fixed - least) if fixed > least else None
    return entry


# ---- on paper -----------------------------------------------------------------------------------


def columns(rows):
    """Rows of words, the first one of headings, under each other."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join(word.rjust(width) for word, width in zip(row, widths)) for row in rows]


def optional(value, form):
    return "" if value is None else format(value, form)


def ratio_words(entry, name):
    return f"{entry[name]:.3f}", f"{entry[name + '_low']:.3f} to {entry[name + '_high']:.3f}"


def buffers_table(targets):
    rows = [["target", "applied", "bound", "recall", "95 % interval", ">= 0.9", "buffers", "fixed", "buffers", "ratio", "95 % interval", "oracle", "gap closed", "fixed at target"]]
    for entry in targets:
        fixed, learned = entry["fixed"], entry["learned"]
        rows.append([
            f"{entry['target']:g}", learned["kind"], optional(learned["bound"], ".4f"), f"{learned['recall']:.4f}",
            f"{learned['recall_low']:.4f} to {learned['recall_high']:.4f}", f"{learned['tail']:.3f}", f"{learned['buffers']:.0f}",
            f"{fixed['param']:.1f}", f"{fixed['buffers']:.0f}", *ratio_words(entry, "buffers_ratio"), f"{entry['oracle']['buffers']:.0f}",
            optional(entry["gap_closed"], ".2f"), optional(entry["fixed_at_target"] and entry["fixed_at_target"]["buffers"], ".0f"),
        ])  # fmt: skip
    return columns(rows)


def regions_words(regions):
    """Whether patterns were worth it to the rule, by the labels that were held out when it was fitted."""
    if regions is None:
        return []
    verdict = "taken" if regions["taken"] else "declined"
    return [f"patterns {verdict}: {regions['buffers_ratio']:.3f} of the buffers without them on held-out labels, p {regions['p']:.2g} ({regions['fitted_on']} labels)"]


def latency_table(targets):
    names = ["mean_us", "p50_us", "p95_us", "p99_us"]
    rows = [["target", "contestant", *(name.replace("_us", "") for name in names), "ratio", "95 % interval"]]
    rows.append(["", "default", *(f"{targets[0]['default'][name]:.0f}" for name in names), "", ""])
    for entry in targets:
        for contestant in ("fixed", "learned"):
            ratio = ratio_words(entry, "latency_ratio") if contestant == "learned" else ("", "")
            rows.append([f"{entry['target']:g}", contestant, *(f"{entry[contestant][name]:.0f}" for name in names), *ratio])
    return columns(rows)


def table(found):
    default = found["targets"][0]["default"]
    lines = [
        found["command"],
        f"{found['rows']} rows, {found['dims']} dimensions, {found['metric']}, k {found['k']}, {found['index']}; {found['server']}",
        f"{found['labels']} labels of {found['label_seconds']:.3f} s; {found['queries']} held-out queries, none of them learned from",
        f"pgvector's default: recall {default['recall']:.4f}, {default['buffers']:.0f} buffers",
        *regions_words(found["regions"]),
        "",
        "Buffers a search: learned; the fixed value at the same recall, in hindsight; the oracle at the same recall; the fixed value at the target",
        *buffers_table(found["targets"]),
        "",
        "Microseconds a search in the server, percentiles over the queries, each at the best of its rounds",
        *latency_table(found["targets"]),
    ]
    for step in found.get("curve", []):
        lines += ["", f"After {step['labels']} labels", *buffers_table(step["targets"])]
    return "\n".join(lines) + "\n"


# ---- the plot -----------------------------------------------------------------------------------

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 760, 480, 70, 40, 20, 50


def ticks(low, high):
    steps = [digit * 10**power for power in range(8) for digit in (1, 2, 5)]
    return [step for step in steps if low <= step <= high]


def plot(found, frontier, fixed, learned):
    """Recall against buffers, both axes logarithmic, recall by what is missing to 1."""
    shown = [point for point in fixed if 1 - point[0] > 2e-4] or list(fixed)  # all of them exact: nothing to leave out
    floor, ceiling = shown[0][0], shown[-1][0]
    frontier = [(recall, buffers) for recall, buffers in frontier if floor <= recall <= ceiling][:: max(1, len(frontier) // 300)]
    every = shown + frontier + list(learned)
    across = lambda recall: -math.log10(max(1 - recall, 1e-5))
    left, right = across(min(p[0] for p in every)), across(max(p[0] for p in every))
    left, right = (left, right) if left < right else (left - 1, right + 1)
    bottom, top = math.log10(min(p[1] for p in every) * 0.9), math.log10(max(p[1] for p in every) * 1.1)
    x = lambda recall: LEFT + (across(recall) - left) / (right - left) * (WIDTH - LEFT - RIGHT)
    y = lambda buffers: HEIGHT - BOTTOM - (math.log10(buffers) - bottom) / (top - bottom) * (HEIGHT - TOP - BOTTOM)
    path = lambda points: " ".join(f"{x(recall):.1f},{y(buffers):.1f}" for recall, buffers in points)
    text = lambda at_x, at_y, words, anchor="middle": f'<text x="{at_x:.1f}" y="{at_y:.1f}" text-anchor="{anchor}">{html.escape(words)}</text>'

    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">']
    lines.append(f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>')
    for recall in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995):
        if left <= across(recall) <= right:
            lines.append(f'<path d="M{x(recall):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>' + text(x(recall), HEIGHT - BOTTOM + 18, f"{recall:g}"))
    for buffers in ticks(10**bottom, 10**top):
        lines.append(f'<path d="M{LEFT} {y(buffers):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>' + text(LEFT - 6, y(buffers) + 4, f"{buffers}", "end"))
    lines.append(text(WIDTH / 2, HEIGHT - 12, f"mean recall@{found['k']} on {found['queries']} held-out queries"))
    lines.append(text(LEFT, 20, f"Buffers a search: {pathlib.Path(found['data']).name}, {found['rows']} rows, {found['labels']} labels", "start"))
    lines.append(f'<polyline points="{path(frontier)}" fill="none" stroke="#2a7" stroke-dasharray="5 3"/>')
    lines.append(f'<polyline points="{path(shown)}" fill="none" stroke="#36c"/>')
    lines += [f'<circle cx="{x(recall):.1f}" cy="{y(buffers):.1f}" r="2.5" fill="#36c"/>' for recall, buffers in shown]
    for (recall, buffers), names in learned.items():
        lines.append(f'<circle cx="{x(recall):.1f}" cy="{y(buffers):.1f}" r="5" fill="#d33"/>' + text(x(recall) + 8, y(buffers) + 14, ", ".join(names), "start"))
    for number, (name, colour) in enumerate([(f"fixed {found['parameter']}", "#36c"), ("learned, by target", "#d33"), ("oracle", "#2a7")]):
        lines.append(f'<circle cx="{LEFT + 16}" cy="{TOP + 16 + 18 * number}" r="4" fill="{colour}"/>' + text(LEFT + 28, TOP + 20 + 18 * number, name, "start"))
    return "\n".join(lines + ["</svg>"]) + "\n"


def rounded(value):
    """Six digits are more than was measured."""
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def write(job, facts, field, steps):
    """The report as JSON, text and SVG; `steps` are (labels, {target: Learned}), the last one was raced."""
    frontier = oracle(field.ladder)
    untimed = dataclasses.replace(field, times={})
    entries = lambda step, among: [target_entry(among, frontier, target, learned) for target, learned in step.items()]
    labels, last = steps[-1]
    found = {name: job[name] for name in ("command", "data", "metric", "k", "seed", "tenant_scale")} | facts
    found |= {"queries": len(field.default.recall), "labels": labels, "targets": entries(last, field)}
    if len(steps) > 1:
        found["curve"] = [{"labels": count, "targets": entries(step, untimed)} for count, step in steps]
    found["fixed_curve"] = [dict(zip(("param", "recall", "buffers"), (value, *field.fixed[value].mean()))) for value in sorted(field.fixed)]

    out = pathlib.Path(job["out"])
    out.write_text(json.dumps(rounded(found), indent=1) + "\n")
    words = table(found)
    out.with_suffix(".txt").write_text(words)
    points = {}
    for target, learned in last.items():
        points.setdefault((learned.recall, learned.buffers), []).append(f"{target:g}" + ("" if learned.is_certified() else " (uncertified)"))
    curve = [field.fixed[value].mean() for value in sorted(field.fixed)]
    out.with_suffix(".svg").write_text(plot(found, frontier, curve, points))
    print(words, end="")
