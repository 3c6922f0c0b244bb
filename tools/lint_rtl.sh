#!/usr/bin/env bash
# Verilator's lint on every module of rtl/, as the top of a design and as part of the benches, with all parameters that
# the benches use. Fails on any warning.
set -eu
cd "$(dirname "$0")/../rtl"
bad=0
for file in *.sv operations/*.sv bench/*.sv; do
  top=$(basename "$file" .sv)
  # What instantiates itself cannot be a top here: plane_sum has it.
  [ "$top" != sum_tree ] || continue
  # Benches leave open what elements hand on to their neighbours.
  open=""
  case $file in bench/*) open=-Wno-PINCONNECTEMPTY ;; esac
  # shellcheck disable=SC2086
  verilator --lint-only -Wall $open -y . --top-module "$top" "$file" || bad=1
done
[ $bad = 0 ] && echo "rtl: lint clean"
exit $bad
