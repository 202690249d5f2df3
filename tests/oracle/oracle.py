"""The oracle: Φ(E, π, t) computed the slow, plain way (TRUST_MODEL 1.1, 1.2; INTERFACE `troth replay`).

As a program it reads event files and writes snapshots, a summary and the last streamed records;
as a library it offers `phi_all`.  See README.md.
"""

import argparse
import gzip
import json
import multiprocessing
import os
import subprocess
import sys

from admission import Admission
from calendars import format_time, parse_time
from policy import Policy, PolicyError, canonical_json, load_policy
from record import History, View, last_check

PARALLEL_FROM = 400  # customers; below this a second process does not pay
JSON_WHITE_SPACE = b" \t\r"


# ------------------------------------------------------------------------------------------ inputs


def read_bytes(path):
    """The content of a file; .gz and .zst are known by content, `-` is standard input."""
    if path == "-":
        data = sys.stdin.buffer.read()
    else:
        with open(path, "rb") as stream:
            data = stream.read()
    if data[:2] == b"\x1f\x8b":
        return gzip.decompress(data)
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


def lines_of(data):
    """(offset, line) of the lines that are not white space alone."""
    lines = data.split(b"\n")
    if lines and lines[-1] == b"":
        lines.pop()  # what follows the last line's end is no line
    return [(offset, line) for offset, line in enumerate(lines) if line.strip(JSON_WHITE_SPACE)]


def as_input(source):
    """An input: a path, or a list of messages (bytes, text, or objects to be written as JSON)."""
    if isinstance(source, (str, os.PathLike)):
        return lines_of(read_bytes(os.fspath(source)))
    return [(offset, _as_bytes(message)) for offset, message in enumerate(source)]


def _as_bytes(message):
    if isinstance(message, bytes):
        return message
    if not isinstance(message, str):
        message = json.dumps(message, ensure_ascii=False)
    # A text may hold what is no UTF-8; the reader shall see it as it is.
    return message.encode("utf-8", "surrogatepass")


# --------------------------------------------------------------------------------------- phi_all


def _records_of_customer(events, policy, as_ofs):
    """(index of the as-of, record) for each as-of at which the customer has a record."""
    histories = {}  # number of events -> folded history: as-ofs between two events share one
    records = []
    for index, t in enumerate(as_ofs):
        known = [event for event in events if event.time <= t]
        if known:
            if len(known) not in histories:
                histories[len(known)] = History(known, policy)
            records.append((index, View(histories[len(known)], t).record()))
    return records


def _streamed_of_customer(tenant, customer, events, policy, tau):
    """(stream, key, value) of the last streamed records of a customer (11.5)."""
    view = last_check(History(events, policy), tau)
    customer_key = customer if tenant == "default" else f"{tenant}\x1f{customer}"
    entries = [("scores", customer_key, view.streamed_score())]
    for promise in view.promises():
        key = "\x1f".join((customer_key, promise["case"], promise["promise_id"]))
        entries.append(("promises", key, promise))
    entries += [("alerts", id_, alert) for id_, alert in view.streamed_alerts(tau).items()]
    return entries


class Result:
    """What a replay comes to."""

    def __init__(self, inputs, policy, as_ofs=(), partitions=16, horizon=None, workers=1, streamed=False):
        self.policy = policy
        self.admission = Admission([as_input(source) for source in inputs], policy, partitions, horizon)
        self.as_ofs = sorted(set(as_ofs)) or [self.admission.greatest_tau]
        self._customers = self.admission.customers()
        self._streamed_wanted = streamed
        self.snapshots = [[] for _ in self.as_ofs]  # canonical JSON lines
        self.streams = {"scores": {}, "promises": {}, "alerts": {}}
        for records, entries in self._map(workers):
            for index, line in records:
                self.snapshots[index].append(line)
            for stream, key, line in entries:
                self.streams[stream][key] = line

    def _one(self, customer_entry):
        """All about one customer, as text."""
        tenant, customer, events, tau = customer_entry
        records = [
            (index, canonical_json(record))
            for index, record in _records_of_customer(events, self.policy, self.as_ofs)
        ]
        entries = []
        if self._streamed_wanted:
            final = max(tau, self.as_ofs[-1])
            for stream, key, value in _streamed_of_customer(tenant, customer, events, self.policy, final):
                value = {k: v for k, v in value.items() if k not in ("revision", "cause", "as_of")}
                entries.append((stream, key, canonical_json({"key": key, "value": value})))
        return records, entries

    def _map(self, workers):
        if workers <= 1 or len(self._customers) < PARALLEL_FROM:
            yield from map(self._one, self._customers)
            return
        global _current_result
        _current_result = self
        # A forked process finds everything where it is: only numbers go out and text comes back.
        with multiprocessing.get_context("fork").Pool(workers) as pool:
            yield from pool.imap(_one_in_worker, range(len(self._customers)), chunksize=64)

    def records(self, index=-1):
        """The records at one as-of as values."""
        return [json.loads(line) for line in self.snapshots[index]]

    def summary(self):
        reasons = {}
        for letter in self.admission.dead_letters:
            reasons[letter.reason] = reasons.get(letter.reason, 0) + 1
        return {
            "events": self.admission.messages,
            "applied": self.admission.accepted,
            "duplicates": self.admission.duplicates,
            "dead_letters": reasons,
            "customers": len(self._customers),
            "policy": self.policy.hash,
            "as_of": format_time(self.as_ofs[-1]),
        }


_current_result = None


def _one_in_worker(number):
    return _current_result._one(_current_result._customers[number])


def phi_all(inputs, policy, as_ofs=(), **options):
    """Φ of all customers.

    `inputs`: a list of inputs, each a path or a list of messages.  `policy`: a Policy, or a plain map.
    `as_ofs`: times in µs.  Options: partitions, horizon, workers, streamed.
    """
    if not isinstance(policy, Policy):
        policy = Policy(policy)
    return Result(inputs, policy, as_ofs, **options)


# --------------------------------------------------------------------------------------- commands


def _write_lines(path, lines):
    with open(path, "w", encoding="utf-8", newline="\n") as stream:
        for line in lines:
            stream.write(line + "\n")


def write_result(result, snapshot=None, summary=None, last_records=None):
    if snapshot:
        _write_lines(snapshot, (line for lines in result.snapshots for line in lines))
    if summary:
        _write_lines(summary, [canonical_json(result.summary())])
    if last_records:
        os.makedirs(last_records, exist_ok=True)
        for stream, entries in result.streams.items():
            lines = [entries[key] for key in sorted(entries)]
            _write_lines(os.path.join(last_records, f"{stream}.ndjson"), lines)


def _time_argument(text):
    time = parse_time(text)
    if time is None:
        raise argparse.ArgumentTypeError(f"not a time: {text}")
    return time


def _horizon_argument(text):
    return None if text == "none" else _time_argument(text)


_policies = {}


def _policy(path, overlay):
    """A policy, read once per process however many jobs use it."""
    key = (path, canonical_json(overlay))
    if key not in _policies:
        _policies[key] = load_policy(path, overlay)
    return _policies[key]


def run_job(job, workers=1):
    """One job of a batch: the options of the command line as a map."""
    result = Result(
        job.get("files") or ["-"],
        _policy(job.get("policy"), job.get("overlay")),
        [_time_argument(text) for text in job.get("as_of") or []],
        job.get("partitions", 16),
        _horizon_argument(job.get("horizon") or "none"),
        workers,
        streamed=bool(job.get("last_records")),
    )
    write_result(result, job.get("snapshot"), job.get("summary"), job.get("last_records"))
    return result


def run_batch(path):
    """One JSON job a line; a job that fails is told of and does not stop the others."""
    failed = 0
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        if not line.strip():
            continue
        try:
            run_job(json.loads(line))
        except Exception as error:  # a broken job must not take the batch with it
            failed += 1
            print(f"{path}:{number}: {type(error).__name__}: {error}", file=sys.stderr)
    return 1 if failed else 0


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(prog="oracle.py", description="Troth's model, computed the slow, plain way.")
    parser.add_argument("files", nargs="*", metavar="FILE", help="NDJSON, also .gz and .zst; none or -: standard input")
    parser.add_argument("--policy", help="policy file; default: policy.default.yaml of the source tree")
    parser.add_argument("--overlay", help="a second policy file merged over the first")
    parser.add_argument("--as-of", action="append", default=[], metavar="TIME", help="repeatable")
    parser.add_argument("--horizon", default="none", metavar="TIME", help="or none, the default")
    parser.add_argument("--partitions", type=int, default=16)
    parser.add_argument("--snapshot", metavar="FILE")
    parser.add_argument("--summary", metavar="FILE", help="default: standard output")
    parser.add_argument("--last-records", metavar="DIR")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--batch", metavar="FILE", help="one JSON job a line instead of all other options")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse_arguments(arguments)
    if options.batch:
        return run_batch(options.batch)
    job = {key: value for key, value in vars(options).items() if key not in ("batch", "workers")}
    try:
        result = run_job(job, options.workers)
    except (argparse.ArgumentTypeError, PolicyError, OSError) as error:
        print(f"oracle.py: {error}", file=sys.stderr)
        return 2
    if not options.summary:
        print(canonical_json(result.summary()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
