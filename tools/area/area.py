#!/usr/bin/env python3
"""Area, delay and power of the modules of rtl/: Yosys maps them to the cells of osu018 (180 nm, 1.8 V), OpenSTA times them, and
power is OpenSTA's for the activity of every net in a simulation of the mapped netlist (Icarus Verilog).

usage: area.py [--only TEXT] [--keep FOLDER] [--output docs]
Writes area.json and area.md into --output. Debian packages: yosys opensta iverilog qflow-tech-osu018.
"""
import argparse
import concurrent.futures
import json
import math
import pathlib
import re
import shutil
import subprocess
import tempfile

import operands
import report

root = pathlib.Path(__file__).resolve().parent.parent.parent
library = pathlib.Path("/usr/share/qflow/tech/osu018")
liberty, models = library / "osu018_stdcells.lib", library / "osu018_stdcells.v"
period = 10.0  # ns, of all designs
# What abc finds differs by some percent with the way that it is told to go: of each design the smallest that keeps the period.
ways = ["", "-script +strash;scorr;dc2;dc2;dch,-f;map,-a;topo;buffer,-c;topo;upsize,{D};dnsize,{D}"]
load = 0.02  # pF at outputs: a few gate inputs
arrive = 0.2  # ns after the edge: operands come out of registers


def design(name, top, stimulus, kind="element", per_cycle=None, **parameters):
    """per_cycle: products a cycle; None: as the stimulus has them."""
    return {"name": name, "top": top, "parameters": parameters, "kind": kind, "stimulus": stimulus, "per_cycle": per_cycle}


def designs():
    yield design("8b-8b", "systolic_pe", operands.systolic)
    yield design("2x 4b-8b bound", "two_by_four_pe", operands.two_by_four)
    for option, (bits, step) in operands.options.items():
        for pairs in (1, 0):
            yield design(f"SPARQ {option}{'' if pairs else ' -vS'}", "sparq_pe", lambda o=option, p=pairs: operands.sparq(o, p), N=bits, STEP=step, PAIRS=pairs)
    for option, (bits, step) in operands.options.items():
        for rounding, pairs in ((1, 1), (0, 1), (1, 0), (0, 0)):
            yield design(f"trim-and-round {option}{' +R' if rounding else ''}{'' if pairs else ' -vS'}", "trim_round",
                         lambda o=option, r=rounding, p=pairs: operands.trim(o, r, p), "unit", N=bits, STEP=step, ROUND=rounding, PAIRS=pairs)
    yield design("dot product", "dot_product", lambda: operands.dot(4), "dot")
    for option, (bits, step) in operands.options.items():
        yield design(f"SPARQ dot product {option}", "sparq_dot_product", lambda o=option: operands.sparq_dot(o), "dot", N=bits, STEP=step, PAIRS=1)
    yield design("2:4 dot product", "sparse_dot_product", lambda: operands.sparse(2), "dot")
    for option, (bits, step) in operands.options.items():
        yield design(f"SPARQ 2:4 dot product {option} +R", "sparq_sparse_dot_product", lambda o=option: operands.sparse(4, o), "dot", N=bits, STEP=step, ROUND=1, PAIRS=1)
    for m in (4, 8, 16):
        for shifts in (2, 3, 4) if m == 4 else (3,):
            yield design(f"SWIS single, M={m}, N={shifts}", "swis_single_pe", lambda m=m, n=shifts: operands.shifting("swis_single", m, n), per_cycle=m / shifts, M=m)
        for shifts in (2, 4) if m == 4 else (4,):
            yield design(f"SWIS double, M={m}, N={shifts}", "swis_double_pe", lambda m=m, n=shifts: operands.shifting("swis_double", m, n), per_cycle=2 * m / shifts, M=m)
        yield design(f"SWIS-C, M={m}, N=3", "swis_c_pe", lambda m=m: operands.shifting("swis_c", m, 3), per_cycle=m / 3, M=m)
        yield design(f"Stripes, M={m}", "stripes_pe", lambda m=m: operands.stripes(m), per_cycle=m / 8, M=m)
        yield design(f"Bit-Pragmatic, M={m}", "bit_pragmatic_pe", lambda m=m: operands.pragmatic(m), M=m)
        yield design(f"weight-serial, M={m}, 7 bits", "weight_serial_pe", lambda m=m: operands.shifting("weight_serial", m, 7), per_cycle=m / 7, M=m)
    yield design("mul-8x8", "op_multiply", lambda: operands.multiply(8), "operation", BITS=8)
    yield design("mul-4x8", "op_multiply", lambda: operands.multiply(4), "operation", BITS=4)
    for width in (32, 24, 16):
        yield design(f"add-{width}", "op_add", lambda w=width: operands.add(w), "operation", WIDTH=width)
    yield design("shift-32", "op_shift", lambda: operands.shift("swis"), "operation", WIDTH=11, PLACES=7)
    yield design("shift-16", "op_shift", lambda: operands.shift("sparq"), "operation", WIDTH=12, PLACES=4)
    yield design("and-8", "op_mask", operands.mask, "operation")


def run(command, folder):
    result = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))} failed in {folder}:\n{result.stdout[-3000:]}")
    return result.stdout


def sources(top):
    """The files that the module `top` needs: others would change how cells are numbered, and with it what abc finds."""
    files = {f.stem: f for folder in ("rtl", "rtl/operations") for f in (root / folder).glob("*.sv")}
    needed, left = set(), [top]
    while left:
        module = left.pop()
        if module not in needed:
            needed.add(module)
            text = re.sub(r"//.*", "", files[module].read_text())
            left += [word for word in re.findall(r"^\s*(\w+) (?:#\(|\w+ \()", text, re.M) if word in files]
    return [str(files[m]) for m in sorted(needed)]


def synthesis_script(top, parameters):
    chosen = "".join(f" -set {key} {value}" for key, value in parameters.items())
    lines = [
        f"read_verilog -sv {' '.join(sources(top))}",
        f"chparam{chosen} {top}" if parameters else "",
        f"hierarchy -top {top}",
        # Without alumacc: it turns a sum of a product into one 32-bit multiply-add.
        f"synth -noalumacc -flatten -top {top}",
        f"dfflibmap -liberty {liberty}",
        "rename -top dut",
        "design -save before"]
    for n, way in enumerate(ways):
        lines += [
            "design -load before",
            f"abc -liberty {liberty} -D {int(period * 1000)} -constr cells.constr {way}",
            "opt_clean -purge",
            # Outputs that are inputs, or share a net: OpenSTA does not read the assignments that would be written for several.
            "insbuf -buf BUFX2 A Y",
            f"write_verilog -noattr netlist{n}.v",
            f"tee -o stat{n}.txt stat -liberty {liberty}"]
    return "\n".join(lines)


def name_of(text):
    return text.strip().lstrip("\\").replace(" ", "")


def parse_netlist(text):
    """Ports: {name: (direction, width)}; drivers: {instance/pin: net}; assigns of a net to another."""
    ports, drivers = {}, {}
    for direction, high, name in re.findall(r"^  (input|output) (?:\[(\d+):0\] )?(\S+);", text, re.M):
        ports[name_of(name)] = (direction, int(high or 0) + 1)
    for instance, pins in re.findall(r"^  [A-Z][A-Z0-9]* (\S+ ?) ?\(\n(.*?)\n  \);", text, re.M | re.S):
        for pin, net in re.findall(r"\.(Y|Q|YC|YS)\((.*?)\)", pins):
            drivers[f"{name_of(instance)}/{pin}"] = name_of(net)
    return ports, drivers


def testbench(stimulus, ports):
    widths = {name: width for name, (direction, width) in ports.items() if direction == "input" and name != "clk"}
    total = sum(widths.values())
    words = []
    for inputs in stimulus.inputs:
        word = 0
        for name, width in widths.items():
            word = word << width | (inputs.get(name, 0) & ((1 << width) - 1))
        words.append(f"{word:x}")
    out_width = ports[stimulus.output][1]
    expected = ["x" * math.ceil(out_width / 4) if e is None else f"{e & ((1 << out_width) - 1):x}" for e in stimulus.expected]
    connections = ", ".join([f".{n}({n})" for n in widths] + [f".{stimulus.output}(result)"] + ([".clk(clk)"] if "clk" in ports else []))
    lines = ["`timescale 1ns/10ps", "module tb;", f"  localparam N = {len(words)};", "  reg clk = 0;", f"  always #{period / 2} clk = ~clk;"]
    lines += [f"  reg [{w - 1}:0] {n};" for n, w in widths.items()]
    lines += [f"  wire [{out_width - 1}:0] result;", f"  reg [{total - 1}:0] inputs[0:N-1];", f"  reg [{out_width - 1}:0] expected[0:N-1];",
              f"  dut d({connections});", "  integer i, wrong;", "  initial begin", '    $readmemh("inputs.hex", inputs);',
              '    $readmemh("expected.hex", expected);', '    $dumpfile("activity.vcd");', "    $dumpvars(1, d);", "    wrong = 0;",
              "    @(posedge clk);", "    for (i = 0; i < N; i = i + 1) begin", f"      #{arrive} {{{', '.join(widths)}}} = inputs[i];"]
    if stimulus.registered:
        # The sum is there a while after the edge that ends the cycle, and stays until the next.
        lines += ["      @(negedge clk);", "      if (i > 0 && (^expected[i-1]) !== 1'bx && result !== expected[i-1]) wrong = wrong + 1;", "      @(posedge clk);"]
    else:
        lines += [f"      #{period - arrive - 0.1} if (result !== expected[i]) wrong = wrong + 1;", "      @(posedge clk);"]
    lines += ["    end", '    $display("wrong %0d of %0d", wrong, N);', "    $finish;", "  end", "endmodule"]
    return "\n".join(lines), "\n".join(words), "\n".join(expected)


def toggles(path, skip):
    """{net: transitions} after `skip` ns of the simulation, and the time seen."""
    nets, values, counts = {}, {}, {}  # by the VCD's key; by net
    now, start, unit = 0, None, 1e-2  # 10 ps
    with open(path) as lines:
        for line in lines:
            if line.startswith("$var"):
                fields = line.split()
                width, key, name = int(fields[2]), fields[3], name_of("".join(fields[4:-1]))
                base, _, bits = name.partition("[")
                if width == 1:
                    nets.setdefault(key, []).append([name])
                else:
                    high, low = map(int, bits.rstrip("]").split(":"))
                    nets.setdefault(key, []).append([f"{base}[{b}]" for b in range(high, low - 1, -1)])
                continue
            if line[0] == "#":
                now = int(line[1:]) * unit
                if start is None and now >= skip:
                    start = now
                continue
            if line[0] in "01xz":
                key, text = line[1:].strip(), line[0]
            elif line[0] == "b":
                text, key = line[1:].split()
            else:
                continue
            for bits in nets.get(key, []):
                for net, bit in zip(bits, text.rjust(len(bits), "0" if text[0] in "01" else text[0])):
                    old = values.get(net)
                    values[net] = bit
                    if start is not None and old != bit and old in ("0", "1") and bit in "01":
                        counts[net] = counts.get(net, 0) + 1
    return counts, now - start


def timing_script(ports):
    """Delay, and the power of every cell at no activity and at one transition of every net a cycle. (OpenSTA 2.0 has no command
    that gives single nets an activity and works: its -pins does not, and what sta::set_power_pin_activity says is overwritten.)"""
    inputs = [n for n, (d, w) in ports.items() if d == "input" and n != "clk"]
    return "\n".join([
        f"read_liberty {liberty}", "read_verilog netlist.v", "link_design dut",
        f"create_clock -name clock -period {period}" + (" [get_ports clk]" if "clk" in ports else ""),
        # Without a delay an input has no clock, and what it alone drives no power.
        f"set_input_delay {arrive} -clock clock [get_ports {{{' '.join(n if ports[n][1] == 1 else n + '[*]' for n in inputs)}}}]",
        "set_output_delay 0 -clock clock [all_outputs]", f"set_load {load} [all_outputs]", "report_worst_slack",
        *[line for activity in (0, 1) for line in (f"set_power_activity -global -activity {activity} -duty 0.5", f'puts "activity {activity}"',
                                                   "report_power -instances [get_cells *] -digits 8")], "exit"])


def power_of(cells, drivers, activity):
    """mW of all cells, and of registers: what they take at rest, and for each transition of their output."""
    counts, time = activity
    total = registers = 0
    for cell, (rest, busy) in cells.items():
        pin = next(p for p in ("Y", "Q", "YS", "YC") if f"{cell}/{p}" in drivers)
        power = 1e3 * (rest + (busy - rest) * counts.get(drivers[f"{cell}/{pin}"], 0) / time * period)
        total += power
        registers += power if pin == "Q" else 0
    return total, registers


def newest(files):
    return max(pathlib.Path(f).stat().st_mtime for f in files)


def measure(item, folder):
    top, parameters = item["top"], item["parameters"]
    (folder / "cells.constr").write_text(f"set_driving_cell DFFPOSX1\nset_load {load}\n")
    script, done = synthesis_script(top, parameters), folder / "mapped.ys"
    if not done.exists() or done.read_text() != script or newest(sources(top)) > done.stat().st_mtime:
        (folder / "synth.ys").write_text(script)
        run(["yosys", "-q", "synth.ys"], folder)
        done.write_text(script)
    stats = [(folder / f"stat{n}.txt").read_text() for n in range(len(ways))]
    areas = [float(re.findall(r"Chip area.*: ([\d.]+)", stat)[-1]) for stat in stats]
    for n in sorted(range(len(ways)), key=lambda n: areas[n]):
        stat, netlist = stats[n], (folder / f"netlist{n}.v").read_text()
        (folder / "netlist.v").write_text(netlist)
        ports, drivers = parse_netlist(netlist)
        (folder / "sta.tcl").write_text(timing_script(ports))
        timing = run(["sta", "-no_splash", "-exit", "sta.tcl"], folder)
        if "Error" in timing:
            raise SystemExit(f"{item['name']}: {timing[-1000:]}")
        slack = float(re.search(r"worst slack ([-\d.]+)", timing).group(1))
        if slack >= 0:
            break
    else:
        raise SystemExit(f"{item['name']}: too slow for {period} ns by {-slack} ns")
    stimulus = item["stimulus"]()
    bench, inputs, expected = testbench(stimulus, ports)
    (folder / "tb.v").write_text(bench)
    (folder / "inputs.hex").write_text(inputs)
    (folder / "expected.hex").write_text(expected)
    result = {"name": item["name"], "module": top, "parameters": parameters, "kind": item["kind"],
              "cells": int(re.findall(r"Number of cells: +(\d+)", stat)[-1]),
              "flip_flops": sum(map(int, re.findall(r"DFF\w+ +(\d+)", stat))),
              "area_um2": areas[n], "areas_um2": areas, "delay_ns": round(period - slack, 3)}
    count = len(stimulus.inputs)
    result["cycles"], result["products"] = count, stimulus.products
    # The end of a simulation may cut a group of SWIS in two.
    result["products_per_cycle"] = item["per_cycle"] or stimulus.products / count
    rest, busy = ({name_of(c): float(p) for p, c in re.findall(r"^ +\S+ +\S+ +\S+ +([\d.e+-]+) (\S+)$", part, re.M)} for part in timing.split("activity ")[1:])
    cells = {c: (rest[c], busy[c]) for c in rest}
    if len(cells) != result["cells"]:
        raise SystemExit(f"{item['name']}: OpenSTA reports {len(cells)} of {result['cells']} cells")
    for key, flag in (("", ["-gspecify"]), ("_without_glitches", [])):
        run(["iverilog", "-g2005-sv", *flag, "-Ttyp", "-o", "tb.vvp", "tb.v", "netlist.v", str(models)], folder)
        said = run(["vvp", "-n", "tb.vvp"], folder)
        if f"wrong 0 of {count}" not in said:
            raise SystemExit(f"{item['name']}: the netlist computes something else ({said.strip()[-200:]}) in {folder}")
        result["power_mw" + key], result["register_power_mw" + key] = power_of(cells, drivers, toggles(folder / "activity.vcd", 8 * period))
        (folder / "activity.vcd").unlink()
    # mW times ns is pJ.
    result["pj_per_cycle"] = result["power_mw"] * period
    result["pj_per_cycle_without_glitches"] = result["power_mw_without_glitches"] * period
    return result


def check_tools():
    missing = [package for program, package in (("yosys", "yosys"), ("sta", "opensta"), ("iverilog", "iverilog")) if not shutil.which(program)]
    missing += [] if liberty.exists() and models.exists() else ["qflow-tech-osu018"]
    if missing:
        raise SystemExit(f"missing: {' '.join(missing)}; on Debian: apt-get install {' '.join(missing)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="designs with this in their name; prints and writes nothing")
    parser.add_argument("--keep", help="folder for scripts, netlists and benches; what is mapped there already is not mapped again")
    parser.add_argument("--output", default=str(root / "docs"))
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    check_tools()
    chosen = [d for d in designs() if arguments.only in d["name"]]
    with tempfile.TemporaryDirectory() as temporary:
        base = pathlib.Path(arguments.keep or temporary).resolve()

        def one(item):
            folder = base / re.sub(r"\W+", "-", item["name"])
            folder.mkdir(parents=True, exist_ok=True)
            result = measure(item, folder)
            print(f"{result['name']:34} {result['area_um2']:8.0f} um2 (of {' '.join(f'{a:.0f}' for a in result['areas_um2'])}) {result['flip_flops']:4} FF {result['delay_ns']:6.2f} ns "
                  f"{result['power_mw']:.3f} mW ({result['power_mw_without_glitches']:.3f}) {result['products_per_cycle']:.2f} products a cycle", flush=True)
            return result
        with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
            results = list(pool.map(one, chosen))
        (base / "results.json").write_text(json.dumps(results))
    if not arguments.only:
        report.write(results, pathlib.Path(arguments.output), {"period_ns": period, "load_pf": load, "cycles": operands.cycles, "mappings": len(ways)})


if __name__ == "__main__":
    main()
