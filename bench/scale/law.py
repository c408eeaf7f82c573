# SPDX-License-Identifier: Apache-2.0
"""How a cost grows with a number: the exponent of a power law, by least squares, and its name."""
import math

LAWS = (  # least exponent that is no longer the one before
    (-math.inf, 'falls'), (-0.05, 'constant'), (0.05, 'like a logarithm'), (0.15, 'below linear'), (0.85, 'linear'),
    (1.15, 'above linear'))


def exponent(points):
    """b of cost = a * n^b, which fits points (n, cost) best by least squares of logarithms; None: too few."""
    logs = [(math.log(n), math.log(cost)) for n, cost in points if n > 0 and cost is not None and cost > 0]
    if len({x for x, _ in logs}) < 2:
        return None
    mean_x = sum(x for x, _ in logs) / len(logs)
    mean_y = sum(y for _, y in logs) / len(logs)
    return sum((x - mean_x) * (y - mean_y) for x, y in logs) / sum((x - mean_x) ** 2 for x, _ in logs)


def name(b):
    """A tenfold n costs: constant, at most an eighth more; like a logarithm, four tenths; linear, 7 to 14 times."""
    return '-' if b is None else [law for least, law in LAWS if b >= least][-1]


def beyond(points, base):
    """Points less what they cost anyway; what is not more than that has no logarithm and says nothing."""
    return [(n, cost - base[n]) for n, cost in points if n in base and cost is not None and cost > base[n]]
