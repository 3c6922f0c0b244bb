#!/usr/bin/env bash
# The embedded network on real images: float accuracy, and INT8 and SPARQ close to it.
set -eu
program=$1 models=$2
data=/usr/share/datasets/fashion-mnist
result=$("$program" auto "$models/fashion-resnet14.onnx" --data fashion-mnist:$data:test --calib fashion-mnist:$data:train \
  --limit 200 --calib-samples 64 --format json)
again=$("$program" auto "$models/fashion-resnet14.onnx" --data fashion-mnist:$data:test --calib fashion-mnist:$data:train \
  --limit 200 --calib-samples 64 --format json --threads 1)
strip() { grep -v images_per_second; }
[ "$(strip <<<"$result")" = "$(strip <<<"$again")" ] || { echo "results depend on the number of threads"; exit 1; }
python3 - "$result" <<'P'
import json, sys
r = json.loads(sys.argv[1])
points = {p["recipe"]: p for p in r["points"]}
print({name: (p["top1"], round(p["logit_sqnr_db"], 1)) for name, p in points.items()})
assert r["reference"]["top1"] >= 90 and r["reference"]["count"] == 200
assert points["int8"]["agreement"] >= 98 and points["int8"]["logit_sqnr_db"] > 20
# The order of the methods' noise (specification of SPARQ, section E).
sqnr = lambda name: points[name]["logit_sqnr_db"]
assert sqnr("int8") > sqnr("sparq-5opt-round") > sqnr("act4-uniform") > sqnr("sparq-7opt-trim")
for option in "5opt", "3opt", "2opt", "6opt", "7opt":
    assert sqnr(f"sparq-{option}-round") > sqnr(f"sparq-{option}-trim")
    assert sqnr(f"sparq-{option}-trim") > sqnr(f"sparq-{option}-trim-novs")
P
