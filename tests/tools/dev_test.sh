#!/bin/sh
# What ./dev setup asks of the system, seen by stand-ins for apt-get,
# dpkg-query, id, sudo and sleep. Argument: the source root.
set -eu
source_root=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# A tree with nothing but what setup reads, and a PATH with only what it uses.
mkdir -p "$work/tree/tools" "$work/bin" "$work/state"
cp "$source_root/dev" "$work/tree"
cat >"$work/tree/tools/packages.debian.txt" <<'TEXT'
# comment
[build]  # for building
alpha
beta    # why
[check]
gamma
[peers]  # not installed
delta
TEXT
for tool in sh awk cat comm dirname env grep mkdir rm sort tail tr xargs; do
  ln -s "$(command -v "$tool")" "$work/bin/$tool"
done

# stand_in NAME BODY: a program in the PATH; $state is a folder for its notes.
stand_in() {
  printf '#!/bin/sh\nstate=%s\n%s\n' "$work/state" "$2" >"$work/bin/$1"
  chmod +x "$work/bin/$1"
}

# dev ARGUMENT...: runs it; output in $work/output, exit code in $code.
dev() {
  code=0
  (cd "$work/tree" && PATH=$work/bin ./dev "$@") >"$work/output" 2>&1 || code=$?
}

# expect TITLE CODE TEXT: the last run ended so and printed the text.
expect() {
  if [ "$code" -ne "$2" ] || ! grep -qF -- "$3" "$work/output"; then
    printf 'FAILED: %s (exit code %s)\n' "$1" "$code"
    cat "$work/output"
    failures=$((failures + 1))
  fi
}

# expect_calls TITLE TEXT: exactly these calls of apt-get.
expect_calls() {
  if [ "$(cat "$work/state/calls" 2>/dev/null)" != "$2" ]; then
    printf 'FAILED: %s, calls of apt-get:\n' "$1"
    cat "$work/state/calls" || true
    failures=$((failures + 1))
  fi
  rm -f "$work/state/calls"
}

install='install -y --no-install-recommends -o DPkg::Lock::Timeout=120'

dev frobnicate
expect "an unknown command" 1 "unknown command: frobnicate"
dev help
expect "help" 0 "usage: ./dev COMMAND"

stand_in id 'echo 0'
stand_in sleep ''
dev setup check
expect "no Debian: says what is needed" 1 "alpha beta gamma"

# apt-get notes its calls; the first update fails.
# shellcheck disable=SC2016  # the stand-ins expand these
stand_in apt-get 'echo "$*" >>"$state/calls"
[ "$1" != update ] || [ -e "$state/again" ] || { : >"$state/again"; exit 1; }'
stand_in dpkg-query 'echo "alpha installed"; echo "beta config-files"; exit 1'
dev setup
expect "a first update that fails" 0 "trying again"
expect_calls "only what is missing" "update
update
$install beta"

dev setup check
expect_calls "the check set too" "update
$install beta gamma"

stand_in dpkg-query 'echo "alpha installed"; echo "beta installed"'
dev setup
expect_calls "nothing missing, no call" ""

dev setup checks
expect "an unknown set" 1 "knows only: check, peers"

# A peer is downloaded and unpacked, once; never installed.
# shellcheck disable=SC2016
stand_in apt-get 'echo "$*" >>"$state/calls"
[ "$1" != download ] || : >"$2.deb"'
# shellcheck disable=SC2016
stand_in dpkg-deb 'echo "dpkg-deb $*" >>"$state/calls"'
dev setup peers
expect "a peer" 0 "unpacking delta into build/peers"
expect_calls "a peer is unpacked" "download delta
dpkg-deb -x build/peers/download/delta.deb build/peers"
dev setup peers
expect_calls "only once" ""
rm -r "$work/tree/build/peers"
stand_in dpkg-query 'case $* in
*delta*) echo installed ;;
*) echo "alpha installed"; echo "beta installed" ;;
esac'
dev setup peers
expect_calls "a peer that is installed" ""
stand_in dpkg-query 'echo "alpha installed"; echo "beta installed"'
# shellcheck disable=SC2016
stand_in apt-get 'echo "$*" >>"$state/calls"; [ "$1" = update ]'
dev setup peers
expect "a peer that cannot be had" 0 "its tests will be skipped"
expect_calls "looks for newer lists" "download delta
update
download delta"

stand_in apt-get 'echo "E: no such mirror"; exit 100'
stand_in dpkg-query 'exit 1'
dev setup
expect "a failing apt-get shows its words" 1 "E: no such mirror"

stand_in id 'echo 1000'
dev setup
expect "neither root nor sudo" 1 \
  "apt-get install --no-install-recommends alpha beta"
# shellcheck disable=SC2016
stand_in sudo 'echo "sudo $*" >>"$state/calls"'
dev setup
expect_calls "with sudo" "sudo DEBIAN_FRONTEND=noninteractive apt-get update
sudo DEBIAN_FRONTEND=noninteractive apt-get $install alpha beta"

# A failing test's last words stand at the end, and the code stays ctest's.
for tool in head nproc seq uname; do
  ln -s "$(command -v "$tool")" "$work/bin/$tool"
done
stand_in cmake ''
# shellcheck disable=SC2016
stand_in ctest 'mkdir -p build/release/Testing/Temporary
cat >build/release/Testing/Temporary/LastTest.log <<LOG
1/3 Testing: e2e.Works
Output:
----------------------------------------------------------
as it should
<end of output>
Test Passed.
2/3 Testing: e2e.Breaks
Output:
----------------------------------------------------------
[ RUN      ] Breaks
$(seq 100)
a_test.cc:7: Failure
[  FAILED  ] Breaks (2 ms)
<end of output>
Test Failed.
3/3 Testing: e2e.WorksToo
Output:
so does this
<end of output>
Test Passed.
LOG
echo "Errors while running CTest"; exit 8'
export ODDVERB_SKIP_SETUP=1
dev test
expect "failures are told last" 8 "==> e2e.Breaks"
if [ "$(tail -n 2 "$work/output")" != "a_test.cc:7: Failure
[  FAILED  ] Breaks (2 ms)" ] || [ "$(wc -l <"$work/output")" -gt 40 ] ||
  grep -q 'as it should\|so does this' "$work/output"; then
  echo "FAILED: of failing tests alone, their ends"
  cat "$work/output"
  failures=$((failures + 1))
fi

# ctest that does not begin to test: nothing of the run before.
stand_in ctest 'echo "CMake Error: Unknown argument"; exit 1'
dev test --frob
expect "a run that does not begin" 1 "Unknown argument"
if grep -q 'e2e.Breaks' "$work/output"; then
  echo "FAILED: failures of an earlier run are told again"
  cat "$work/output"
  failures=$((failures + 1))
fi
unset ODDVERB_SKIP_SETUP

if [ "$failures" -gt 0 ]; then
  echo "$failures failed"
  exit 1
fi
echo "./dev setup behaves"
