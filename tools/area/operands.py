"""What the designs of area.py are fed with, and what they have to answer: integers as the specifications define them."""
import itertools
import math
import random

cycles = 500  # of a simulation
depth = 144  # products of an output: 16 channels, 3 x 3
options = {"5opt": (4, 1), "3opt": (4, 2), "2opt": (4, 4), "6opt": (3, 1), "7opt": (2, 1)}  # bits of a window, step of its places


# Half of the activations are zeros and the others are half-normal (sigma 40), weights are normal with the largest of
# 4,000 or so at 127 (sigma 36): what layers behind a ReLU look like.
def activations(count, seed=1):
    draw = random.Random(seed)
    return [0 if draw.random() < 0.5 else min(255, 1 + int(abs(draw.gauss(0, 40)))) for _ in range(count)]


def weights(count, seed=2):
    draw = random.Random(seed)
    return [max(-127, min(127, round(draw.gauss(0, 36)))) for _ in range(count)]


def window(x, bits, step, rounding):
    """(data, shift) of specification of SPARQ, A.2."""
    shift = 0
    while x >= 1 << (bits + shift):
        shift += step
    data = x >> shift
    rest, half = x - (data << shift), (1 << shift) // 2
    if rounding and shift and (rest > half or rest == half and data & 1):
        data = min(data + 1, (1 << bits) - 1)
    return data, shift


def lanes(x1, x2, option, rounding=True, pairs=True):
    """((data, place, partner), (data, place, partner)): D.2. place is shift / step."""
    bits, step = options[option]
    if pairs and (x1 == 0 or x2 == 0):
        data, shift = window(x1 | x2, 2 * bits, 1, rounding)
        second = int(x1 == 0)
        return (data >> bits, (shift + bits) // step, second), (data & ((1 << bits) - 1), shift // step, int(x1 != 0))
    return tuple((data, shift // step, 0) for data, shift in (window(x, bits, step, rounding) for x in (x1, x2)))


def of_lanes(pair, w1, w2, option):
    step = options[option][1]
    own_then_other = ((w1, w2), (w2, w1))
    return sum((data << (place * step)) * w[partner] for (data, place, partner), w in zip(pair, own_then_other))


def pack(values, bits):
    return sum((value & ((1 << bits) - 1)) << (bits * i) for i, value in enumerate(values))


def lane_ports(pairs, option):
    bits, step = options[option]
    field = max(1, math.ceil(math.log2((8 - bits) // step + 1)))
    flat = [lane for pair in pairs for lane in pair]
    return {"data": pack([l[0] for l in flat], bits), "place": pack([l[1] for l in flat], field), "partner": pack([l[2] for l in flat], 1)}


def shared(group, shifts, consecutive=False):
    """Weights rounded to the set of `shifts` positions with the least squared error, and the set (specification of SWIS, A.3)."""
    best = None
    for positions in itertools.combinations(range(8), shifts):
        if consecutive and positions[-1] - positions[0] != shifts - 1:
            continue
        sums = sorted(sum(c) for n in range(shifts + 1) for c in itertools.combinations([1 << p for p in positions], n))
        rounded = []
        for w in group:
            allowed = [s for s in sums if s <= (128 if w < 0 else 127)]
            nearest = min(allowed, key=lambda s: (abs(s - abs(w)), s))
            rounded.append(-nearest if w < 0 else nearest)
        error = sum((a - b) ** 2 for a, b in zip(group, rounded))
        if best is None or error < best[0]:
            best = error, rounded, positions
    return best[1], best[2]


class Stimulus:
    """Inputs by cycle, what the output has to be after each, and products done."""

    def __init__(self, output="sum", registered=True):
        self.inputs, self.expected, self.products = [], [], 0
        self.output, self.registered = output, registered

    def add(self, products=0, expected=None, **ports):
        self.inputs.append(ports)
        self.expected.append(expected)
        self.products += products


def sums(step_products, rows):
    """Calls rows(i) for the products of step i, which returns (ports, value): accumulates over outputs of `depth` products."""
    stimulus, total = Stimulus(), 0
    per_output = max(1, depth // step_products)
    for i in range(cycles):
        ports, value = rows(i)
        first = i % per_output == 0
        total = value + (0 if first else total)
        stimulus.add(step_products, total, first=int(first), **ports)
    return stimulus


def systolic():
    x, w = activations(cycles), weights(cycles)
    return sums(1, lambda i: ({"x": x[i], "w": w[i], "drain": 0, "sum_in": 0}, x[i] * w[i]))


def two_by_four():
    x, w = [window(v, 4, 1, False)[0] for v in activations(2 * cycles)], weights(2 * cycles)
    return sums(2, lambda i: ({"x": pack(x[2 * i:2 * i + 2], 4), "w": pack(w[2 * i:2 * i + 2], 8), "drain": 0, "sum_in": 0},
                              x[2 * i] * w[2 * i] + x[2 * i + 1] * w[2 * i + 1]))


def sparq(option, pairs):
    x, w = activations(2 * cycles), weights(2 * cycles)

    def step(i):
        pair = lanes(x[2 * i], x[2 * i + 1], option, True, pairs)
        return ({**lane_ports([pair], option), "w": pack(w[2 * i:2 * i + 2], 8), "drain": 0, "sum_in": 0},
                of_lanes(pair, w[2 * i], w[2 * i + 1], option))
    return sums(2, step)


def trim(option, rounding, pairs):
    x, stimulus = activations(2 * cycles), Stimulus("data", False)
    for i in range(cycles):
        ports = lane_ports([lanes(x[2 * i], x[2 * i + 1], option, rounding, pairs)], option)
        stimulus.add(2, ports["data"], x=pack(x[2 * i:2 * i + 2], 8))
    return stimulus


def dot(count):
    x, w = activations(4 * cycles), weights(4 * cycles)
    return sums(4, lambda i: ({"x": pack(x[4 * i:4 * i + 4], 8), "w": pack(w[4 * i:4 * i + 4], 8)},
                              sum(a * b for a, b in zip(x[4 * i:4 * i + 4], w[4 * i:4 * i + 4]))))


def sparq_dot(option):
    x, w = activations(8 * cycles), weights(8 * cycles)

    def step(i):
        at = range(8 * i, 8 * i + 8, 2)
        pairs = [lanes(x[k], x[k + 1], option) for k in at]
        return ({**lane_ports(pairs, option), "w": pack(w[8 * i:8 * i + 8], 8)},
                sum(of_lanes(pair, w[k], w[k + 1], option) for pair, k in zip(pairs, at)))
    return sums(8, step)


def kept(group):
    """Positions of the two largest of four weights, in order."""
    return sorted(sorted(range(4), key=lambda k: -abs(group[k]))[:2])


def sparse(groups, option=None, rounding=True):
    """Products that are kept: two a group."""
    x, w = activations(4 * groups * cycles), weights(4 * groups * cycles)

    def step(i):
        chosen, positions, value = [], [], 0
        for g in range(groups):
            at = 4 * (groups * i + g)
            a, b = kept(w[at:at + 4])
            positions += [a, b]
            w1, w2 = w[at + a], w[at + b]
            chosen += [w1, w2]
            x1, x2 = (x[at + a] if w1 else 0), (x[at + b] if w2 else 0)
            value += x1 * w1 + x2 * w2 if option is None else of_lanes(lanes(x1, x2, option, rounding), w1, w2, option)
        span = 4 * groups
        return {"x": pack(x[span * i:span * (i + 1)], 8), "w": pack(chosen, 8), "position": pack(positions, 2)}, value
    return sums(2 * groups, step)


def shifting(kind, m, shifts):
    """swis_single, swis_double, swis_c and weight_serial, with m lanes and `shifts` positions a group (7: every bit)."""
    stimulus, total, seed = Stimulus(), 0, random.Random(3)
    groups = depth // m
    draw_x, draw_w = activations(m * cycles), weights(m * cycles)
    group = 0
    while len(stimulus.inputs) < cycles:
        x, w = draw_x[group * m:][:m], draw_w[group * m:][:m]
        if kind == "weight_serial":
            q, positions = w, tuple(range(7))
        else:
            q, positions = shared(w, shifts, kind == "swis_c")
        first = group % groups == 0
        group += 1
        negative = pack([int(v < 0) for v in q], 1)
        planes = [(pack([abs(v) >> p & 1 for v in q], 1), p) for p in positions]
        ports = {"x": pack(x, 8), "negative": negative, "drain": 0, "sum_in": 0}

        def value(mask, shift):
            return sum((a if v >= 0 else -a) << shift for i, (a, v) in enumerate(zip(x, q)) if mask >> i & 1)
        if kind in ("swis_c", "weight_serial"):
            for i, (mask, shift) in enumerate(reversed(planes)):
                last = i == len(planes) - 1
                if last:
                    total = sum(value(*p) for p in planes) + (0 if first else total)
                extra = {"offset": positions[0]} if kind == "swis_c" else {}
                # Before the first group is done a sum holds nothing.
                stimulus.add(m if last else 0, total if last or group > 1 else None, mask=mask, group_first=int(i == 0), group_last=int(last),
                             first=int(first and last), **extra, **ports)
            continue
        at_once = 2 if kind == "swis_double" else 1
        for i in range(0, len(planes), at_once):
            now = planes[i:i + at_once]
            now += [(0, 0)] * (at_once - len(now))
            total = sum(value(*p) for p in now) + (0 if first and i == 0 else total)
            stimulus.add(m if i == 0 else 0, total, mask=pack([p[0] for p in now], m), shift=pack([p[1] for p in now], 3),
                         first=int(first and i == 0), **ports)
    return stimulus


def stripes(m):
    """All eight bits of m activations, from the highest."""
    stimulus, total = Stimulus(), 0
    groups = depth // m
    draw_x, draw_w = activations(m * cycles), weights(m * cycles)
    for group in range(cycles // 8):
        x, w = draw_x[group * m:][:m], draw_w[group * m:][:m]
        first = group % groups == 0
        for bit in range(7, -1, -1):
            if bit == 0:
                total = sum(a * b for a, b in zip(x, w)) + (0 if first else total)
            stimulus.add(m if bit == 0 else 0, total if bit == 0 or group > 0 else None, w=pack(w, 8), bits=pack([a >> bit & 1 for a in x], 1), sign=0,
                         group_first=int(bit == 7), group_last=int(bit == 0), first=int(first and bit == 0), drain=0, sum_in=0)
    return stimulus


def pragmatic(m):
    """Set bits of m activations, each lane's lowest first, as far as 3 above the lowest of all; a group without any takes a cycle."""
    stimulus, total = Stimulus(), 0
    groups = depth // m
    draw_x, draw_w = activations(m * cycles), weights(m * cycles)
    group = 0
    while len(stimulus.inputs) < cycles:
        x, w = draw_x[group * m:][:m], draw_w[group * m:][:m]
        first = group % groups == 0
        group += 1
        left, products = list(x), m
        while products or any(left):
            lowest = [(a & -a).bit_length() - 1 if a else None for a in left]
            common = min((b for b in lowest if b is not None), default=0)
            now = [b is not None and b <= common + 3 for b in lowest]
            total = sum(v << b for v, b, on in zip(w, lowest, now) if on) + (0 if first and products else total)
            stimulus.add(products, total, w=pack(w, 8), valid=pack(now, 1), above=pack([b - common if on else 0 for b, on in zip(lowest, now)], 2),
                         negative=0, common=common, first=int(first and products > 0), drain=0, sum_in=0)
            left = [a & (a - 1) if on else a for a, on in zip(left, now)]
            products = 0
    return stimulus


def multiply(bits):
    stimulus = Stimulus("result", False)
    x, w = activations(2 * cycles), weights(2 * cycles)
    for i in range(cycles):
        a, b = x[i], w[i]
        if bits == 4:
            lane = lanes(x[2 * i], x[2 * i + 1], "5opt")[0]
            a, b = lane[0], w[2 * i + lane[2]]
        stimulus.add(1, a * b, x=a, w=b)
    return stimulus


def add(width):
    """32: a product to a sum. 24: a plane to what was doubled. 16: the lanes of a pair."""
    stimulus, total = Stimulus("result", False), 0
    x, w = activations(4 * cycles), weights(4 * cycles)
    for i in range(cycles):
        if width == 16:
            pair = lanes(x[2 * i], x[2 * i + 1], "5opt")
            a, b = ((data << place) * w[2 * i + (k ^ partner)] for k, (data, place, partner) in enumerate(pair))
        elif width == 24:
            b = sum((v if w[4 * i + k] > 0 else -v) for k, v in enumerate(x[4 * i:4 * i + 4]) if abs(w[4 * i + k]) >> (6 - i % 7) & 1)
            total = 0 if i % 7 == 0 else 2 * total
            a = total
            total += b
        else:
            total = 0 if i % depth == 0 else total
            a, b = total, x[i] * w[i]
            total += b
        stimulus.add(0, a + b, a=a, b=b)
    return stimulus


def shift(kind):
    stimulus = Stimulus("result", False)
    x, w = activations(4 * cycles), weights(4 * cycles)
    planes = shifting("swis_single", 4, 3).inputs if kind == "swis" else None
    for i in range(cycles):
        if kind == "sparq":
            data, place, partner = lanes(x[2 * i], x[2 * i + 1], "5opt")[0]
            a = data * w[2 * i + partner]
        else:
            ports = planes[i]
            a = sum((-1 if ports["negative"] >> k & 1 else 1) * (ports["x"] >> 8 * k & 255) for k in range(4) if ports["mask"] >> k & 1)
            place = ports["shift"]
        stimulus.add(0, a << place, a=a, places=place)
    return stimulus


def mask():
    stimulus = Stimulus("result", False)
    for ports in shifting("swis_single", 4, 3).inputs[:cycles]:
        x, negative, on = ports["x"] & 255, ports["negative"] & 1, ports["mask"] & 1
        stimulus.add(0, (x if on else 0) ^ (511 if negative and on else 0), x=x, negative=negative, mask=on)
    return stimulus
