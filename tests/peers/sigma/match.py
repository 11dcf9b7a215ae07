"""What pySigma and its SQLite backend make of Sigma rules and flat events.

Reads {"rules": [YAML text], "correlations": [YAML text], "events": [{field:
text or number}]} from standard input. Each text of "rules" is one rule, each of
"correlations" has a correlation last, behind the rules that it names; events
have a field `time`, in RFC 3339. Writes {"rules": [[index of an event that
matches]], "correlations": [[values of a group that alerts]]}; where pySigma
refuses a text, {"refused": reason} stands in place of the list.
"""

import json
import re
import sqlite3
import sys

from sigma.backends.sqlite import sqliteBackend
from sigma.backends.sqlite.runtime import execute_plan
from sigma.collection import SigmaCollection
from sigma.exceptions import SigmaError


def open_table(events):
    connection = sqlite3.connect(":memory:")
    connection.create_function(
        "REGEXP",
        2,
        lambda pattern, value: value is not None
        and re.search(pattern, str(value)) is not None,
        deterministic=True,
    )
    names = sorted({name for event in events for name in event})
    columns = ", ".join(f"`{name}` COLLATE NOCASE" for name in names)
    connection.execute(f"CREATE TABLE logs (fulltext TEXT, {columns})")
    places = ", ".join("?" * (len(names) + 1))
    for event in events:
        every = "\n".join(str(value) for value in event.values())
        row = [every] + [event.get(name) for name in names]
        connection.execute(f"INSERT INTO logs VALUES ({places})", row)
    return connection, names


def backend():
    return sqliteBackend(timestamp_field="time", fulltext_field="fulltext")


def matches(connection, text):
    rules = SigmaCollection.from_yaml(text)
    (query,) = backend().convert(rules)
    query = query.replace("SELECT *", "SELECT rowid", 1)
    return sorted(row[0] - 1 for row in connection.execute(query))


def alerts(connection, text):
    rules = SigmaCollection.from_yaml(text)
    converted = backend().convert(rules, output_format="zircolite")
    plan = json.loads(converted)[-1]["correlation_plan"]
    rows, _ = execute_plan(connection, plan, include_events=False)
    return [list(row["group_keys"].values()) for row in rows]


def told(function, connection, text):
    try:
        return function(connection, text)
    except SigmaError as error:
        return {"refused": str(error)}


def main():
    asked = json.load(sys.stdin)
    connection, _ = open_table(asked["events"])
    json.dump(
        {
            "rules": [told(matches, connection, t) for t in asked["rules"]],
            "correlations": [
                told(alerts, connection, t) for t in asked["correlations"]
            ],
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
