"""The recipe of experiment/train.cu once more, in PyTorch and NumPy: what golden_test.cpp holds the trainer against.

    python3 tests/golden/reference.py            writes tests/golden/*.bin and index.txt (Debian: apt-get install python3-torch)
    python3 tests/golden/reference.py --spread   prints how far float32 is from float64 here: where the test's tolerances come from

Nothing builds or tests with this file; its output is committed. It shares no line with the trainer: formulas are written down from the
papers and from karpathy/autoresearch's description, only the knobs' values are read from train.cu. All arithmetic is float64.
"""
import hashlib
import math
import pathlib
import re
import sys

import numpy as np
import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent
VOCAB, BOS, T, ROWS, STEPS, SEED = 64, 60, 32, 4, 20, 42
EPS = 1.1920929e-7  # RMSNorm's: the float32 epsilon
POLAR = [(8.156554524902461, -22.48329292557795, 15.878769915207462), (4.042929935166739, -2.808917465908714, 0.5000178451051316),
         (3.8916678022926607, -2.772484153217685, 0.5060648178503393), (3.285753657755655, -2.3681294933425376, 0.46449024233003106),
         (2.3465413258596377, -1.7097828382687081, 0.42323551169305323)]


# ---- Random numbers: Philox4x32-10 by counter, one stream a name ----

def philox(seed, stream, index):
    """index: uint64 [n] -> uint32 [n, 4]."""
    index = np.asarray(index, np.uint64)
    low = np.uint64(0xFFFFFFFF)
    c = [index & low, index >> np.uint64(32), np.full_like(index, stream & 0xFFFFFFFF), np.full_like(index, stream >> 32)]
    k = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        a, b = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(b >> np.uint64(32)) ^ c[1] ^ np.uint64(k[0]), b & low, (a >> np.uint64(32)) ^ c[3] ^ np.uint64(k[1]), a & low]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return np.stack(c, 1).astype(np.uint32)


def stream_of(name):
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) % 2**64
    return h


def start(kind, scale, seed, name, rows, cols):
    n = rows * cols
    bits = philox(seed, stream_of(name), np.arange((n + 3) // 4)).astype(np.float64)
    if kind == "constant":
        drawn = np.ones(bits.shape)
    elif kind == "uniform":
        drawn = np.floor(bits / 256) * 2.0**-23 - 1
    else:  # Box-Muller on pairs
        radius, angle = np.sqrt(-2 * np.log((bits[:, 0::2] + 1) * 2.0**-32)), 2 * math.pi * bits[:, 1::2] * 2.0**-32
        drawn = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 2).reshape(-1, 4)
    return (drawn.reshape(-1)[:n] * float(np.float32(scale))).astype(np.float32).reshape(rows, cols)


# ---- The recipe ----

def read_knobs():
    text = (HERE / "../../experiment/train.cu").read_text()
    found = re.findall(r'^constexpr \w+ ([A-Z]\w*)(?:\[\])? = ("?)([^;"]+)\2;', text, re.M)
    value_at_cpu_scale = lambda value: re.sub(r'at_scale\(([^,]+),.*', r'\1', value)
    found = [(name, quote, value_at_cpu_scale(value)) for name, quote, value in found]
    return {name: value if quote or value in ("true", "false") else float(value.rstrip("f")) for name, quote, value in found if "*" not in value and value != "HEADS"}


K = read_knobs()
DEPTH, HEADS, HD = int(K["DEPTH"]), int(K["HEADS"]), int(K["HEAD_DIM"])
D = HEADS * HD
HAS_VE = [K["VALUE_EMBEDDINGS"] == "true" and i % 2 == (DEPTH - 1) % 2 for i in range(DEPTH)]


def declare():
    """name -> (rows, cols, kind, scale) of every parameter."""
    spread = K["MATRIX_SD"] * math.sqrt(3 / D)
    p = {"wte": (VOCAB, D, "normal", K["EMBEDDING_SD"]), "head": (VOCAB, D, "normal", K["HEAD_SD"])}
    for i in range(DEPTH):
        p[f"lambda.resid.{i}"] = (1, 1, "constant", K["RESID_LAMBDA_START"])
        p[f"lambda.x0.{i}"] = (1, 1, "constant", K["X0_LAMBDA_START"])
        for part in "qkv":
            p[f"block.{i}.{part}"] = (D, D, "uniform", spread)
        if HAS_VE[i]:
            p[f"value.{i}"] = (VOCAB, D, "uniform", spread)
            p[f"block.{i}.gate"] = (HEADS, int(K["GATE_CHANNELS"]), "constant", 0)
        p[f"block.{i}.o"] = (D, D, "constant", 0)
        p[f"block.{i}.up"] = (int(K["MLP_RATIO"]) * D, D, "uniform", spread)
        p[f"block.{i}.down"] = (D, int(K["MLP_RATIO"]) * D, "constant", 0)
    return p


def norm(x):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + EPS)


def rotate(x):  # [B, T, heads, HD]
    t, half = torch.arange(x.shape[1], dtype=x.dtype), HD // 2
    angle = t[:, None] * K["ROPE_BASE"] ** (-torch.arange(half, dtype=x.dtype) * 2 / HD)
    c, s = torch.cos(angle)[:, None], torch.sin(angle)[:, None]
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * c + b * s, b * c - a * s], -1)


def attend(q, k, v, window):  # a token sees itself and `window` before it
    length = q.shape[1]
    back = torch.arange(length)[:, None] - torch.arange(length)[None]
    scores = torch.einsum("bihd,bjhd->bhij", q, k) / math.sqrt(HD)
    scores = scores.masked_fill((back < 0) | (back > window), -math.inf)
    return torch.einsum("bhij,bjhd->bihd", scores.softmax(-1), v)


def logits_of(p, tokens):
    x = x0 = norm(p["wte"][tokens])
    for i in range(DEPTH):
        x = p[f"lambda.resid.{i}"] * x + p[f"lambda.x0.{i}"] * x0
        h, block = norm(x), f"block.{i}."
        q, k, v = ((h @ p[block + part].T).unflatten(-1, (HEADS, HD)) for part in "qkv")
        if HAS_VE[i]:
            gate = 2 * torch.sigmoid(h[..., : int(K["GATE_CHANNELS"])] @ p[block + "gate"].T)
            v = v + gate[..., None] * p[f"value.{i}"][tokens].unflatten(-1, (HEADS, HD))
        kind = "L" if i == DEPTH - 1 else K["WINDOW_PATTERN"][i % len(K["WINDOW_PATTERN"])]
        window = T if kind == "L" else int(K["SHORT_WINDOW"] * T)
        x = x + attend(norm(rotate(q)), norm(rotate(k)), v, window).flatten(-2) @ p[block + "o"].T
        x = x + F.relu(norm(x) @ p[block + "up"].T).square() @ p[block + "down"].T
    out = norm(x) @ p["head"].T
    return K["SOFTCAP"] * torch.tanh(out / K["SOFTCAP"])


def loss_and_gradients(p, tokens, targets):
    for value in p.values():
        value.requires_grad_(True).grad = None
    loss = F.cross_entropy(logits_of(p, tokens).flatten(0, 1), targets.flatten())
    loss.backward()
    return loss.item(), {name: value.grad for name, value in p.items()}


# ---- Schedule and update rules ----

def schedule(step, progress):
    left = min(1.0, (1 - progress) / K["WARMDOWN_SHARE"]) if K["WARMDOWN_SHARE"] else 1.0
    lr = left + (1 - left) * K["FINAL_LR_SHARE"]
    if step < K["WARMUP_STEPS"]:
        lr *= (step + 1) / (K["WARMUP_STEPS"] + 1)
    rise = min(1.0, step / K["MOMENTUM_STEPS"])
    return lr, K["MOMENTUM_START"] + rise * (K["MOMENTUM_END"] - K["MOMENTUM_START"]), 1 - progress


def polar(x, steps):
    for a, b, c in (POLAR + POLAR[-1:] * steps)[:steps]:
        if x.shape[0] > x.shape[1]:
            gram = x.T @ x
            x = a * x + x @ (b * gram + c * gram @ gram)
        else:
            gram = x @ x.T
            x = a * x + (b * gram + c * gram @ gram) @ x
    return x


def muon(p, g, state, lr, momentum, beta2, decay, steps):
    m = state.setdefault("m", torch.zeros_like(p))
    m.lerp_(g, 1 - momentum)
    u = g.lerp(m, momentum)
    u = polar(u / (1.02 * u.norm() + 1e-6), steps)
    along = 1 if p.shape[0] >= p.shape[1] else 0
    mean = (u * u).mean(along, keepdim=True)
    second = state.setdefault("v", torch.zeros_like(mean))
    second.lerp_(mean, 1 - beta2)
    scaled = u * second.clamp_min(1e-10).rsqrt()
    u = scaled * (u.norm() / scaled.norm().clamp_min(1e-10))
    lr *= math.sqrt(max(1, p.shape[0] / p.shape[1]))
    p -= lr * u + lr * decay * p * (u * p >= 0)


def adam(p, g, state, step, lr, beta1, beta2, eps=1e-10):
    m, v = state.setdefault("m", torch.zeros_like(p)), state.setdefault("v", torch.zeros_like(p))
    m.lerp_(g, 1 - beta1)
    v.lerp_(g * g, 1 - beta2)
    p -= lr * (m / (1 - beta1**step)) / ((v / (1 - beta2**step)).sqrt() + eps)


def update(p, gradients, states, step, progress):
    lr, momentum, decay = schedule(step, progress)
    wide = math.sqrt(768 / D)
    rates = {"head": K["HEAD_LR"] * wide, "wte": K["EMBEDDING_LR"] * wide, "value": K["VALUE_EMBEDDING_LR"] * wide,
             "lambda.resid": K["RESID_LAMBDA_LR"], "lambda.x0": K["X0_LAMBDA_LR"]}
    with torch.no_grad():
        for name, value in p.items():
            state = states.setdefault(name, {})
            if name.startswith("block."):
                muon(value, gradients[name], state, K["MATRIX_LR"] * lr, momentum, 0.95, K["WEIGHT_DECAY"] * decay, int(K["POLAR_STEPS"]))
            else:
                rate = next(r for group, r in rates.items() if name.startswith(group))
                adam(value, gradients[name], state, step + 1, rate * lr, 0.96 if "x0" in name else K["ADAM_BETA1"], K["ADAM_BETA2"])


# ---- Text ----

def make_documents(count):
    """Documents of 3 to 40 tokens with BOS, half of them predictable."""
    draws = iter(philox(1, 99, np.arange(count * 50)).reshape(-1).tolist())
    documents = []
    for _ in range(count):
        token, document = next(draws) % BOS, [BOS]
        for _ in range(2 + next(draws) % 38):
            token = next(draws) % BOS if next(draws) % 4 == 0 else (7 * token + 3) % BOS
            document.append(token)
        documents.append(document)
    return documents


def packed(source, length):
    """Rows of `length` tokens: best fit among at least 1000 waiting, else the shortest cropped. source: endless documents."""
    waiting = []
    while True:
        row = []
        while len(row) < length:
            while len(waiting) < 1000:
                waiting += [next(source) for _ in range(128)]
            room = length - len(row)
            fits = [d for d in waiting if len(d) <= room]
            chosen = max(fits, key=len) if fits else min(waiting, key=len)  # both give the first of equals
            row += chosen[:room]
            del waiting[next(i for i, d in enumerate(waiting) if d is chosen)]
        yield row


def shuffled_for_ever(documents, seed):
    epoch = 0
    while True:
        order, count = list(range(len(documents))), len(documents)
        draws = philox(seed, 2**63 + epoch, np.arange(count + 1))[:, 0]
        for left in range(count, 1, -1):
            j = int(draws[left]) * left >> 32
            order[left - 1], order[j] = order[j], order[left - 1]
        yield from (documents[i] for i in order)
        epoch += 1


# ---- What is written ----

class Golden:
    """One file of arrays and its lines of the index: name, type, offset in bytes, count."""
    index = []

    def __init__(self, name):
        self.name, self.bytes, self.lines = name, b"", []

    def add(self, name, values, kind):
        values = np.ascontiguousarray(np.asarray(values).reshape(-1), {"f32": "<f4", "f64": "<f8", "u16": "<u2"}[kind])
        self.lines.append(f"{name} {kind} {len(self.bytes)} {values.size}")
        self.bytes += values.tobytes() + b"\0" * (-values.nbytes % 8)

    def tensor(self, name, value):
        """Small tensors whole; of large ones 512 values spread evenly. Always the length and a projection onto noise, over all values."""
        flat = value.detach().double().numpy().reshape(-1)
        stride = max(1, flat.size // 512) | 1 if flat.size > 512 else 1
        noise = start("uniform", 1, 1, "projection", 1, flat.size).reshape(-1).astype(np.float64)
        self.add(name, flat[::stride], "f32")
        self.add(name + ":sums", [np.linalg.norm(flat), flat @ noise], "f64")

    def write(self):
        (HERE / self.name).write_bytes(self.bytes)
        Golden.index += [f"file {self.name} {len(self.bytes)} {hashlib.sha256(self.bytes).hexdigest()}", *self.lines]


def hot(declared, dtype):
    """Weights at which nothing is zero: at the real start o, down and gate are, and hide the gradients behind them."""
    bound = lambda name, cols: 1 if name.split(".")[0] in ("wte", "value", "lambda") else math.sqrt(3 / cols)
    return {name: torch.tensor(start("uniform", bound(name, cols), 7, name, rows, cols), dtype=dtype) for name, (rows, cols, *_) in declared.items()}


def batch_of(rows, step):
    return tuple(torch.tensor(rows[step * ROWS : (step + 1) * ROWS])[:, cut] for cut in (slice(0, T), slice(1, T + 1)))


def made(dtype, rows):
    """Everything that is computed from weights, in the precision asked for."""
    declared = declare()
    fresh = lambda: {name: torch.tensor(start(kind, scale, SEED, name, r, c), dtype=dtype) for name, (r, c, kind, scale) in declared.items()}
    batch = lambda step: batch_of(rows, step)
    out = {"init": fresh(), "start": fresh()}
    out["loss.init"], out["gradient.init"] = loss_and_gradients(fresh(), *batch(0))
    out["hot"] = hot(declared, dtype)
    out["loss.hot"], out["gradient.hot"] = loss_and_gradients(out["hot"], *batch(0))
    # From the shipped start the curve would follow rounding (see --spread), so zeros are filled first.
    p, states, out["curve"] = {name: out["hot"][name].detach().clone() if declared[name][3] == 0 else value for name, value in fresh().items()}, {}, []
    for step in range(STEPS):
        loss, gradients = loss_and_gradients(p, *batch(step))
        out["curve"].append(loss)
        update(p, gradients, states, step, step / STEPS)
    return out


def muon_shapes(dtype):
    """logits = H W E[token]; only W [rows, cols] learns, three steps. Enough tokens that its gradient has full rank."""
    vocab, tokens_a_step = 160, 2048
    draws = philox(3, 77, np.arange(6 * tokens_a_step))[:, 0] % vocab
    for rows, cols in ((4, 32), (32, 4), (128, 128), (512, 128), (128, 512), (48, 80)):
        e, w, h = (torch.tensor(start("uniform", b, 5, n, r, c), dtype=dtype)
                   for n, r, c, b in (("e", vocab, cols, 1), ("w", rows, cols, math.sqrt(3 / cols)), ("h", vocab, rows, math.sqrt(3 / rows))))
        state = {}
        for step in range(3):
            tokens, targets = (torch.tensor(draws[(2 * step + i) * tokens_a_step :][:tokens_a_step].astype(np.int64)) for i in (0, 1))
            w.requires_grad_(True).grad = None
            F.cross_entropy(e[tokens] @ w.T @ h.T, targets).backward()
            with torch.no_grad():
                muon(w, w.grad, state, 0.04, 0.85 + 0.03 * step, 0.95, 0.2, 5)
        yield rows, cols, w.detach()


def bits_per_byte(p, rows, bytes_of):
    tokens, targets = torch.tensor(rows)[:, :T], torch.tensor(rows)[:, 1:]
    with torch.no_grad():
        nats = F.cross_entropy(logits_of(p, tokens).flatten(0, 1), targets.flatten(), reduction="none")
    sizes = torch.tensor(bytes_of)[targets.flatten()]
    return (nats[sizes > 0].sum() / (math.log(2) * sizes.sum())).item()


def main():
    documents = make_documents(1300)
    source = packed(shuffled_for_ever(documents, SEED), T + 1)
    train_rows = [next(source) for _ in range(400)]
    in_order = packed(iter(documents), T + 1)
    val_rows = [next(in_order) for _ in range(16)]
    bytes_of = [0 if t >= BOS else 1 + t % 4 for t in range(VOCAB)]
    if "--spread" in sys.argv:
        return spread(train_rows)

    text = Golden("text.bin")
    text.add("documents", sum(documents, []), "u16")
    text.add("rows", train_rows, "u16")
    text.add("validation", val_rows, "u16")
    text.add("bytes", bytes_of, "u16")
    text.write()

    all_of = made(torch.float64, train_rows)
    for what in ("init", "gradient.init", "gradient.hot"):
        golden = Golden(what + ".bin")
        for name, value in all_of[what].items():
            golden.tensor(f"{what}.{name}", value)
        golden.write()

    numbers = Golden("numbers.bin")
    numbers.add("loss.init", [all_of["loss.init"]], "f64")
    numbers.add("loss.hot", [all_of["loss.hot"]], "f64")
    numbers.add("curve", all_of["curve"], "f64")
    numbers.add("bpb.hot", [bits_per_byte(all_of["hot"], val_rows, bytes_of)], "f64")
    at = [(0, 0.0), (75, 0.25), (150, 0.5), (300, 0.75), (400, 1.0)]
    numbers.add("schedule", [(step, progress, *schedule(step, progress)) for step, progress in at], "f64")
    numbers.write()

    updates = Golden("updates.bin")
    for rows, cols, w in muon_shapes(torch.float64):
        updates.tensor(f"muon.{rows}x{cols}", w)
    for rows, cols in ((4, 32), (32, 4), (96, 32), (32, 96)):
        x = torch.tensor(start("uniform", 1, 5, "polar", rows, cols), dtype=torch.float64)
        x = polar(x / (1.02 * x.norm()), 5)
        updates.tensor(f"polar.{rows}x{cols}", x)
        updates.add(f"singular.{rows}x{cols}", torch.linalg.svdvals(x), "f64")
    updates.write()
    (HERE / "index.txt").write_text("\n".join(Golden.index) + "\n")


def spread(rows):
    low, high = made(torch.float32, rows), made(torch.float64, rows)
    far = lambda a, b: ((a.double() - b).norm() / b.norm().clamp_min(1e-30)).item()
    for what in ("gradient.init", "gradient.hot"):
        worst = max((far(low[what][n], high[what][n]), n) for n in high[what])
        print(f"{what}: float32 is off by {worst[0]:.1e} of the length, at {worst[1]}")
    for a, b in zip(muon_shapes(torch.float32), muon_shapes(torch.float64)):
        print(f"muon {a[0]}x{a[1]}: {far(a[2], b[2]):.1e}")
    # While o and down are zero the lambdas' gradients cancel to rounding, and Adam's first step takes the whole rate in their direction.
    # What if rounding had other signs?
    curves = []
    for trial in range(12):
        signs, p, states = iter(philox(trial, 1, np.arange(8)).reshape(-1)), high["start"], {}
        p = {name: value.detach().clone() for name, value in p.items()}
        curves.append([])
        for step in range(10):
            loss, gradients = loss_and_gradients(p, *batch_of(rows, step))
            for name in (n for n in gradients if step == 0 and n.startswith("lambda")):
                gradients[name] = torch.full_like(gradients[name], 1e-9 if next(signs) % 2 else -1e-9)
            curves[-1].append(loss)
            update(p, gradients, states, step, step / STEPS)
    print("largest over smallest loss of the first steps from the shipped start, with other signs of rounding:",
          " ".join(f"{max(at) / min(at):.2f}" for at in zip(*curves)))
    print("curve:", " ".join(f"{abs(a / b - 1):.0e}" for a, b in zip(low["curve"], high["curve"])))


if __name__ == "__main__":
    main()
