"""docs/area.json and docs/area.md from what area.py measured, and a table of energies for `bitsieve simulate`."""
import json

columns_of_array = (4, 8, 16, 32)
mac_45nm = 0.3  # pJ: Horowitz, ISSCC 2014, an 8-bit product and a 32-bit addition
fusion_ratio = 3.67 / 1.63  # BitFusion's synthesis (systolic_array_synth.csv): fusion units against 8-bit ones, 4 x 4 each
commands = ["apt-get install --no-install-recommends yosys opensta iverilog qflow-tech-osu018", "tools/area/area.py"]


def figures(result, base):
    """What is derived of a measurement; relative to `base`."""
    per_cycle = result["products_per_cycle"]
    if result["kind"] == "operation":
        return result
    return {**result, "area_per_product": result["area_um2"] / per_cycle, "baseline": base["name"],
            "area_per_product_relative": result["area_um2"] / per_cycle / (base["area_um2"] / base["products_per_cycle"]),
            "pj_per_product": result["pj_per_cycle"] / per_cycle,
            **{f"pj_per_product_relative{k}": result["pj_per_cycle" + k] / per_cycle / (base["pj_per_cycle" + k] / base["products_per_cycle"])
               for k in ("", "_without_glitches")}}


def energy_entries(by_name):
    """(id, pJ in osu018, source)."""
    def measured(name, what):
        return name, by_name[name]["pj_per_cycle"], what
    fusion = fusion_ratio * by_name["8b-8b"]["pj_per_cycle"]
    return [
        measured("mul-8x8", "an 8-bit unsigned times an 8-bit signed number (rtl/operations/op_multiply.sv)"),
        measured("mul-4x8", "a lane of SPARQ's 5opt: 4 bits times 8 (rtl/operations/op_multiply.sv)"),
        measured("add-32", "a product to a running sum (rtl/operations/op_add.sv)"),
        measured("add-24", "a bit plane to what was doubled (rtl/operations/op_add.sv)"),
        measured("add-16", "the two lanes of a SPARQ pair (rtl/operations/op_add.sv)"),
        ("add-1", by_name["add-32"]["pj_per_cycle"] / 32, "derived: a 32nd of add-32"),
        measured("shift-32", "11 bits by 0 to 7 places, all that SWIS's element has (rtl/operations/op_shift.sv)"),
        measured("shift-16", "12 bits by 0 to 4 places, a lane of SPARQ's 5opt (rtl/operations/op_shift.sv)"),
        measured("and-8", "an activation behind its mask and sign (rtl/operations/op_mask.sv)"),
        ("and-1", by_name["and-8"]["pj_per_cycle"] / 8, "derived: an eighth of and-8"),
        ("fusion-unit", fusion, f"derived: our 8b-8b element times {fusion_ratio:.3f}, BitFusion's own ratio of a fusion unit to an 8-bit one, registers included"),
    ]


# Whole elements, by the names under which the machines of src/accel/machines count their cycles; lanes last.
elements_of = {
    "systolic": "8b-8b", "dot-product": "dot product", "sparse-dot-product": "2:4 dot product",
    **{f"{machine}-{options}": design.format(options) for options in ("5opt", "3opt", "2opt") for machine, design in (
        ("sparq", "SPARQ {}"), ("sparq-dot-product", "SPARQ dot product {}"), ("sparq-sparse-dot-product", "SPARQ 2:4 dot product {} +R"),
        ("trim-round", "trim-and-round {} +R"))},
    **{f"{machine}-{m}": design.format(m) for m in (4, 8, 16) for machine, design in (
        ("swis-single", f"SWIS single, M={{}}, N={2 if m == 4 else 3}"), ("swis-double", f"SWIS double, M={{}}, N={2 if m == 4 else 4}"),
        ("swis-c", "SWIS-C, M={}, N=3"),
        ("weight-serial", "weight-serial, M={}, 7 bits"), ("stripes", "Stripes, M={}"), ("bit-pragmatic", "Bit-Pragmatic, M={}"))}}


def element_entries(by_name):
    return [(f"element-{element}", by_name[name]["pj_per_cycle"], f"{name}: a cycle of the whole element, registers and glitches included")
            for element, name in elements_of.items()]


def toml(entries, scale, node):
    """The entries as `bitsieve simulate --energy-table` reads them; buffers and DRAM are those of another table."""
    return "".join(f'[[entry]]\nid = "{i}"\nvalue = {v * scale:.5g}\nnode = "{node}"\nsource = "our RTL, docs/area.json: {s}"\n\n' for i, v, s in entries)


def table(titles, rows):
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list) else value


def baseline(result, by_name):
    return by_name["8b-8b" if result["kind"] == "element" else "2:4 dot product" if "2:4" in result["name"] else "dot product"]


def element_rows(results):
    return [[r["name"], f"{r['area_um2']:,.0f}", str(r["flip_flops"]), f"{r['delay_ns']:.2f}", f"{r['products_per_cycle']:.3g}", f"{r['area_per_product_relative']:.2f}",
             f"{r['power_mw']:.2f} ({r['power_mw_without_glitches']:.2f})", f"{r['pj_per_cycle']:.1f}", f"{r['pj_per_product']:.1f}",
             f"{r['pj_per_product_relative']:.2f} ({r['pj_per_product_relative_without_glitches']:.2f})"] for r in results]


titles = ["", "area um2", "flip-flops", "delay ns", "products a cycle", "area a product, relative", "power mW", "pJ a cycle", "pJ a product", "relative"]


def shared_units(by_name):
    """Rows of an array have a trim-and-round unit each: what an element of it costs with its share."""
    base = by_name["8b-8b"]["area_um2"]
    rows = []
    for option in ("5opt", "3opt", "2opt", "6opt", "7opt"):
        for suffix in ("", " -vS"):
            element, unit = by_name[f"SPARQ {option}{suffix}"]["area_um2"], by_name[f"trim-and-round {option} +R{suffix}"]["area_um2"]
            rows.append({"name": f"{option}{suffix}", "element_um2": element, "unit_um2": unit, "without_unit": element / 2 / base,
                         "with_unit": {str(c): (element + unit / c) / 2 / base for c in columns_of_array}})
    return rows


# Operations of an element in a cycle, as the machines of src/accel/machines count them.
operations_of = {
    "8b-8b": {"mul-8x8": 1, "add-32": 1},
    "SPARQ 5opt": {"mul-4x8": 2, "shift-16": 2, "add-16": 1, "add-32": 1},
    "SWIS single, M=4, N=3": {"and-8": 4, "add-16": 3, "shift-32": 1, "add-32": 1},
    "SWIS double, M=4, N=4": {"and-8": 8, "add-16": 6, "shift-32": 2, "add-32": 2},
    "SWIS-C, M=4, N=3": {"and-8": 4, "add-16": 3, "add-24": 1, "add-32": 1 / 3, "shift-32": 1 / 3},
    "weight-serial, M=4, 7 bits": {"and-8": 4, "add-16": 3, "add-24": 1, "add-32": 1 / 7},
    "Stripes, M=16": {"and-8": 16, "add-16": 15, "add-32": 1},
    "Bit-Pragmatic, M=16": {"shift-16": 16, "add-16": 15, "shift-32": 1, "add-32": 1},
}


def sums_of_operations(by_name, entries):
    """What the entries of the energy table make of an element's cycle, beside what the element takes as a whole."""
    value = {i: v for i, v, _ in entries}
    return [{"name": name, "operations_pj": sum(n * value[i] for i, n in counts.items()), "element_pj": by_name[name]["pj_per_cycle"],
             "registers_pj": by_name[name]["register_power_mw"] * by_name[name]["pj_per_cycle"] / by_name[name]["power_mw"]}
            for name, counts in operations_of.items()]


def write(results, folder, conditions):
    by_name = {r["name"]: r for r in results}
    results = [figures(r, baseline(r, by_name)) for r in results]
    by_name = {r["name"]: r for r in results}
    base = by_name["8b-8b"]
    entries = energy_entries(by_name)
    whole = element_entries(by_name)
    scale = mac_45nm / by_name["8b-8b"]["pj_per_cycle"]
    shares = shared_units(by_name)
    wholes = sums_of_operations(by_name, entries)
    document = {
        "library": "osu018_stdcells of qflow-tech-osu018: 180 nm, 1.8 V, typical", "conditions": conditions, "commands": commands, "designs": results,
        "trim_and_round_share": shares, "operations_and_elements": wholes,
        "energy_table": {"entries": [{"id": i, "pj_osu018": v, "pj_45nm": v * scale, "source": s} for i, v, s in whole + entries], "scale_45nm": scale,
                         "anchor": "the 8b-8b element takes the 0.3 pJ of Horowitz (ISSCC 2014)",
                         "toml_osu018": toml(whole + entries, 1, "180 nm, 1.8 V"), "toml_45nm": toml(whole + entries, scale, "45 nm; ratios of 180 nm")}}
    (folder / "area.json").write_text(json.dumps(rounded(document), indent=1) + "\n")

    of_kind = {kind: [r for r in results if r["kind"] == kind] for kind in ("element", "unit", "dot", "operation")}
    c = conditions
    late = [(r["name"].replace("SPARQ 2:4 dot product ", ""), f"{min(r['areas_um2']):,.0f} um2") for r in results if min(r["areas_um2"]) < r["area_um2"]]
    smaller = f"Smaller results that miss the clock: {', '.join(f'{name} {area}' for name, area in late)}." if late else ""
    text = f"""# Area and power of our RTL
Ours, not the papers': their figures are unknown to us. Written by

```
{chr(10).join(commands)}
```

Every module of `rtl/` is mapped to the cells of osu018 (180 nm, 1.8 V) by Yosys for a clock of {c['period_ns']:g} ns, in two ways, and timed
by OpenSTA, without wires; the smaller result that keeps the clock counts. Differences of a few percent are the mapper's. The
mapped netlist then runs {c['cycles']} cycles in Icarus Verilog, where its sums have to be right, and power is what OpenSTA gives each
cell at rest and for a transition of its output, times the transitions counted. Operands: half of the activations are zero, the
others half-normal with sigma 40; weights are normal with sigma 36, rounded to the shared shifts of SWIS where the element wants
them. Glitches are those of the cells' own delays; in brackets power without any. A product is a weight times an activation.

## Processing elements
{table(titles, element_rows(of_kind['element']))}

Relative to 8b-8b. Each has its operand registers, a 32-bit sum and the path by which sums leave. Double sums for overlapped tiles (`rtl/drain_cell.sv`)
are not in it.

## The trim-and-round unit
{table(["", "area um2", "delay ns", "power mW", "pJ a pair"], [[r["name"], f"{r['area_um2']:,.0f}", f"{r['delay_ns']:.2f}", f"{r['power_mw']:.3f} ({r['power_mw_without_glitches']:.3f})", f"{r['pj_per_cycle']:.2f}"] for r in of_kind['unit']])}

One stands before each row of an array. Area a product of an element with its share of a rounding unit, 8b-8b = 1:

{table(["", "element um2", "unit um2", "unit aside"] + [f"{n} columns" for n in columns_of_array], [[s["name"], f"{s['element_um2']:,.0f}", f"{s['unit_um2']:,.0f}", f"{s['without_unit']:.3f}"] + [f"{s['with_unit'][str(n)]:.3f}" for n in columns_of_array] for s in shares])}

## Dot products
{table(titles, element_rows(of_kind['dot']))}

Relative to the dot product, and the 2:4 ones to that of 2:4. Operand registers are outside. The 2:4 ones count kept products, half
of the positions. SPARQ's 2:4 ones have four trim-and-round units each inside, between the multiplexers and the products. The others
need one unit for every pair of operands, shared by those that read them. {smaller}

## Operations
What the energy table has entries for, alone, fed with what they meet in the elements above.

{table(["", "area um2", "delay ns", "pJ", "without glitches", "pJ scaled to 45 nm"], [[r["name"], f"{r['area_um2']:,.0f}", f"{r['delay_ns']:.2f}", f"{r['pj_per_cycle']:.3f}", f"{r['pj_per_cycle_without_glitches']:.3f}", f"{r['pj_per_cycle'] * scale:.5f}"] for r in of_kind['operation']])}

What the machines of the simulator count in a cycle of an element, in these energies, and what the element takes as a whole. The
rest is registers, choices of operands, and glitches that go on from one operation into the next:

{table(["", "operations pJ", "element pJ", "of it registers", "element, 8b-8b = 1", "operations, 8b-8b = 1"], [[w["name"], f"{w['operations_pj']:.1f}", f"{w['element_pj']:.1f}", f"{w['registers_pj']:.1f}", f"{w['element_pj'] / wholes[0]['element_pj']:.2f}", f"{w['operations_pj'] / wholes[0]['operations_pj']:.2f}"] for w in wholes])}

So ratios between machines are better taken from whole elements, a cycle of which takes:

{table(["", "design", "pJ in osu018", "without glitches", "8b-8b = 1", "without glitches", "pJ scaled to 45 nm"], [[i, elements_of[i[8:]], f"{v:.1f}", f"{by_name[elements_of[i[8:]]]['pj_per_cycle_without_glitches']:.1f}", f"{v / base['pj_per_cycle']:.2f}", f"{by_name[elements_of[i[8:]]]['pj_per_cycle_without_glitches'] / base['pj_per_cycle_without_glitches']:.2f}", f"{v * scale:.4f}"] for i, v, _ in whole])}

Scaled: times {scale:.6f}, so that the 8b-8b element takes the 0.3 pJ of a product and a sum of Horowitz (ISSCC 2014). Ratios are then our
gates', and the buffers of the other table remain comparable.
"""
    (folder / "area.md").write_text(text)
