#!/bin/sh
# Builds everything with a sanitizer and runs all tests: tools/sanitize.sh [asan|ubsan|tsan]..., all three without
# arguments. Builds in build/asan and so on, as the presets of the same names do; BITSIEVE_SANITIZE_BUILD moves them.
set -eu
for name in "$@"; do
  case $name in
    asan | ubsan | tsan) ;;
    *) echo "usage: tools/sanitize.sh [asan|ubsan|tsan]..." >&2; exit 2 ;;
  esac
done
[ $# -gt 0 ] || set -- asan ubsan tsan
# shellcheck source=tools/common.sh
. "$(dirname "$0")/common.sh"
root=$(cd "$(dirname "$0")/.." && pwd)  # common.sh takes the folder of this script
cd "$root"
# shellcheck disable=SC2086
install_packages $packages $training_packages libgtest-dev python3

export ASAN_OPTIONS=detect_stack_use_after_return=1:check_initialization_order=1:strict_init_order=1
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
for name in "$@"; do
  folder=${BITSIEVE_SANITIZE_BUILD:-$root/build}/$name
  say "Building in $folder"
  mkdir -p "$folder"
  cmake --preset "$name" -B "$folder" >"$folder.log" 2>&1 || { cat "$folder.log"; exit 1; }
  cmake --build "$folder"
  say "Running the tests under $name"
  # The thread sanitizer of g++ 12 stops at start where the kernel randomizes addresses with more than 28 bits.
  run=
  if [ "$name" = tsan ] && setarch -R true 2>/dev/null; then run="setarch -R"; fi
  $run ctest --test-dir "$folder" --output-on-failure -j "$(nproc)" -LE "data|package"
done
