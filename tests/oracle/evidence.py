"""Evidence: from findings to signed amounts, and their decayed sums (TRUST_MODEL 7, 8)."""

import hashlib
from typing import NamedTuple

from findings import KIND_NUMBER, Finding
from policy import PPM, curve

DIMENSIONS = ("R", "S", "H", "C", "E", "K", "V", "B")
SLOTS = 1024
ERAS = 24


class Item(NamedTuple):
    """An amount of evidence in µe: a gain (positive sign) or a loss."""

    dimension: str
    is_gain: bool
    amount: int
    finding: Finding
    case: object

    @property
    def stamp(self):
        return self.finding.stamp

    @property
    def order(self):
        """Stamp, kind, case key, object, m: the order of 10.3."""
        finding = self.finding
        return (finding.stamp, KIND_NUMBER[finding.kind], self.case.key, finding.object, finding.magnitude)


def items_of_case(case, t):
    """The items of a case from its findings true at t."""
    raw = _raw_items(case, t)
    items = []
    for dimension in DIMENSIONS:
        items += _with_recovery([item for item in raw if item.dimension == dimension], case.settings, dimension)
    return items


def _raw_items(case, t):
    """The amounts of 7.2 - 7.4: in the order of findings, then rows."""
    settings = case.settings
    room = {}  # (kind, row number) -> what is left of its cap
    items = []
    for finding in case.fold.findings:
        if finding.stamp > t:
            break
        entry = settings.evidence.get(finding.kind, {"rows": []})
        for number, row in enumerate(entry["rows"]):
            x = _amount(finding, entry, row, settings)
            if "cap" in row:
                left = room.get((finding.kind, number), row["cap"])
                x = min(x, left)
                room[(finding.kind, number)] = left - x
            if x:
                items.append(Item(row["dim"], row["amount"] > 0, x, finding, case))
    return items


def _amount(finding, entry, row, settings):
    x = abs(row["amount"])
    x = x * entry.get("class", {}).get(finding.class_, PPM) // PPM
    if "steps" in row:
        x = x * row["steps"][min(finding.magnitude, len(row["steps"]) - 1)] // PPM
    elif "curve" in row:
        x = x * curve(settings.curves[row["curve"]], finding.magnitude) // PPM
    if "relief" in row:
        x = x * curve(settings.curves[row["relief"]], finding.lead) // PPM
    if finding.excused and row["amount"] < 0:
        x = x * settings.excused // PPM
    return x


def _with_recovery(items, settings, dimension):
    """Recovery (7.5) and the loss factor (7.6) for one case and dimension."""
    gaining = {id(item.finding) for item in items if item.is_gain}
    losing = {id(item.finding) for item in items if not item.is_gain}
    graded = gaining & losing
    losses = [item for item in items if not item.is_gain and id(item.finding) not in graded]
    left = sum(item.amount for item in losses) * settings.recovery[dimension] // PPM
    first_loss = losses[0].stamp if losses else None
    factor = settings.score["loss_factor"][dimension]
    result = []
    for item in items:
        x = item.amount
        if not item.is_gain:
            x = x * factor // PPM
        elif losses and id(item.finding) not in graded and item.stamp >= first_loss:
            x = min(x, left)
            left -= x
        if x:
            result.append(item._replace(amount=x))
    return result


# ------------------------------------------------------------------------------------------- decay


def _decay_table():
    """tbl[j] = 2^(20 + j/1024), rounded to the nearest integer (8.2)."""
    table = []
    for j in range(SLOTS):
        power = 1 << (21 * 1024 + j)
        n = int(2 ** (20 + j / SLOTS))  # a guess; the integers decide
        while (2 * n + 1) ** 1024 <= power:
            n += 1
        while (2 * n - 1) ** 1024 > power:
            n -= 1
        table.append(n)
    return table


TABLE = _decay_table()
_TABLE_SHA256 = "83d3a601946b62505c4a3b4092f230035150ced84b9f01ace287c9d96bea1d68"
assert hashlib.sha256(b"".join(n.to_bytes(4, "little") for n in TABLE)).hexdigest() == _TABLE_SHA256


def era_and_slot(time, half_life):
    return time // half_life, (time % half_life) * SLOTS // half_life


def weight_at(stamp, t, half_life):
    """tbl[j]·2^(24 − a) of a stamp read at t; 0 once it is too old (8.3)."""
    era, slot = era_and_slot(stamp, half_life)
    age = era_and_slot(t, half_life)[0] - era
    return TABLE[slot] << (ERAS - age) if 0 <= age < ERAS else 0


def divisor_at(t, half_life):
    """D of 8.3."""
    return TABLE[era_and_slot(t, half_life)[1]] << ERAS


class Masses(NamedTuple):
    """Decayed sums of items at t, per dimension: n of 8.3, and the mass in µe."""

    gain_n: dict
    loss_n: dict
    gain: dict
    loss: dict

    def total(self, dimension):
        return self.gain[dimension] + self.loss[dimension]


def masses_at(items, t, policy):
    gain_n = dict.fromkeys(DIMENSIONS, 0)
    loss_n = dict.fromkeys(DIMENSIONS, 0)
    for item in items:
        n = item.amount * weight_at(item.stamp, t, policy.half_life[item.dimension])
        (gain_n if item.is_gain else loss_n)[item.dimension] += n

    def mass(sums):
        result = {}
        for dimension, n in sums.items():
            divisor = divisor_at(t, policy.half_life[dimension])
            result[dimension] = (2 * n + divisor) // (2 * divisor)
        return result

    return Masses(gain_n, loss_n, mass(gain_n), mass(loss_n))
