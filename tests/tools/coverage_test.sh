#!/bin/sh
# docs/coverage.md is what tools/coverage writes, and tools/coverage names what
# is wrong with a row. Argument: the source root.
set -eu
source_root=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$source_root/tools/coverage" --check

mkdir -p "$work/rules/content" "$work/detectors" "$work/docs"
cp "$source_root"/rules/content/*.yaml "$source_root/rules/content/coverage.csv" \
  "$work/rules/content"
cp "$source_root/detectors/detectors.cc" "$work/detectors"
table=$work/rules/content/coverage.csv

# refused PATTERN: the tool fails and says so.
refused() {
  if "$source_root/tools/coverage" --root "$work" 2>"$work/output"; then
    echo "not refused: $1" >&2
    exit 1
  fi
  if ! grep -q "$1" "$work/output"; then
    echo "expected \"$1\", got:" >&2
    cat "$work/output" >&2
    exit 1
  fi
}

sed 's/rbac\.anonymous_write/rbac.anonymous_wrote/' \
  "$source_root/rules/content/coverage.csv" >"$table"
refused 'row 2: there is no rule rbac.anonymous_wrote'
sed 's/^2,\(.*\),rbac\.anonymous_write,$/2,\1,,/' \
  "$source_root/rules/content/coverage.csv" >"$table"
refused 'row 2: no rule, and no note'
sed '3d' "$source_root/rules/content/coverage.csv" >"$table"
refused 'row 3: expected row 2'
cp "$source_root/rules/content/coverage.csv" "$table"
"$source_root/tools/coverage" --root "$work"
cmp "$work/docs/coverage.md" "$source_root/docs/coverage.md"
