"""What the scenario tests share: running `troth` and the oracle, reading streams, and the rules of what is equal to what.

The binary is named by TROTH, else build/release/troth of the tree. Every process started here has a time limit.
"""

import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TREE / "tests" / "oracle"))

from admission import partition_of  # noqa: E402  (the oracle's own modules)
from histories import CUSTOMER_RULES  # noqa: E402
from oracle import Result  # noqa: E402
from policy import canonical_json, load_policy  # noqa: E402

STREAMS = ("scores", "alerts", "promises", "deadletters")
DATA = TREE.parent / "shared" / "data"
DEFAULT_POLICY = TREE / "schemas" / "policy.default.yaml"
UNFINISHED = ("open", "overdue", "expired")
TIME_LIMIT_S = 120


def binary():
    named = os.environ.get("TROTH") or str(TREE / "build" / "release" / "troth")
    if not os.access(named, os.X_OK):
        sys.exit(f"no troth binary at {named}: build it (cmake --build --preset release) or name it with TROTH")
    return named


def run(*arguments, **more):
    """`troth` with some arguments; the finished process with its text."""
    more.setdefault("timeout", TIME_LIMIT_S)
    if "input" not in more:
        more.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([binary(), *map(str, arguments)], capture_output=True, check=False, **more)


class ReplayFailed(Exception):
    """A replay that should have ended well."""


def replay(files, *options, expect=0, **more):
    """The summary of a replay that must end with `expect`."""
    arguments = ("replay", "--json", *options, *files)
    done = run(*arguments, **more)
    if done.returncode != expect:
        command = " ".join(map(str, arguments))
        raise ReplayFailed(f"exit {done.returncode} instead of {expect}: troth {command}\n{done.stderr.decode(errors='replace')}")
    return json.loads(done.stdout)


def write_lines(path, lines):
    pathlib.Path(path).write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def empty_folder(path):
    shutil.rmtree(path, ignore_errors=True)
    pathlib.Path(path).mkdir(parents=True)
    return pathlib.Path(path)


def text_lines(path):
    path = pathlib.Path(path)
    return path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []


# --------------------------------------------------------------------------------- what is equal


def last_records(out):
    """{stream: {key: canonical value}} as a compacted topic would hold it, in the form of the oracle's last records."""
    found = {}
    for stream in ("scores", "promises", "alerts"):
        last = {}
        for line in text_lines(pathlib.Path(out) / f"{stream}.ndjson"):
            record = json.loads(line)
            last[record["key"]] = record["value"]
        kept = ((key, value) for key, value in last.items() if value is not None)
        found[stream] = {key: canonical_json(comparable(stream, value)) for key, value in kept if is_compared(stream, value)}
    return found


def is_compared(stream, value):
    """Provisional alerts that came to nothing may differ (INTERFACE, what is equal to what)."""
    if stream != "alerts":
        return True
    return value["state"] != "retracted" and (value["rule"] not in CUSTOMER_RULES or value["state"] in ("firing", "updated"))


def comparable(stream, value):
    value = {name: field for name, field in value.items() if name not in ("revision", "cause", "as_of")}
    if stream == "alerts" and value["state"] == "updated":
        value["state"] = "firing"
    if stream == "promises" and value["outcome"] in UNFINISHED:
        value.pop("lateness_s", None)
    if stream == "scores":
        # What only time changes is not sent again (11.5): it depends on the checks that an epoch looked at.
        value["promises"] = [{k: v for k, v in each.items() if k != "lateness_s"} for each in value["promises"]]
        value["clocks"] = [{k: v for k, v in each.items() if k != "elapsed_s"} for each in value["clocks"]]
    return value


def expected_last_records(result):
    """The oracle's last records in the same form."""
    found = {}
    for stream, entries in result.streams.items():
        values = {key: json.loads(line)["value"] for key, line in entries.items()}
        found[stream] = {key: canonical_json(comparable(stream, value)) for key, value in values.items() if is_compared(stream, value)}
    return found


def customer_of(stream, record, owners):
    """The customer id that led a line to its partition; `owners` remembers whose alert an id is."""
    key, value = record["key"], record["value"]
    if stream == "scores":
        return key.split("\x1f")[-1]
    if stream == "promises":
        return key.split("\x1f")[-3]
    if value is not None:
        owners[key] = value["customer"]
    return owners[key]


def streams_by_partition(out, partitions):
    """{(stream, partition): lines in order}."""
    found = collections.defaultdict(list)
    for stream in STREAMS:
        owners = {}
        for line in text_lines(pathlib.Path(out) / f"{stream}.ndjson"):
            record = json.loads(line)
            if stream == "deadletters":
                partition = record["value"]["partition"]
            else:
                partition = partition_of(customer_of(stream, record, owners), partitions)
            found[stream, partition].append(line)
    return dict(found)


def dead_letter_lines(out):
    return [json.loads(line)["value"] for line in text_lines(pathlib.Path(out) / "deadletters.ndjson")]


def first_difference(expected, found):
    """Where two lists of JSON lines or two maps differ, in words."""
    if isinstance(expected, dict):
        for key in sorted(expected.keys() | found.keys(), key=repr):
            if expected.get(key) != found.get(key):
                return f"{key!r}: {difference_of(expected.get(key), found.get(key))}"
        return None
    for number, (one, other) in enumerate(zip(expected, found)):
        if one != other:
            return f"line {number}: {difference_of(one, other)}"
    if len(expected) != len(found):
        longer = expected if len(expected) > len(found) else found
        return f"{len(expected)} lines expected, {len(found)} found; the first one more: {longer[min(len(expected), len(found))]}"
    return None


def difference_of(one, other):
    if not isinstance(one, str) or not isinstance(other, str):
        return f"expected {one}\n  found {other}"
    paths = list(_differences(json.loads(one), json.loads(other), ""))[:6]
    head = {k: v for k, v in json.loads(one).items() if k in ("tenant", "customer", "as_of", "alert_id", "promise_id", "rule")}
    return f"{head}\n" + "\n".join(f"  {path}: expected {a!r}, found {b!r}" for path, a, b in paths) if paths else f"bytes\n  {one}\n  {other}"


def _differences(one, other, path):
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from _differences(one.get(key, "(absent)"), other.get(key, "(absent)"), f"{path}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (a, b) in enumerate(zip(one, other)):
            yield from _differences(a, b, f"{path}[{index}]")
    elif one != other:
        yield path, one, other
