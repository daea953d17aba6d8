"""Has dbt-ol, OpenLineage's wrapper of dbt, build a small project in DuckDB and tell
the ledger of it, unmodified; then asks where the table came from.

    python3 docs/conformance/openlineage_dbt.py http://127.0.0.1:8420 TOKEN

dbt-ol, dbt and dbt-duckdb are expected beside the Python that runs this. It ends with
status 0 if the lineage, the columns and the tests that dbt ran are in the ledger.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request

PROJECT = {
    "dbt_project.yml": "name: conformance\nversion: '1.0'\nprofile: conformance\n",
    "profiles.yml": "conformance:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: conformance.duckdb, threads: 1}\n",
    "models/people.sql": "{{ config(materialized='table') }}\nselect 1 as id, 'Wang' as name\n",
    "models/named.sql": "{{ config(materialized='table') }}\nselect id, upper(name) as label from {{ ref('people') }}\n",
    "models/named.yml": "version: 2\nmodels:\n  - name: named\n    columns:\n      - name: id\n        data_tests: [not_null]\n",
}


def ask(url, token, path, **query):
    request = urllib.request.Request(url + path + "?" + urllib.parse.urlencode(query), headers={"Authorization": "Bearer " + token})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def build(url, token, where):
    for name, text in PROJECT.items():
        file = pathlib.Path(where, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    beside = os.path.dirname(sys.executable)
    settings = {
        "PATH": beside + os.pathsep + os.environ["PATH"], "OPENLINEAGE_URL": url, "OPENLINEAGE_API_KEY": token, "OPENLINEAGE_NAMESPACE": "dbt",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DBT_PROFILES_DIR": where,
    }
    subprocess.run([os.path.join(beside, "dbt-ol"), "build"], cwd=where, env={**os.environ, **settings}, check=True)


def main(url, token):
    url = url.rstrip("/")
    with tempfile.TemporaryDirectory() as where:
        build(url, token, where)
    last = ask(url, token, "/v1/status")["head"]["size"] - 1
    people, named = ("column:duckdb://conformance.duckdb/conformance.main." + c for c in ("people#name", "named#label"))
    graph = ask(url, token, "/v1/lineage", node=named, direction="up", after=last)
    if not any(e["from"] == people and e["to"] == named for e in graph["edges"]):
        sys.exit("the column does not come from the other: %r" % graph)
    checks = ask(url, token, "/v1/checks")["checks"]
    if not any(c["outcome"] == "pass" and c.get("column") == "id" for c in checks):
        sys.exit("the test of the column is not there: %r" % checks)
    print("ok: dbt-ol, columns and %d test" % len(checks))


if __name__ == "__main__":
    main(*sys.argv[1:])
