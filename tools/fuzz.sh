#!/bin/sh
# Fuzzes the readers of foreign files: tools/fuzz.sh SECONDS. Builds with clang and sanitizers, runs each target for
# SECONDS over a copy of its seeds in tests/fuzz/, and fails on a crash, a timeout of 10 s or more than 2 GiB of memory.
set -eu
seconds=${1:-}
case $seconds in
  '' | *[!0-9]*) echo "usage: tools/fuzz.sh SECONDS" >&2; exit 2 ;;
esac
# shellcheck source=tools/common.sh
. "$(dirname "$0")/common.sh"
root=$(cd "$(dirname "$0")/.." && pwd)  # common.sh takes the folder of this script
cd "$root"
# shellcheck disable=SC2086
install_packages $packages clang-19 libclang-rt-19-dev

folder=${BITSIEVE_FUZZ_BUILD:-$root/build/fuzz}
say "Building in $folder"
mkdir -p "$folder"
cmake -S "$root" -B "$folder" -G Ninja -DCMAKE_CXX_COMPILER=clang++-19 -DCMAKE_BUILD_TYPE=RelWithDebInfo \
  -DBITSIEVE_FUZZ=ON -DBITSIEVE_TESTS=OFF >"$folder.log" 2>&1 || { cat "$folder.log"; exit 1; }
cmake --build "$folder" --target fuzz_onnx fuzz_bsv

status=0
for name in onnx bsv; do
  say "Fuzzing $name for $seconds s"
  target=$(find "$folder/src" -type f -name "fuzz_$name")
  corpus=$folder/corpus_$name
  mkdir -p "$corpus" "$folder/findings"
  cp -n tests/fuzz/$name/* "$corpus/"
  "$target" -rss_limit_mb=2048 -timeout=10 -max_total_time="$seconds" -print_final_stats=1 \
    -artifact_prefix="$folder/findings/$name-" "$corpus" >"$folder/fuzz_$name.log" 2>&1 || {
    status=1
    tail -n 60 "$folder/fuzz_$name.log"
    echo "fuzz_$name found something; the input is in $folder/findings" >&2
  }
  grep -E '^stat::(number_of_executed_units|peak_rss_mb)' "$folder/fuzz_$name.log" || true
done
exit $status
