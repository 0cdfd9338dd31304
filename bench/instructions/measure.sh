#!/usr/bin/env bash
# Counts the instructions that a record takes from its message to its row of COPY BINARY, and
# compares them with the recorded figures. More than 10 % above a figure is a failure. Nothing is
# timed, so noise on the machine does not matter.
#
# measure.sh PROGRAM FIGURES [--update]   --update records the new counts
#
# Counts must be comparable between machines. valgrind emulates a CPU of its own, but reports AVX2
# only if the real CPU has it, and libraries select their code by that. So both libraries that
# matter here are set to the SSE code that every x86-64 CPU of the last 15 years supports: simdjson
# by its own variable, and glibc's memcpy, memchr and memcmp by a tunable. The compiler's version
# still matters: another version needs new figures.
set -euo pipefail
program=$1
figures=$2
update=${3:-}

if ! command -v valgrind >/dev/null; then
  echo "instructions: valgrind is not installed; scripts/setup installs it" >&2
  [[ -n ${CI:-} ]] && exit 1
  exit 77  # ctest: skipped
fi
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

export SIMDJSON_FORCE_IMPLEMENTATION=westmere
export GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-AVX,-AVX512F,-AVX_Fast_Unaligned_Load,-SSSE3,-ERMS,-FSRM

# count CASE: prints the instructions per record of the case.
count() {
  if ! valgrind --tool=callgrind --collect-atstart=no --callgrind-out-file="$directory/out" \
    --toggle-collect='syncline::bench::MeasuredWork*' "$program" "$1" >"$directory/records" 2>"$directory/log"; then
    tail -n 20 "$directory/log" >&2
    return 1
  fi
  awk -v records="$(<"$directory/records")" '$1 == "totals:" {printf "%d", $2 / records}' "$directory/out"
}

failed=0
new=$directory/figures
sed -n '/^#/p' "$figures" >"$new"
printf '%-20s %12s %12s %8s\n' case instructions recorded change
for name in $("$program"); do
  found=$(count "$name")
  printf '%-20s %s\n' "$name" "$found" >>"$new"
  known=$(awk -v name="$name" '$1 == name {print $2}' "$figures")
  if [[ -z $known ]]; then
    printf '%-20s %12d %12s\n' "$name" "$found" none
    failed=1
    continue
  fi
  percent=$(awk -v found="$found" -v known="$known" 'BEGIN {printf "%.1f", (found - known) * 100 / known}')
  printf '%-20s %12d %12d %7s%%' "$name" "$found" "$known" "$percent"
  if ((found * 10 > known * 11)); then
    printf ' too many'
    failed=1
  fi
  printf '\n'
done

if [[ $update == --update ]]; then
  cp "$new" "$figures"
  echo "recorded: $figures"
elif ((failed)); then
  echo "instructions: more than 10 % above the recorded figures; to accept them: scripts/bench instructions --update" >&2
  exit 1
fi
