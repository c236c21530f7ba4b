"""Prints the data and values that BettingBoundTests, RatioIntervalTests, QuantileIntervalTests, FractionalLogitTests, the tests of Student's t,
chi-square and what is made of them, and FastGRNNCellTests embed.

Independent of the Swift code: wealth in log space, roots by scipy's brentq, Student's t from scipy,
the penalised likelihood minimised by scipy's BFGS on the raw features.
Needs numpy and scipy.
"""

import numpy as np
from scipy import optimize, stats

STAKES = np.array([np.inf, 0.35, 0.11, 0.035])
START = np.array([0.25, 0.25, 0.4, 0.1])


def largest_log_wealth(x, m):
    """The largest log wealth that the mixture ever has in the game against the mean m."""
    stakes = np.minimum(STAKES / np.sqrt(m * (1 - m)), 0.98 / m)
    steps = np.log1p(stakes[:, None] * (x[None, :] - m))
    paths = np.log(START)[:, None] + np.cumsum(steps, axis=1)
    return np.logaddexp.reduce(paths, axis=0).max()


def lower(x, confidence):
    goal = -np.log1p(-confidence)
    if largest_log_wealth(x, 1e-12) < goal:
        return 0.0
    return optimize.brentq(lambda m: largest_log_wealth(x, m) - goal, 1e-12, 1 - 1e-12, xtol=1e-13)


def fieller(x, y):
    n = len(x)
    t = stats.t.ppf(0.975, n - 1)
    (sxx, sxy), (_, syy) = np.cov(x, y) / n
    mx, my = x.mean(), y.mean()
    if my**2 <= t**2 * syy:
        return mx / my, -np.inf, np.inf
    roots = np.roots([my**2 - t**2 * syy, -2 * (mx * my - t**2 * sxy), mx**2 - t**2 * sxx])
    return mx / my, min(roots), max(roots)


def fractional_logit(x, y, prior=(0, 0, 0), strength=3):
    """Minimises in the raw weights, where a standardised slope is deviation * slope."""
    design = np.column_stack([np.ones(len(x)), x])
    mean, deviation = x.mean(0), x.std(0)

    def loss(w):
        z = design @ w
        return (np.logaddexp(0, z) - y * z).sum() + strength / 2 * ((deviation * w[1:] - prior) ** 2).sum() + 0.5e-6 * (
            w[0] + mean @ w[1:]
        ) ** 2

    start = np.zeros(design.shape[1])
    for _ in range(20):  # restarts refresh the approximate curvature
        start = optimize.minimize(loss, start, method="BFGS", options={"gtol": 1e-12}).x
    return optimize.minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-12, "fatol": 1e-16}).x


def distributions():
    print("tails of t:")
    for freedom in (1, 2.5, 7, 30, 99.5, 1e6):
        print(f"  {freedom}:", ", ".join(f"({t}, {stats.t.sf(t, freedom):.15e})" for t in (-1.5, 0.01, 1, 2.5, 12)))
    print("tails of chi-square:")
    for freedom in (1, 2, 5, 40, 1000):
        tails = ((x * freedom, stats.chi2.sf(x * freedom, freedom)) for x in (0.01, 0.5, 1, 1.5, 4))
        print(f"  {freedom}:", ", ".join(f"({x}, {p:.15e})" for x, p in tails))


def tests():
    one, other = WELCH
    welch = stats.ttest_ind(one, other, equal_var=False)
    greater = stats.ttest_ind(one, other, equal_var=False, alternative="greater").pvalue
    print(f"Welch: t {welch.statistic:.12f} freedom {welch.df:.12f} p {welch.pvalue:.12e} greater {greater:.12e}")
    n = min(len(one), len(other))
    paired = stats.ttest_rel(one[:n], other[:n])
    print(f"paired: t {paired.statistic:.12f} freedom {paired.df} p {paired.pvalue:.12e}")
    print(f"mix: p {stats.chi2_contingency([[40, 30, 20, 10], [20, 35, 22, 23]], correction=False).pvalue:.12e}")
    pooled = stats.chi2_contingency([[40, 30, 6], [20, 35, 9]], correction=False).pvalue
    print(f"mix with rare categories: p {pooled:.12e}")


WELCH = (
    np.array([27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4]),
    np.array([27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 30.5]),
)


def fastgrnn():
    """Two steps of a cell of 3 inputs and 2 hidden numbers, whose weights are 0.1, -0.2, 0.3, ... in order."""

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    weights = np.array([0.1 * (i + 1) * (-1) ** i for i in range(16)])
    w, u = weights[:6].reshape(2, 3), weights[6:10].reshape(2, 2)
    gate_bias, bias = weights[10:12], weights[12:14]
    zeta, nu = sigmoid(weights[14:])
    h = np.zeros(2)
    for x in ([0.5, -1, 2], [-0.25, 0.75, 1]):
        z = sigmoid(w @ x + u @ h + gate_bias)
        h = (zeta * (1 - z) + nu) * np.tanh(w @ x + u @ h + bias) + z * h
        print("FastGRNN:", " ".join(f"{v:.15f}" for v in h))


def quantiles():
    print("ranks between which a quantile lies, 95 % (None: too few):")
    for n, share in ((5, 0.5), (6, 0.5), (10, 0.5), (100, 0.5), (100, 0.9), (100, 0.95), (100, 0.99), (299, 0.99),
                     (1000, 0.99), (10000, 0.999), (10000, 0.5)):
        ranks = np.arange(1, n + 1)
        low = ranks[stats.binom.cdf(ranks - 1, n, share) <= 0.025]
        high = ranks[stats.binom.sf(ranks - 1, n, share) <= 0.025]
        print(f"  n = {n}, {share}: {low.max() if len(low) else None} {high.min() if len(high) else None}")


def main():
    distributions()
    quantiles()
    tests()
    fastgrnn()
    rng = np.random.default_rng(20230217)
    for n, hard in ((40, 0.1), (300, 0.1)):
        hits = np.where(rng.random(n) < hard, rng.binomial(10, 0.6, n), 10)
        x = (hits / 10).astype(np.float32).astype(float)
        print(f"hits, n = {n} (hexadecimal):")
        for line in np.array_split(hits, -(-n // 100)):
            print(" ", "".join(f"{h:X}" for h in line))
        for confidence in (0.95, 0.99):
            print(f"  {confidence}: lower {lower(x, confidence):.9f} upper {1 - lower(1 - x, confidence):.9f}")
    for n in (59, 100):
        print(f"{n} ones: lower {lower(np.ones(n), 0.95):.9f}; {n} zeros: lower {lower(np.zeros(n), 0.95):.9f}")

    for n, shape in ((2, 20), (2, 5000), (3, 20), (4, 20), (10, 20), (30, 2)):
        y = np.round(rng.gamma(shape, 200 / shape, n))
        x = np.round(y * rng.uniform(0.4, 0.7, n))
        ratio, low, high = fieller(x, y)
        print(f"pairs, n = {n}:", ", ".join(f"({a:.0f}, {b:.0f})" for a, b in zip(x, y)))
        print(f"  ratio {ratio:.9f} low {low:.9f} high {high:.9f}")

    x = np.round(np.column_stack([rng.uniform(0.1, 0.6, 30), rng.uniform(0.3, 0.9, 30), rng.uniform(0.5, 1.2, 30)]), 2)
    y = np.round(rng.binomial(10, 1 / (1 + np.exp(-6 * (x[:, 1] - 0.7)))) / 10, 1)
    print("features and targets:", ", ".join(f"({a}, {b}, {c}, {t})" for (a, b, c), t in zip(x, y)))
    print("  weights", " ".join(f"{w:.6f}" for w in fractional_logit(x, y)))
    print("  under a prior", " ".join(f"{w:.6f}" for w in fractional_logit(x, y, (0.5, -1, 2), 8)))


main()
