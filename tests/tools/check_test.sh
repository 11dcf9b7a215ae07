#!/bin/sh
# Plants one violation at a time in a small clean tree and expects tools/check
# to name it, with file and line. Argument: the source root.
set -eu
source_root=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
output=$work/output
failures=0
format=--no-format

# header PATH GUARD [BODY]: a header as it should be.
header() {
  mkdir -p "$tree/$(dirname "$1")"
  printf '// What it is for.\n#ifndef %s\n#define %s\n%s\n#endif  // %s\n' \
    "$2" "$2" "${3:-}" "$2" >"$tree/$1"
}

clean_tree() {
  rm -rf "$tree"
  header base/base.h ODDVERB_BASE_BASE_H_
  header model/model.h ODDVERB_MODEL_MODEL_H_ '#include "base/base.h"'
  header ingest/ingest.h ODDVERB_INGEST_INGEST_H_
  header ingest/source.h ODDVERB_INGEST_SOURCE_H_
  header ingest/file_source.h ODDVERB_INGEST_FILE_SOURCE_H_
  header pipeline/pipeline.h ODDVERB_PIPELINE_PIPELINE_H_ \
    '#include "ingest/source.h"'
  header tests/support/corpus.h ODDVERB_TESTS_SUPPORT_CORPUS_H_
  echo '#include <simdjson.h>' >"$tree/ingest/decoder.cc"
  mkdir "$tree/tools" "$tree/build"
  printf '#!/bin/sh\n' >"$tree/tools/script"
  printf '\t' >"$tree/build/generated.cc"
  cp "$source_root/.clang-format" "$tree"
}

fail() {
  printf 'FAILED: %s\n' "$1"
  cat "$output"
  failures=$((failures + 1))
}

# caught LOCATION TEXT: the tree as it stands now has exactly this violation.
# Puts the clean tree back.
caught() {
  # shellcheck disable=SC2086  # an option or none
  if "$source_root/tools/check" --root "$tree" $format >"$output" 2>&1; then
    fail "not caught: $1: $2"
  elif ! grep -qF "$1: $2" "$output"; then
    fail "no line with: $1: $2"
  elif [ "$(wc -l <"$output")" -ne 2 ]; then
    fail "more than one violation for: $1: $2"
  fi
  clean_tree
}

passes() {
  "$source_root/tools/check" --root "$tree" --no-format >"$output" 2>&1 ||
    fail "a good tree does not pass: $1"
  clean_tree
}

lines() { yes '// x' | head -n "$1"; }

clean_tree
passes "clean"

# Layers.
header base/base.h ODDVERB_BASE_BASE_H_ '#include "model/model.h"'
caught base/base.h:4 'base/ must not include model/model.h'
echo '#include "ingest/file_source.h"' >"$tree/pipeline/stages.cc"
caught pipeline/stages.cc:1 'pipeline/ must not include ingest/file_source.h'
echo '#include "pipeline/pipeline.h"' >"$tree/ingest/decoder.cc"
caught ingest/decoder.cc:1 'ingest/ must not include pipeline/pipeline.h'
echo '#include "source.h"' >"$tree/ingest/decoder.cc"
caught ingest/decoder.cc:1 'no such header: source.h'
echo '#include "pipeline/pipeline.h"' >"$tree/tests/support/any.cc"
passes "tests may include everything"

# Rooms of third-party headers.
echo '#include <simdjson.h>' >"$tree/model/field.cc"
caught model/field.cc:1 'simdjson.h does not belong here'
echo '#include "spdlog/spdlog.h"' >"$tree/ingest/decoder.cc"
caught ingest/decoder.cc:1 'spdlog/spdlog.h does not belong here'
header ingest/source.h ODDVERB_INGEST_SOURCE_H_ '#include <zlib.h>'
caught ingest/source.h:4 'zlib.h does not belong here'
echo '#include <nlohmann/json.hpp>' >"$tree/ingest/decoder.cc"
caught ingest/decoder.cc:1 'nlohmann/json.hpp does not belong here'
echo '#include <rapidjson/reader.h>' >"$tree/ingest/decoder.cc"
caught ingest/decoder.cc:1 'unknown library: rapidjson/reader.h'
echo '#include <sys/stat.h>' >"$tree/ingest/decoder.cc"
passes "system headers"

# Folders and names.
rm "$tree/ingest/ingest.h"
caught ingest/decoder.cc:1 'ingest/ has no ingest/ingest.h'
mkdir "$tree/common"
header common/common.h ODDVERB_COMMON_COMMON_H_
caught common/common.h:1 'unknown folder common/'
echo >"$tree/loose.cc" '// x'
caught loose.cc:1 'source file outside of any folder'
echo '// x' >"$tree/model/decoder.cc"
caught model/decoder.cc:1 'the name decoder is also used in ingest/'
echo '// x' >"$tree/tests/support/decoder.cc"
passes "tests may repeat names"

# Headers.
sed -i 1d "$tree/model/model.h"
caught model/model.h:1 'no opening comment'
header model/model.h ODDVERB_MODEL_H_
sed -i '$d' "$tree/model/model.h"
echo '#endif  // ODDVERB_MODEL_MODEL_H_' >>"$tree/model/model.h"
sed -i 's/define .*/define ODDVERB_MODEL_MODEL_H_/' "$tree/model/model.h"
caught model/model.h:1 'include guard does not match the path'
sed -i '$d' "$tree/model/model.h"
caught model/model.h:5 'include guard is not closed'
header model/model.h ODDVERB_MODEL_MODEL_H_ 'void F(absl::string_view s);'
caught model/model.h:4 'absl::string_view in a header'

# Types.
header base/base.h ODDVERB_BASE_BASE_H_ 'struct Line {};'
header model/model.h ODDVERB_MODEL_MODEL_H_ 'class Line : public Text {'
caught model/model.h:4 'the type Line is also defined in base/base.h'
header base/base.h ODDVERB_BASE_BASE_H_ 'struct Line {};'
printf 'namespace {\nstruct Line {};\n}  // namespace\n' \
  >"$tree/ingest/decoder.cc"
passes "what is in an unnamed namespace is seen by nobody"

# Tests of one folder.
mkdir -p "$tree/tests/model"
printf 'namespace {\nint Get(int a) { return a; }\n}  // namespace\n' \
  >"$tree/tests/model/one_test.cc"
printf '// x\nstd::string Get(\n    double a) {\n  return Show(a);\n}\n' \
  >"$tree/tests/model/two_test.cc"
caught tests/model/two_test.cc:2 \
  'the function Get is also in tests/model/one_test.cc'
mkdir -p "$tree/tests/model" "$tree/tests/ingest"
echo 'int Get(int a) { return a; }' >"$tree/tests/model/one_test.cc"
echo 'int Get(int a) { return a; }' >"$tree/tests/ingest/two_test.cc"
passes "tests of two folders"

# Sizes.
{ echo; lines 400; } >"$tree/ingest/decoder.cc"
caught ingest/decoder.cc:400 '401 lines'
{ echo '// Long because: one table.'; lines 599; } >"$tree/ingest/decoder.cc"
passes "600 lines with a reason"
{ echo '// Long because: one table.'; lines 600; } >"$tree/ingest/decoder.cc"
caught ingest/decoder.cc:600 '601 lines'

# Text.
for mark in "TO""DO" "FIX""ME" "XX""X" "HA""CK"; do
  printf '//\n// %s: later\n' "$mark" >"$tree/ingest/decoder.cc"
  caught ingest/decoder.cc:2 'left-over mark'
done
printf '#!/bin/sh\n# %s\n' "HA""CK" >"$tree/tools/script"
caught tools/script:2 'left-over mark'
printf '//\tx\n' >"$tree/ingest/decoder.cc"
caught ingest/decoder.cc:1 'tab'
printf '// \303\244\n' >"$tree/ingest/decoder.cc"
caught ingest/decoder.cc:1 'non-ASCII character'
printf '// \303\244\n' >"$tree/tests/support/any.cc"
passes "tests may hold other characters"
printf '// x' >"$tree/ingest/decoder.cc"
caught ingest/decoder.cc:1 'no newline at the end'

# Formatting, where the formatter is installed.
if command -v clang-format-14 >/dev/null; then
  printf '// x\nint  x;\n' >"$tree/ingest/decoder.cc"
  format=
  caught ingest/decoder.cc:2 'not formatted'
fi

if [ "$failures" -gt 0 ]; then
  echo "$failures failed"
  exit 1
fi
echo "tools/check catches everything planted"
