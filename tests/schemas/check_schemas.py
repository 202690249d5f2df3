#!/usr/bin/env python3
"""Checks the JSON Schemas of events against the examples beside them.

Every valid example must satisfy the schema of events; every invalid one must not, unless it says `schema_cannot` (limits
in bytes, dates that do not exist, keys twice: things that JSON Schema has no words for). Every schema must itself be valid.

Needs the Debian package python3-jsonschema (4.10 or later). Without it: exit 77, "skipped". Exit 1: something differs.
"""

import base64
import json
import sys
import warnings
from pathlib import Path

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
SKIPPED = 77

try:
    import jsonschema
except ImportError:
    print("check_schemas: SKIPPED: the module jsonschema is missing (Debian: python3-jsonschema)", file=sys.stderr)
    sys.exit(SKIPPED)


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


def instance_of(example):
    """The message of an invalid example, parsed; ValueError if it cannot be."""
    if "event" in example:
        return example["event"]
    raw = base64.b64decode(example["raw_base64"]).decode("utf-8") if "raw_base64" in example else example["raw"]
    return json.loads(raw, parse_constant=refuse_constant)


def is_integer(_checker, value):
    """1.0 is an integer to JSON Schema, but not to Troth."""
    return isinstance(value, int) and not isinstance(value, bool)


def make_validators(folder):
    """The validator of any event, and one for each type, all references resolved within the folder."""
    schemas = {schema["$id"]: schema for schema in map(load, sorted(folder.glob("*.json")))}
    base = jsonschema.Draft202012Validator
    validator_class = jsonschema.validators.extend(base, type_checker=base.TYPE_CHECKER.redefine("integer", is_integer))
    validators = {}
    for schema in schemas.values():
        base.check_schema(schema)
        with warnings.catch_warnings():  # RefResolver is all that 4.10 has; later versions warn of its end
            warnings.simplefilter("ignore", DeprecationWarning)
            resolver = jsonschema.RefResolver(schema["$id"], schema, store=schemas)
            validators[schema["title"]] = validator_class(schema, resolver=resolver)
    return validators


def check_valid(validators, path):
    event = load(path)
    for title in ("event", event["type"]):
        error = next(validators[title].iter_errors(event), None)
        if error is not None:
            yield f"{path.name}: refused by the schema of {title}: {error.message}"


def check_invalid(validators, path):
    example = load(path)
    if not path.name.startswith(example["reason"] + "-"):
        yield f"{path.name}: its reason is {example['reason']}"
    try:
        is_valid = validators["event"].is_valid(instance_of(example))
    except ValueError:
        is_valid = False
    if is_valid and not example.get("schema_cannot", False):
        yield f"{path.name}: taken for valid"


def main():
    validators = make_validators(SCHEMAS / "events")
    valid = sorted((SCHEMAS / "examples/events/valid").glob("*.json"))
    invalid = sorted((SCHEMAS / "examples/events/invalid").glob("*.json"))
    if not valid or not invalid:
        print("check_schemas: no examples found", file=sys.stderr)
        return 1
    faults = [fault for path in valid for fault in check_valid(validators, path)]
    faults += [fault for path in invalid for fault in check_invalid(validators, path)]
    for fault in faults:
        print(f"check_schemas: {fault}", file=sys.stderr)
    print(f"check_schemas: {len(validators)} schemas, {len(valid)} valid and {len(invalid)} invalid examples, "
          f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
