"""From decayed masses to the score and its explanation (TRUST_MODEL 9)."""

from math import isqrt
from typing import NamedTuple, Optional

from evidence import DIMENSIONS, divisor_at, masses_at, weight_at
from findings import KIND_NUMBER
from policy import PPM, curve

COGNITIVE = DIMENSIONS[:6]
FULL_SCORE = 100_000_000
POINT_SCALE = 10**7
SHARE_SCALE = 1 << 16


class Rhythm(NamedTuple):
    """The rhythm of a customer's orders (9.3)."""

    orders: int
    first: Optional[int]
    last: Optional[int]
    silence: Optional[int]
    ppm: int


def rhythm_at(order_times, t, settings):
    n = len(order_times)
    first, last = min(order_times, default=None), max(order_times, default=None)
    spec = settings.score["rhythm"]
    if n >= spec["min_orders"] and last > first:
        silence = (t - last) * 1000 * (n - 1) // (last - first)
        return Rhythm(n, first, last, silence, curve(spec["curve"], silence))
    return Rhythm(n, first, last, None, settings.score["base_rate"]["B"])


class Score:
    """The score at t of a set of items (9.1 - 9.7)."""

    def __init__(self, items, rhythm, t, settings):
        self.items = items
        self.rhythm = rhythm
        self.t = t
        self.settings = settings
        self.spec = settings.score
        self.masses = masses_at(items, t, settings.policy)
        prior = self.spec["prior_weight"]
        base = self.spec["base_rate"]
        self.m = {d: self.masses.total(d) + prior for d in DIMENSIONS}
        self.p = {d: (PPM * self.masses.gain[d] + prior * base[d]) // self.m[d] for d in DIMENSIONS}
        self.weakest = min(COGNITIVE, key=lambda d: self.p[d])  # the first of the least
        self.k, self.k_rhythm = self._coefficients()
        total = sum(self.k[d] * self.p[d] for d in DIMENSIONS) + self.k_rhythm * rhythm.ppm
        self.score = total // POINT_SCALE
        self.sd = self._sd()
        half = self.sd * self.spec["confidence"] // PPM
        self.low, self.high = max(0, self.score - half), min(FULL_SCORE, self.score + half)

    def _coefficients(self):
        """9.4"""
        kappa, layer = self.spec["weakest_link"], self.spec["layer"]
        k = {}
        for d in COGNITIVE:
            share = (PPM - kappa) * self.spec["weight"][d] + (kappa * PPM if d == self.weakest else 0)
            k[d] = layer["cognitive"] * share // 10**9
        k["V"] = 1000 * layer["emotional"]
        k["B"] = 500 * layer["behavioural"]
        return k, 500 * layer["behavioural"]

    def _sd(self):
        """9.5"""
        variance = 0
        for d in DIMENSIONS:
            p = self.p[d]
            variance += self.k[d] ** 2 * (p * (PPM - p) * PPM // (self.m[d] + PPM))
        return isqrt(variance // 10**14)

    # ------------------------------------------------------------------------------- what it means

    @property
    def layers(self):
        kappa = self.spec["weakest_link"]
        weighted = sum(self.spec["weight"][d] * self.p[d] for d in COGNITIVE)
        return {
            "cognitive": ((PPM - kappa) * weighted + kappa * PPM * self.p[self.weakest]) // 10**12,
            "emotional": self.p["V"],
            "behavioural": (self.p["B"] + self.rhythm.ppm) // 2,
        }

    @property
    def uncertain(self):
        return self.sd > self.spec["uncertain_sd"]

    @property
    def tier_by_floors(self):
        for tier in TIERS[:-1]:
            if self.score >= self.spec["tiers"][tier]:
                return tier
        return TIERS[-1]

    @property
    def tier(self):
        """9.6: devoted has a gate."""
        gate = self.spec["gate"]
        tier = self.tier_by_floors
        passes = (
            self.p["V"] >= gate["voice"]
            and self.p["B"] >= gate["behaviour"]
            and all(self.masses.total(d) >= gate["mass"] for d in "VB")
        )
        return "trusting" if tier == "devoted" and not passes else tier

    @property
    def quadrant(self):
        """9.7"""
        spec = self.spec["quadrant"]
        if any(self.masses.total(d) < spec["mass"] for d in "VB"):
            return "undetermined"
        layers = self.layers
        glad = layers["emotional"] >= spec["voice"]
        loyal = layers["behavioural"] >= spec["behaviour"]
        return {
            (True, True): "loyalist",
            (True, False): "mercenary",
            (False, True): "hostage",
            (False, False): "defector",
        }[glad, loyal]

    # --------------------------------------------------------------------------------- explanation

    def explanation(self):
        """The rows of 9.8; their points sum to the score."""
        base = self.spec["base_rate"]
        values = [sum(self.k[d] * base[d] for d in DIMENSIONS) + self.k_rhythm * base["B"]]
        values += [self.k[d] * (self.p[d] - base[d]) for d in DIMENSIONS]
        values.append(self.k_rhythm * (self.rhythm.ppm - base["B"]))
        points = distribute(values, POINT_SCALE, self.score)
        rows = [{"kind": "base", "points": points[0]}]
        for dimension, total in zip(DIMENSIONS, points[1:-1]):
            rows += self._rows_of_dimension(dimension, total)
        rows.append({"kind": "rhythm", "points": points[-1]})
        return rows

    def _rows_of_dimension(self, dimension, target):
        groups = self._groups(dimension)
        half_life = self.settings.policy.half_life[dimension]
        divisor = divisor_at(self.t, half_life)
        base, k = self.spec["base_rate"][dimension], self.k[dimension]
        values = []
        for gain, loss, _ in groups:
            u_gain, u_loss = SHARE_SCALE * gain // divisor, SHARE_SCALE * loss // divisor
            values.append(k * ((PPM - base) * u_gain - base * u_loss))
        points = distribute(values, POINT_SCALE * SHARE_SCALE * self.m[dimension], target)
        return [dict(row, dimension=dimension, points=p) for (_, _, row), p in zip(groups, points)]

    def _groups(self, dimension):
        """[(n+, n-, row without points)] of a dimension; sealed cases are the last one."""
        half_life = self.settings.policy.half_life[dimension]
        groups = {}
        older = [0, 0]
        for item in self.items:
            if item.dimension != dimension:
                continue
            n = item.amount * weight_at(item.stamp, self.t, half_life)
            if n == 0:
                continue
            side = 0 if item.is_gain else 1
            if item.case.is_sealed(self.t):
                older[side] += n
                continue
            finding = item.finding
            key = (item.case.key, KIND_NUMBER[finding.kind], finding.object)
            sums, names, _ = groups.setdefault(key, ([0, 0], {}, finding.kind))
            sums[side] += n
            names.update(dict.fromkeys(finding.events))
        result = []
        for (case_key, _, object_), (sums, names, kind) in sorted(groups.items(), key=lambda g: g[0]):
            row = {"kind": kind, "case": case_key, "object": object_, "events": list(names)}
            result.append((*sums, row))
        if any(older):
            result.append((*older, {"kind": "older_history"}))
        return result


TIERS = ("devoted", "trusting", "watch", "eroding", "broken")


def distribute(values, z, target):
    """Points of v_1 … v_n over z that sum to the target (9.8)."""
    if not values:
        return []
    points = [v // z for v in values]
    share, rest = divmod(target - sum(points), len(values))
    favoured = sorted(range(len(values)), key=lambda i: (-(values[i] % z), i))[:rest]
    return [q + share + (1 if i in favoured else 0) for i, q in enumerate(points)]
