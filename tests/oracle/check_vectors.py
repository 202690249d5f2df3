"""Runs the golden scenarios of a folder through the oracle (TRUST_MODEL 16).

    python3 check_vectors.py [--policy FILE] DIR

Prints each difference as `scenario, as-of, path, expected, found`; exit 0 only if all are equal.
"""

import argparse
import glob
import json
import os
import sys

from calendars import parse_time
from oracle import phi_all
from policy import Policy, canonical_json, find_default_policy, load_yaml, merge

NOTHING = "(nothing)"


def differences(expected, found, path=""):
    """(path, expected, found) of every leaf in which two values differ."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(expected.keys() | found.keys()):
            inner = f"{path}.{key}" if path else key
            yield from differences(expected.get(key, NOTHING), found.get(key, NOTHING), inner)
    elif isinstance(expected, list) and isinstance(found, list):
        for index in range(max(len(expected), len(found))):
            one = expected[index] if index < len(expected) else NOTHING
            other = found[index] if index < len(found) else NOTHING
            yield from differences(one, other, f"{path}[{index}]")
    elif type(expected) is not type(found) or expected != found:
        yield path, expected, found


def _dead_letter(letter):
    """A dead letter as the scenarios write it; conflicts carry no line."""
    entry = {"reason": letter.reason}
    if letter.reason != "conflict":
        entry["line"] = letter.offset + 1
    if letter.field is not None:
        entry["field"] = letter.field
    if letter.event is not None:
        entry.update(source=letter.event.source, id=letter.event.id, type=letter.event.type)
    return entry


def _in_order(letters):
    return sorted(letters, key=lambda letter: (letter.get("line", 1 << 60), canonical_json(letter)))


def check(scenario, default_policy):
    """All differences of a scenario as (as-of, path, expected, found)."""
    policy = Policy(merge(default_policy, scenario["policy"]))
    if policy.hash != scenario["policy_hash"]:
        yield "", "policy_hash", scenario["policy_hash"], policy.hash
    as_ofs = [parse_time(text) for text in scenario["as_of"]]
    result = phi_all([scenario["events"]], policy, as_ofs, partitions=1)
    letters = [_dead_letter(letter) for letter in result.admission.dead_letters]
    for path, one, other in differences(_in_order(scenario["dead_letters"]), _in_order(letters)):
        yield "", "dead_letters" + path, one, other
    for expectation in scenario["expected"]:
        index = result.as_ofs.index(parse_time(expectation["as_of"]))
        found = result.records(index)
        for record in found:
            del record["as_of"], record["policy"]
        if [canonical_json(r) for r in found] != [canonical_json(r) for r in expectation["customers"]]:
            for path, one, other in differences(expectation["customers"], found):
                yield expectation["as_of"], "customers" + path, one, other


def main():
    parser = argparse.ArgumentParser(description="Runs the golden scenarios of a folder through the oracle.")
    parser.add_argument("--policy", help="the default policy; that of the source tree if not given")
    parser.add_argument("folder")
    options = parser.parse_args()
    default_policy = load_yaml(options.policy or find_default_policy())
    paths = sorted(glob.glob(os.path.join(options.folder, "*.json")))
    different = 0
    for path in paths:
        with open(path, encoding="utf-8") as stream:
            scenario = json.load(stream)
        found = list(check(scenario, default_policy))
        different += bool(found)
        for as_of, place, one, other in found:
            print(f"{scenario['name']}, {as_of}, {place}, {json.dumps(one)}, {json.dumps(other)}")
    print(f"{len(paths) - different} of {len(paths)} scenarios equal", file=sys.stderr)
    return 0 if paths and not different else 1


if __name__ == "__main__":
    sys.exit(main())
