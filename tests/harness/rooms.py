"""Checks who may include whom: the rooms of the tree depend one way, and each library stays in the room that owns it.

Prints every include that breaks a rule as file:line. Exit 0 if there is none.
"""

import pathlib
import re
import sys

TREE = pathlib.Path(__file__).resolve().parent.parent.parent

# What each room may include of the tree; a room may always include itself.
ROOMS = {
    "engine/base": [],
    "engine/event": ["engine/base"],
    "engine/decode": ["engine/base", "engine/event"],
    "engine/task": ["engine/base", "engine/event"],
    "engine/state": ["engine/base", "engine/event", "engine/task"],
    "engine/source": ["engine/base", "engine/event", "engine/task"],
    "engine/sink": ["engine/base", "engine/event", "engine/task", "engine/source/kafka_"],
    "engine/observe": ["engine/base", "engine/event", "engine/task"],
    "engine/http": ["engine/base"],
    "engine/app": ["engine/", "operators/"],
    "operators": ["engine/base", "engine/event", "engine/task/model.h", "operators/"],
}

# Libraries, and the only places that may know them.
LIBRARIES = {
    r"librdkafka/": ["engine/source/kafka_", "engine/sink/kafka_"],
    r"rocksdb/": ["engine/state/"],
    r"simdjson": ["engine/decode/"],
    r"prometheus/": ["engine/observe/"],
    r"spdlog/": ["engine/observe/", "engine/app/"],
    r"yaml-cpp/": ["engine/app/yaml"],
    r"CLI/": ["engine/app/"],
    r"zstd\.h|zlib\.h": ["engine/source/"],
    r"openssl/": ["engine/base/hash.cc"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]')


def room_of(path):
    text = path.relative_to(TREE).as_posix()
    return next((room for room in sorted(ROOMS, key=len, reverse=True) if text.startswith(room + "/")), None)


def faults(path):
    text = path.relative_to(TREE).as_posix()
    room = room_of(path)
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        target = found.group(1)
        if target.startswith(("engine/", "operators/")):
            allowed = [room + "/"] + ROOMS.get(room, [])
            if room is None or not target.startswith(tuple(allowed)):
                yield f"{text}:{number}: {room} must not include {target}"
        for library, places in LIBRARIES.items():
            if re.match(library, target) and not text.startswith(tuple(places)):
                yield f"{text}:{number}: {target} belongs into {', '.join(places)} alone"
        if target.startswith("tests/"):
            yield f"{text}:{number}: nothing sees the tests"


def main():
    files = sorted(path for folder in ("engine", "operators") for path in (TREE / folder).rglob("*") if path.suffix in (".h", ".cc"))
    found = [fault for path in files for fault in faults(path)]
    for fault in found:
        print(fault)
    print(f"rooms: {len(files)} files, {len(found)} includes that break a rule")
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main())
