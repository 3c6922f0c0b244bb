#!/usr/bin/env bash
# The program of c/bsv_reader.c: what it prints, and its exit status: c_reader.sh PROGRAM FILE, a file of
# src/pack/sample_model.h.
set -eu
program=$1 file=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() { echo "$*" >&2; exit 1; }

"$program" "$file" >"$folder/layers"
cut -f 1-4 "$folder/layers" >"$folder/forms"
printf '%s\t%s\t%s\t%s\n' stem 4 36 int4 depthwise 4 1 'swis M=2 N=1.5' scores 5 4 int3 | diff - "$folder/forms"
while IFS=$'\t' read -r name outputs k _ hash; do
  "$program" "$file" "$name" >"$folder/weights"
  [ "$(wc -c <"$folder/weights")" = $((outputs * k)) ] || fail "$name: not $outputs * $k bytes"
  python3 - "$folder/weights" "$hash" <<'P' || fail "$name: another hash"
import sys
value = 0xcbf29ce484222325
for byte in open(sys.argv[1], "rb").read():
    value = (value ^ byte) * 0x100000001b3 % 2**64
sys.exit(f"{value:016x}" != sys.argv[2])
P
done <"$folder/layers"
[ "$("$program" "$file" depthwise | od -An -td1 | xargs)" = "-128 6 0 17" ] || fail "depthwise: other weights"

refuses() {  # refuses STATUS ERROR ARGUMENT...
  status=0 wanted=$1 message=$2
  shift 2
  "$program" "$@" >"$folder/out" 2>"$folder/err" || status=$?
  [ $status = "$wanted" ] || fail "$*: status $status"
  [ ! -s "$folder/out" ] || fail "$*: it printed something"
  [ "$(cat "$folder/err")" = "$message" ] || fail "$*: $(cat "$folder/err")"
}
head -c -1 "$file" >"$folder/short"
refuses 1 "bsv_reader: $folder/short: truncated, or bytes follow the end" "$folder/short"
refuses 1 "bsv_reader: $folder/short: truncated, or bytes follow the end" "$folder/short" stem
refuses 1 "bsv_reader: $folder/none: it cannot be read" "$folder/none"
refuses 1 "bsv_reader: $folder: it cannot be read" "$folder"
refuses 1 "bsv_reader: $0: not a bsv file" "$0"
refuses 1 "bsv_reader: $file: it has no such layer computed in integers" "$file" dense
refuses 2 "usage: bsv_reader FILE [LAYER]"
refuses 2 "usage: bsv_reader FILE [LAYER]" "$file" stem depthwise
if [ -w /dev/full ] && "$program" "$file" >/dev/full 2>"$folder/err"; then fail "a full disk is no error"; fi
