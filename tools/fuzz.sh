#!/usr/bin/env bash
# Fuzzes the readers of foreign files: tools/fuzz.sh SECONDS. Builds with clang and sanitizers, runs each target for
# SECONDS (as many at a time as there are processors) over a copy of its seeds in tests/fuzz/, and fails on a crash, a timeout of 10 s or more than 2 GiB of memory.
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
cmake -S "$root" -B "$folder" -G Ninja -DCMAKE_C_COMPILER=clang-19 -DCMAKE_CXX_COMPILER=clang++-19 -DCMAKE_BUILD_TYPE=RelWithDebInfo \
  -DBITSIEVE_FUZZ=ON -DBITSIEVE_TESTS=OFF >"$folder.log" 2>&1 || { cat "$folder.log"; exit 1; }
targets="base onnx pack c_reader data quant eval accel"
# shellcheck disable=SC2086
cmake --build "$folder" --target $(printf 'fuzz_%s ' $targets)

fuzz() {  # fuzz NAME
  target=$(find "$folder/src" "$folder/c" -type f -name "fuzz_$1")
  seeds=$1
  if [ "$1" = c_reader ]; then seeds=pack; fi
  corpus=$folder/corpus_$1
  mkdir -p "$corpus" "$folder/findings"
  cp -n tests/fuzz/"$seeds"/* "$corpus/"
  if ! "$target" -rss_limit_mb=2048 -timeout=10 -max_total_time="$seconds" -print_final_stats=1 \
    -artifact_prefix="$folder/findings/$1-" "$corpus" >"$folder/fuzz_$1.log" 2>&1; then
    tail -n 60 "$folder/fuzz_$1.log"
    echo "fuzz_$1 found something; the input is in $folder/findings" >&2
    return 1
  fi
  echo "fuzz_$1: $(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/fuzz_$1.log") inputs, nothing found"
}

say "Fuzzing $targets for $seconds s each"
status=0
jobs=0
for name in $targets; do
  if [ $jobs -ge "$(nproc)" ]; then
    wait -n || status=1
    jobs=$((jobs - 1))
  fi
  fuzz "$name" &
  jobs=$((jobs + 1))
done
while [ $jobs -gt 0 ]; do
  wait -n || status=1
  jobs=$((jobs - 1))
done
exit $status
