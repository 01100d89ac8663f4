"""Validates long traces: as schema_check does, but allocator calls that differ only in numbers are not all validated
from scratch.

Whether an alloc event is valid depends on its numbers and addresses one by one, and on everything else together (the
schema's conditions ask which fields are there, for the call, and for null). So of each combination of that "everything
else" one event goes through the whole schema; in the others each number is held against its own part of the schema.
"""

import re

import schema_check

ERRORS_MAX = 20


def resolve(schema, node):
    """A part of the schema without its reference, if it is one."""
    reference = node.get("$ref")
    return schema["$defs"][reference.removeprefix("#/$defs/")] if reference else node


def number_check(part):
    low, high = part.get("minimum", float("-inf")), part.get("maximum", float("inf"))
    return lambda value: value.__class__ is int and low <= value <= high


def text_check(part):
    match = re.compile(part["pattern"].replace("$", r"\Z")).search  # Python's $ lets a newline follow
    return lambda value: value.__class__ is str and match(value) is not None


def plain_checks(schema):
    """{field of alloc: check of one value}, for numbers and addresses whose part of the schema says no more."""
    checks = {}
    for name, part in schema["$defs"]["alloc"]["properties"].items():
        part = {key: value for key, value in resolve(schema, part).items() if key != "description"}
        if part.get("type") == "integer" and part.keys() <= {"type", "minimum", "maximum"}:
            checks[name] = number_check(part)
        elif part.get("type") in ("string", ["string", "null"]) and part.keys() == {"type", "pattern"}:
            checks[name] = text_check(part)
    del checks["errno"]  # a name, of which there are few
    return checks


CHECKS = plain_checks(schema_check.load_schema())
_valid_shapes = set()


def event_errors(event):
    """What is wrong with one event, as a list of texts."""
    if event.get("type") != "alloc":
        return list(schema_check.event_errors(event))
    shape = []
    plain = True
    for name, value in event.items():
        check = CHECKS.get(name)
        if check and value is not None:
            plain = plain and check(value)
            shape.append(name)
        else:
            shape.append((name, repr(value)))
    shape = tuple(shape)
    if plain and shape in _valid_shapes:
        return []
    errors = list(schema_check.event_errors(event))
    if not errors:
        _valid_shapes.add(shape)
    return errors


def read_trace(path):
    """(events, errors) of a trace in a file."""
    events, errors = [], []
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                event = schema_check.DECODER.decode(line.decode("utf-8"))
            except ValueError as error:
                event, found = {"type": None}, [f"not JSON: {error}"]
            else:
                found = event_errors(event) if isinstance(event, dict) else ["not an object"]
            errors += [f"{path}:{number}: {text}" for text in found]
            events.append(event)
            if len(errors) >= ERRORS_MAX:
                break
    return events, errors
