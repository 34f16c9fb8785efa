#!/bin/sh
# SPDX-License-Identifier: MIT
# The golden files of the JSON report and verdict against the shipped schemas. Python's jsonschema does it where
# it is there; what the schema uses of the language is little enough to be checked without.
command -v python3 >/dev/null || { echo "no python3 here"; exit 77; }
exec python3 - "${srcdir:-.}" <<'EOF'
import json, sys

def load(name):
    return json.load(open(sys.argv[1] + "/" + name, encoding="utf-8"))

schema, report = load("data/memwhy-report.schema.json"), load("tests/golden/report.json")
types = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None)}
known = {"$schema", "$id", "$defs", "$ref", "title", "description", "type", "properties", "required",
         "additionalProperties", "items", "enum", "const", "oneOf"}

def is_type(value, name):
    return isinstance(value, types[name]) and not (name == "integer" and isinstance(value, bool))

def problems(value, rule, at):
    assert set(rule) <= known, f"the schema uses {set(rule) - known} at {at}"
    if "$ref" in rule:
        yield from problems(value, schema["$defs"][rule["$ref"].rsplit("/", 1)[1]], at)
    if "oneOf" in rule and sum(not list(problems(value, r, at)) for r in rule["oneOf"]) != 1:
        yield f"{at}: not exactly one alternative fits"
    names = rule.get("type", [])
    names = [names] if isinstance(names, str) else names
    if names and not any(is_type(value, n) for n in names):
        yield f"{at}: {value!r} is not {names}"
        return
    if "const" in rule and value != rule["const"] or "enum" in rule and value not in rule["enum"]:
        yield f"{at}: {value!r} is not allowed"
    if isinstance(value, dict):
        known_keys = rule.get("properties", {})
        yield from (f"{at}: {k} is missing" for k in rule.get("required", []) if k not in value)
        if rule.get("additionalProperties") is False:
            yield from (f"{at}: {k} is unknown" for k in value if k not in known_keys)
        for k, r in known_keys.items():
            if k in value:
                yield from problems(value[k], r, f"{at}.{k}")
    if isinstance(value, list) and "items" in rule:
        for i, v in enumerate(value):
            yield from problems(v, rule["items"], f"{at}[{i}]")

found = list(problems(report, schema, "$"))
broken = json.loads(json.dumps(report))
broken["process"]["pid"] = "x"
del broken["moments"]["peak"]["ledger"]["rss_bytes"]
assert len(list(problems(broken, schema, "$"))) >= 2, "a broken report passes"
try:
    import jsonschema
    found += [e.message for e in jsonschema.Draft202012Validator(schema).iter_errors(report)]
except ImportError:
    pass
schema, why = load("data/memwhy-why.schema.json"), load("tests/golden/why.json")
found += problems(why, schema, "$")
assert why["findings"] and why["purge"], "the verdict's golden file shows no finding, or no purge"
broken = json.loads(json.dumps(why))
broken["findings"][0]["moment"] = "noon"
del broken["columns"]["peak"]["now_bytes"]
assert len(list(problems(broken, schema, "$"))) >= 2, "a broken verdict passes"
print("\n".join(found) or "the report and the verdict fit their schemas")
sys.exit(bool(found))
EOF
