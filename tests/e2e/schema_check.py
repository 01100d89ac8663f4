#!/usr/bin/python3
"""Validates traces (JSON Lines) against schemas/event.schema.json.

    schema_check.py FILE...      exit status 0: all valid, 1: not, with one line for each error

As a module: `validate_file(path)` returns a list of errors, empty if the trace is valid.
Besides the schema: every line is an object in UTF-8 without duplicate keys, and seq is 1, 2, 3 ...
Blank lines are allowed. Needs jsonschema 4 (Debian: python3-jsonschema).
"""

import json
import sys
from pathlib import Path

from jsonschema import Draft202012Validator
from jsonschema.validators import extend

SCHEMA = Path(__file__).resolve().parents[2] / "schemas" / "event.schema.json"
ERRORS_MAX = 100  # of one file
MEMORY_MAX = 200_000  # values remembered as valid


def load_schema(path=SCHEMA):
    """The schema as it is in the file, checked to be a valid schema."""
    with open(path, encoding="utf-8") as file:
        schema = json.load(file)
    Draft202012Validator.check_schema(schema)
    return schema


def inline(node, defs):
    """A copy of the schema `node` with every "#/$defs/..." reference replaced by its target: jsonschema
    needs more time to follow a reference than to check what is there. Descriptions are left out."""
    if isinstance(node, list):
        return [inline(item, defs) for item in node]
    if not isinstance(node, dict):
        return node
    copy = {key: inline(value, defs) for key, value in node.items() if key not in ("$ref", "description")}
    if isinstance(copy.get("pattern"), str):
        copy["pattern"] = copy["pattern"].replace("$", r"\Z")  # Python's $ lets a newline follow
    if "$ref" in node:
        target = inline(defs[node["$ref"].removeprefix("#/$defs/")], defs)
        if not copy:
            return target
        copy.setdefault("allOf", []).append(target)
    return copy


def fast_properties(validator, properties, instance, schema):
    """The keyword `properties`, which remembers the scalars that it has found valid: traces repeat them."""
    if not isinstance(instance, dict):
        return
    known = validator.known_valid
    for name, value in instance.items():
        subschema = properties.get(name)
        if subschema is None:
            continue
        scalar = not isinstance(value, (dict, list))
        key = (id(subschema), type(value), value) if scalar else None
        if scalar and key in known:
            continue
        valid = True
        for error in validator.descend(value, subschema, path=name, schema_path=name):
            valid = False
            yield error
        if scalar and valid and len(known) < MEMORY_MAX:
            known.add(key)


def fast_items(validator, items, instance, schema):
    """The keyword `items` (the schema has no `prefixItems`), which remembers what it has found valid: stacks have
    frames in common, looks at the map regions. repr() tells 1, 1.0 and true apart."""
    if not isinstance(instance, list):
        return
    known = validator.known_valid
    for index, item in enumerate(instance):
        key = (id(items), repr(item))
        if key in known:
            continue
        errors = list(validator.descend(item, items, path=index))
        yield from errors
        if not errors and len(known) < MEMORY_MAX:
            known.add(key)


class EvolveOnce:
    """Validator.evolve(schema=...) of jsonschema, which builds a validator for each value that it looks at.
    This one builds one for each part of the schema. Parts are known by their id: the schema is kept."""

    def __init__(self, original):
        self.original = original
        self.made = {}

    def __get__(self, validator, owner):
        return lambda **changes: self.evolve(validator, changes)

    def evolve(self, validator, changes):
        if changes.keys() != {"schema"}:
            return self.original(validator, **changes)
        key = id(changes["schema"])
        if key not in self.made:
            self.made[key] = self.original(validator, **changes)
        return self.made[key]


Validator = extend(Draft202012Validator, {"properties": fast_properties, "items": fast_items})
Validator.evolve = EvolveOnce(Validator.evolve)
Validator.known_valid = set()


def compile_validators(schema):
    """{type of event: its validator}"""
    defs = schema["$defs"]
    validators = {}
    for branch in schema["oneOf"]:
        target = defs[branch["$ref"].removeprefix("#/$defs/")]
        validators[target["properties"]["type"]["const"]] = Validator(inline_event(target, defs))
    return validators


def inline_event(event, defs):
    """inline() would take a property named "description" for an annotation; no event has one."""
    assert "description" not in event["properties"]
    return inline(event, defs)


def unique_keys(pairs):
    """object_pairs_hook for json that refuses duplicate keys."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate key in " + ", ".join(key for key, _ in pairs))
    return result


def no_constant(name):
    raise ValueError(f"{name} is not JSON")


DECODER = json.JSONDecoder(object_pairs_hook=unique_keys, parse_constant=no_constant)
_validators = None


def validators():
    """The compiled validators, built once."""
    global _validators
    if _validators is None:
        _validators = compile_validators(load_schema())
    return _validators


def event_errors(event):
    """Yields what is wrong with one event, given as parsed JSON."""
    if not isinstance(event, dict):
        yield "not an object"
        return
    kind = event.get("type")
    validator = validators().get(kind) if isinstance(kind, str) else None
    if validator is None:
        yield f"unknown type {kind!r}"
        return
    for error in validator.iter_errors(event):
        message = error.message if len(error.message) < 400 else error.message[:400] + "..."
        yield f"{kind}: {error.json_path}: {message}"


def line_errors(line, seq):
    """Yields what is wrong with one line (bytes) that should be event number `seq`."""
    try:
        event = DECODER.decode(line.decode("utf-8"))
    except ValueError as error:
        yield f"not JSON: {error}"
        return
    yield from event_errors(event)
    if isinstance(event, dict) and event.get("seq") != seq:
        yield f"seq is {event.get('seq')!r}, expected {seq}"


def validate_file(path):
    """Errors of a trace as "FILE:LINE: text", at most about ERRORS_MAX; an empty list if it is valid."""
    errors = []
    seq = 0
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            seq += 1
            errors.extend(f"{path}:{number}: {text}" for text in line_errors(line, seq))
            if len(errors) >= ERRORS_MAX:
                errors.append(f"{path}: too many errors, stopped at line {number}")
                return errors
    if seq == 0:
        errors.append(f"{path}: no event in it")
    return errors


def main(paths):
    if not paths:
        print(__doc__, file=sys.stderr)
        return 2
    failed = False
    for path in paths:
        try:
            errors = validate_file(path)
        except OSError as error:
            errors = [str(error)]
        for error in errors:
            print(error, file=sys.stderr)
        failed = failed or bool(errors)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
