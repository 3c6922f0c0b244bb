#!/usr/bin/env bash
# Maps a few modules of rtl/ to cells again: area, flip-flops, delay and power are those of docs/area.json, the table that the
# simulator's energies rest on. Skipped where the tools are not installed.
set -eu
root=$(realpath "$1")
found=$(mktemp)
trap 'rm -f "$found"' EXIT
for tool in yosys sta iverilog; do
  command -v "$tool" >/dev/null || { echo "$tool is not installed: areas are not measured again"; exit 77; }
done
[ -d /usr/share/qflow/tech/osu018 ] || { echo "qflow-tech-osu018 is not installed: areas are not measured again"; exit 77; }
for design in "8b-8b" "2x 4b-8b bound" "trim-and-round 3opt +R" "SWIS single, M=4, N=2"; do
  "$root/tools/area/area.py" --only "$design"
done >"$found"
python3 - "$root/docs/area.json" "$found" <<'P'
import json, re, sys
known = {d["name"]: d for d in json.load(open(sys.argv[1]))["designs"]}
rows = re.findall(r"^(.*?) +(\d+) um2 \(of .*?\) +(\d+) FF +([\d.]+) ns ([\d.]+) mW", open(sys.argv[2]).read(), re.M)
wrong = 0
for name, area, flip_flops, delay, power in rows:
    d = known[name]
    same = (float(area), int(flip_flops), float(delay), float(power)) == (d["area_um2"], d["flip_flops"], round(d["delay_ns"], 2), round(d["power_mw"], 3))
    print(f"{name}: expected {d['area_um2']:.0f} um2 {d['flip_flops']} FF {d['delay_ns']:.2f} ns {d['power_mw']:.3f} mW, measured {area} {flip_flops} {delay} {power}")
    wrong += not same
assert len(rows) >= 4 and wrong == 0, f"{wrong} of {len(rows)} differ"
P
