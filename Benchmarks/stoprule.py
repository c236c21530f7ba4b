"""Part of Benchmarks/prior: the stop rule as Sources/LearningCore fits and replays it, on labels read from files."""
import math
from operator import mul, sub


class Label:
    """One query: recall and buffers at each fixed value, and after each batch, there with the contrasts of distances."""

    def __init__(self, line):
        k, totals, stages, values, recall, buffers = (list(map(float, field.split())) for field in line.split("|"))
        self.fixed = dict(zip(map(int, values), zip(recall, buffers)))
        self.stages = []
        for found, touched, nearest, kth, last, _ in zip(*[iter(stages)] * 6):
            if math.isnan(found) or math.isnan(touched):
                break
            self.stages.append((found, touched, (kth, nearest - kth, last - kth)))


def read(path):
    return [Label(line) for line in path.read_text().splitlines()]


# ---- the model ---------------------------------------------------------------------------


def solve(matrix, right):
    """Elimination without pivots: the matrix is symmetric and positive definite."""
    rows = [row + [value] for row, value in zip(matrix, right)]
    for pivot, row in enumerate(rows):
        rows[pivot] = row = [value / row[pivot] for value in row]
        for other, line in enumerate(rows):
            if other != pivot:
                rows[other] = [a - line[pivot] * b for a, b in zip(line, row)]
    return [row[-1] for row in rows]


def logit(columns, targets, ridge, prior):
    """Weights of a logistic regression of shares, drawn to the prior by a ridge: Newton's method, steps halved."""

    def odds(weights):
        return [sum(map(mul, weights, row)) for row in zip(*columns)]

    def loss(weights, odds):
        strange = sum(r * (w - p) ** 2 for r, w, p in zip(ridge, weights, prior)) / 2
        return strange + sum(max(z, 0) + math.log1p(math.exp(-abs(z))) - y * z for z, y in zip(odds, targets))

    weights, now = list(prior), odds(prior)
    least = loss(weights, now)
    for _ in range(60):
        shares = [1 / (1 + math.exp(-max(z, -700))) for z in now]
        excess = list(map(sub, shares, targets))
        gradient = [sum(map(mul, excess, column)) + r * (w - p) for column, r, w, p in zip(columns, ridge, weights, prior)]
        spread = [share * (1 - share) for share in shares]
        weighted = [list(map(mul, spread, column)) for column in columns]
        hessian = [[sum(map(mul, a, b)) for b in columns] for a in weighted]
        for axis, r in enumerate(ridge):
            hessian[axis][axis] += r
        step = solve(hessian, gradient)
        if sum(map(mul, step, gradient)) < 1e-10:
            break
        while True:
            moved = list(map(sub, weights, step))
            there = odds(moved)
            if (value := loss(moved, there)) <= least or sum(map(mul, step, gradient)) < 1e-10:
                break
            step = [part / 2 for part in step]
        weights, now, least = moved, there, value
    return weights


def measured(labels, stage):
    """Columns of contrasts, and targets, of the labels that measured a stage and the next."""
    rows = [label.stages[stage] for label in labels if len(label.stages) > stage + 1]
    rows = [(contrasts, 1 - found) for found, _, contrasts in rows if all(map(math.isfinite, contrasts))]
    return list(zip(*(contrasts for contrasts, _ in rows))), [target for _, target in rows]


def standard(columns):
    """The columns with mean 0 and variance 1, or 0 where they do not vary; their means and deviations."""
    means = [sum(column) / len(column) for column in columns]
    deviations = [math.sqrt(sum((x - mean) ** 2 for x in column) / len(column)) for column, mean in zip(columns, means)]
    deviations = [d if d > 1e-6 * abs(mean) else math.inf for d, mean in zip(deviations, means)]
    return [[(x - mean) / d for x in column] for column, mean, d in zip(columns, means, deviations)], means, deviations


def shared_slopes(sets, stage, strength=3):
    """Standardised slopes that fit several data sets best at once, each with an intercept of its own."""
    columns, targets = [[] for _ in range(len(sets) + 3)], []
    for number, labels in enumerate(sets):
        contrasts, shares = measured(labels, stage)
        for other in range(len(sets)):
            columns[other] += [float(other == number)] * len(shares)
        for column, values in zip(columns[len(sets) :], standard(contrasts)[0]):
            column += values
        targets += shares
    ridge = [1e-6] * len(sets) + [strength] * 3
    return logit(columns, targets, ridge, [0.0] * len(ridge))[len(sets) :]


# ---- the rule ------------------------------------------------------------------------------


class Rule:
    """Fitted to labels, with the slopes of a prior for each stage and its strength."""

    def __init__(self, labels, slopes, strength):
        self.stages = []  # weights of (1, contrasts), buffers of the next batch
        self.least = []  # what it is worth at least: where fewer than one label in a hundred would end, none does
        for stage in range(max(len(label.stages) for label in labels) - 1):
            columns, targets = measured(labels, stage)
            columns, means, deviations = standard(columns)
            prior = [0.0, *slopes[min(stage, len(slopes) - 1)]]
            fit = logit([[1.0] * len(targets), *columns], targets, [1e-6] + [strength] * 3, prior)
            weights = [slope / d for slope, d in zip(fit[1:], deviations)]
            both = [(label.stages[stage], label.stages[stage + 1]) for label in labels if len(label.stages) > stage + 1]
            touched = sum(after[1] - before[1] for before, after in both)
            self.stages.append((fit[0] - sum(map(mul, weights, means)), weights, touched / len(both)))
            known = [label for label in labels if len(label.stages) > stage + 1 and all(map(math.isfinite, label.stages[stage][2]))]
            worths = sorted(self.missing(label, stage) * len(both) / touched for label in known)
            self.least.append(worths[len(worths) // 100] if len(worths) >= 100 else 0.0)

    def missing(self, label, stage):
        """The share of neighbours that is expected to be missing after a stage."""
        intercept, weights, _ = self.stages[stage]
        odds = intercept + sum(map(mul, weights, label.stages[stage][2]))
        return 1 / (1 + math.exp(min(-odds, 700)))

    def worths(self, label):
        """What a buffer is worth after each stage but the last."""
        rule = zip(self.stages[: len(label.stages)], self.least)
        return [max(self.missing(label, stage) / touched, least) for stage, ((_, _, touched), least) in enumerate(rule)]

    def replay(self, labels):
        return Replay(self, labels)


class Replay:
    """What labels would have found and touched under a rule."""

    def __init__(self, rule, labels):
        self.searches = [(rule.worths(label), label.stages) for label in labels]

    def at(self, multiplier):
        """Mean recall and buffers."""
        recall = buffers = 0.0
        for worths, stages in self.searches:
            found, touched, _ = stages[self.end(worths, len(stages), multiplier)]
            recall, buffers = recall + found, buffers + touched
        return recall / len(self.searches), buffers / len(self.searches)

    def recalls(self, multiplier, chosen):
        """Of the searches with these numbers; should a later stage have found less, the least counts."""
        for worths, stages in map(self.searches.__getitem__, chosen):
            end = self.end(worths, len(stages), multiplier)
            yield min(found for found, _, _ in stages[end:])

    def certified(self, target, certifying):
        """The greatest multiplier, to within 0.2 %, that these searches certify for a mean recall; None without one."""
        low, high = 1e-15, 1.0
        if not refutes(target, self.recalls(low, certifying)):
            return None
        for _ in range(14):
            middle = math.sqrt(low * high)
            if refutes(target, self.recalls(middle, certifying)):
                low = middle
            else:
                high = middle
        return low

    def end(self, worths, count, multiplier):
        """The stage after which the search ends."""
        return next((stage for stage in range(count - 1) if worths[stage] < multiplier), count - 1)

    def at_recall(self, recall):
        """Mean buffers at a mean recall, between the two multipliers around it; None where none reaches it."""
        low, high = 1e-15, 1.0
        reaching, missing = self.at(low), self.at(high)
        if reaching[0] < recall:
            return None
        for _ in range(18):
            middle = math.sqrt(low * high)
            if (there := self.at(middle))[0] >= recall:
                low, reaching = middle, there
            else:
                high, missing = middle, there
        share = (recall - missing[0]) / (reaching[0] - missing[0])
        return missing[1] + share * (reaching[1] - missing[1])


def begun_anew(rule, labels, targets):
    """Least mean buffers, in hindsight, of searches that look once and, where too much seems missing, begin anew."""
    labels = [label for label in labels if len(label.stages) > len(rule.stages)]
    least = dict.fromkeys(targets, math.inf)
    for first in range(len(rule.stages)):
        order = sorted(labels, key=lambda label: rule.missing(label, first), reverse=True)
        for second in range(first + 1, len(rule.stages) + 1):
            recall = sum(label.stages[first][0] for label in labels)
            buffers = sum(label.stages[first][1] for label in labels)
            missed = list(targets)
            for label in order:
                recall += label.stages[second][0] - label.stages[first][0]
                buffers += label.stages[second][1]
                for target in [target for target in missed if recall >= target * len(labels)]:
                    missed.remove(target)
                    least[target] = min(least[target], buffers / len(labels))
    return least


# ---- the bound ------------------------------------------------------------------------------


STAKES = [(math.inf, 0.25), (0.35, 0.25), (0.11, 0.4), (0.035, 0.1)]  # and what each begins with


def refutes(mean, recalls, confidence=0.975):
    """Whether a mean recall this low is refuted, at whatever time; as BettingBound.swift."""
    shares = [min(stake * math.sqrt(mean / (1 - mean)), 0.98) for stake, _ in STAKES]
    wealth = [start for _, start in STAKES]
    factors = {}
    for recall in recalls:
        if (factor := factors.get(recall)) is None:
            factor = factors[recall] = [1 + share * (recall / mean - 1) for share in shares]
        wealth = list(map(mul, wealth, factor))
        if sum(wealth) >= 1 / (1 - confidence):
            return True
    return False
