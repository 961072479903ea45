"""The reference recipe at full size as a PyTorch user would train it: what our speed on a GPU is compared with, never a score.

The recipe is that of experiment/train.cu with the sizes and rates of karpathy/autoresearch, written down again from its description. Data,
order of documents, packing and first weights are those of our trainer, so that losses can be compared at equal tokens.

    python3 bench/gpu_reference.py --data DIR --seconds 60 --out FILE.json          on a GPU; prints what it does, writes one JSON object
    python3 bench/gpu_reference.py --data DIR --size tiny --steps 3 --out FILE.json  rehearsal on the CPU, no speed meant
    python3 bench/gpu_goldens.py                                                     the tiny network against tests/golden, in float64
"""
import argparse, itertools, json, math, pathlib, statistics, time

import torch
import torch.nn.functional as F

from gpu_attention import choose_attention
from gpu_text import batches, documents, for_ever, packed, read, start

POLAR = [(8.156554524902461, -22.48329292557795, 15.878769915207462), (4.042929935166739, -2.808917465908714, 0.5000178451051316),
         (3.8916678022926607, -2.772484153217685, 0.5060648178503393), (3.285753657755655, -2.3681294933425376, 0.46449024233003106),
         (2.3465413258596377, -1.7097828382687081, 0.42323551169305323)]
H100_BF16 = 989.5e12  # the dense peak by which the reference counts MFU, of an H200 too
FULL = dict(depth=8, heads=4, head_dim=128, T=2048, step_tokens=524288, micro_steps=2, wte_lr=0.6, value_lr=0.6)
TINY = dict(depth=4, heads=4, head_dim=32, T=32, step_tokens=128, micro_steps=2, wte_lr=0.18, value_lr=0.18)
compiled = lambda f, args: torch.compile(f, dynamic=False) if args.compile else f


# ---- Network ----

def norm(x):
    if hasattr(F, "rms_norm"):
        return F.rms_norm(x, (x.size(-1),), eps=1.1920929e-7)
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1.1920929e-7)


class Network(torch.nn.Module):
    def __init__(self, config, vocab, low, seed, device, attend):
        super().__init__()
        self.c, self.vocab, self.low, self.attend = config, vocab, low, attend
        d = self.d = config["heads"] * config["head_dim"]
        self.has_value = [i % 2 == (config["depth"] - 1) % 2 for i in range(config["depth"])]
        self.windows = [config["T"] if i == config["depth"] - 1 or "SSSL"[i % 4] == "L" else config["T"] // 2 for i in range(config["depth"])]
        spread, self.starts = math.sqrt(3 / d), {"wte": (vocab, d, "normal", 1.0), "head": (vocab, d, "normal", 0.001)}
        for i in range(config["depth"]):
            for part, rows, cols, scale in (("q", d, d, spread), ("k", d, d, spread), ("v", d, d, spread), ("o", d, d, 0), ("up", 4 * d, d, spread), ("down", d, 4 * d, 0)):
                self.starts[f"block.{i}.{part}"] = (rows, cols, "uniform" if scale else "constant", scale)
            if self.has_value[i]:
                self.starts[f"value.{i}"] = (vocab, d, "uniform", spread)
                self.starts[f"block.{i}.gate"] = (config["heads"], 32, "constant", 0)
            self.starts[f"lambda.resid.{i}"], self.starts[f"lambda.x0.{i}"] = (1, 1, "constant", 1.0), (1, 1, "constant", 0.1)
        self.seed, self.device = seed, device
        tables = lambda name: name == "wte" or name.startswith("value")  # stored and updated in bf16, as the reference does
        self.p = {name: torch.nn.Parameter(torch.empty(r, c, device=device, dtype=low if tables(name) else torch.promote_types(low, torch.float32)))
                  for name, (r, c, *_) in self.starts.items()}
        self.reset()
        angle = torch.arange(config["T"], dtype=torch.float64)[:, None] * 10000.0 ** (-torch.arange(0, config["head_dim"], 2, dtype=torch.float64) / config["head_dim"])
        self.cos, self.sin = (f(angle).to(low).to(device)[:, None] for f in (torch.cos, torch.sin))

    def reset(self):
        with torch.no_grad():
            for name, (rows, cols, kind, scale) in self.starts.items():
                self.p[name].copy_(start(kind, scale, self.seed, name, rows, cols, self.device))

    def forward(self, ids, targets, reduction="mean"):
        p, (B, T), H = self.p, ids.shape, self.c["heads"]
        linear = lambda x, name: F.linear(x, p[name].to(self.low))
        x = x0 = norm(F.embedding(ids, p["wte"]))
        for i in range(self.c["depth"]):
            x = p[f"lambda.resid.{i}"][0, 0] * x + p[f"lambda.x0.{i}"][0, 0] * x0
            h, block = norm(x), f"block.{i}."
            q, k, v = (linear(h, block + part).view(B, T, H, -1) for part in "qkv")
            if self.has_value[i]:
                share = 2 * torch.sigmoid(linear(h[..., :32], block + "gate"))
                v = v + share[..., None] * F.embedding(ids, p[f"value.{i}"]).view(B, T, H, -1)
            q, k = (norm(self.rotated(y)) for y in (q, k))
            x = x + linear(self.attend(q, k, v, self.windows[i]).reshape(B, T, -1), block + "o")
            x = x + linear(F.relu(linear(norm(x), block + "up")).square(), block + "down")
        logits = linear(norm(x), "head")
        logits = 15 * torch.tanh((logits.float() if self.low == torch.bfloat16 else logits) / 15)
        return F.cross_entropy(logits.view(-1, self.vocab), targets.reshape(-1), reduction=reduction)

    def rotated(self, x):
        a, b = x.chunk(2, -1)
        return torch.cat([a * self.cos + b * self.sin, b * self.cos - a * self.sin], -1)

    def flops_per_token(self):  # the reference's formula: nominal windows, nothing off for causality
        multiplied = sum(r * c for name, (r, c, *_) in self.starts.items() if name == "head" or name.startswith("block"))
        return 6 * multiplied + 12 * self.d * sum(self.windows)


# ---- Optimizer ----

def polar_step(g, m, second, momentum, lr, decay, p):  # all matrices of one shape, [count, rows, cols]
    m.lerp_(g, 1 - momentum)
    X = g.lerp(m, momentum)
    X = X.bfloat16() if X.dtype == torch.float32 and X.is_cuda else X
    X = X / (1.02 * X.norm(dim=(-2, -1), keepdim=True) + 1e-6)
    tall = X.size(-2) > X.size(-1)
    for a, b, c in POLAR:
        A = X.mT @ X if tall else X @ X.mT
        P = b * A + c * (A @ A)
        X = a * X + (X @ P if tall else P @ X)
    X = X.to(g.dtype)
    axis = -1 if X.size(-2) >= X.size(-1) else -2
    mean, n = X.square().mean(axis, keepdim=True), X.size(axis)
    second.lerp_(mean, 1 - 0.95)
    s = second.clamp_min(1e-10).rsqrt()
    length = lambda squares: (squares * n).sum((-2, -1), keepdim=True).sqrt()
    X = X * (s * (length(mean) / length(mean * s.square()).clamp_min(1e-10)))
    return p - lr * X - lr * decay * p * (X * p >= 0)


def adam_step(g, m, v, p, beta1, step_size, correction2):
    m.lerp_(g, 1 - beta1)
    v.lerp_(g.square(), 1 - 0.95)
    p.sub_((step_size * m / ((v * correction2).sqrt() + 1e-10)).to(p.dtype))


class Optimizer:
    def __init__(self, network, args):
        self.network, wider = network, math.sqrt(768 / network.d)
        self.polar_step, self.adam_step = compiled(polar_step, args), compiled(adam_step, args)
        rates = {"head": 0.004 * wider, "wte": network.c["wte_lr"] * wider, "value": network.c["value_lr"] * wider, "lambda.resid": 0.005, "lambda.x0": 0.5}
        self.adams, shapes = [], {}
        for name, p in network.p.items():
            if name.startswith("block"):
                shapes.setdefault(tuple(p.shape), []).append(p)
            else:
                lr = next(lr for group, lr in rates.items() if name.startswith(group))
                self.adams.append((p, torch.zeros_like(p), torch.zeros_like(p), lr, 0.96 if "x0" in name else 0.8))
        self.muons = [(ps, torch.zeros(len(ps), r, c, device=ps[0].device, dtype=ps[0].dtype),
                       torch.zeros(len(ps), r if r >= c else 1, 1 if r >= c else c, device=ps[0].device, dtype=ps[0].dtype)) for (r, c), ps in shapes.items()]

    def reset(self):
        for state in [x for _, m, v, *_ in self.adams for x in (m, v)] + [x for _, m, v in self.muons for x in (m, v)]:
            state.zero_()

    @torch.no_grad()
    def step(self, step, progress):
        at = lambda x: torch.tensor(x, device=self.network.device, dtype=torch.float64 if self.network.low == torch.float64 else torch.float32)
        share, momentum = min(1.0, (1 - progress) / 0.5), 0.85 + min(step / 300, 1) * 0.1  # numbers go in as tensors, or each would compile anew
        for ps, m, second in self.muons:
            lr = 0.04 * share * math.sqrt(max(1, ps[0].size(0) / ps[0].size(1)))
            new = self.polar_step(torch.stack([p.grad for p in ps]), m, second, at(momentum), at(lr), at(0.2 * (1 - progress)), torch.stack(list(ps)))
            torch._foreach_copy_(ps, list(new.unbind())) if hasattr(torch, "_foreach_copy_") else [p.copy_(n) for p, n in zip(ps, new)]
        for p, m, v, lr, beta1 in self.adams:
            self.adam_step(p.grad, m, v, p, beta1, at(lr * share / (1 - beta1 ** (step + 1))), at(1 / (1 - 0.95 ** (step + 1))))
        for p in self.network.p.values():
            p.grad = None


# ---- Runs ----

def train(network, optimizer, rows, args):
    c, device = network.c, network.device
    micro = c["step_tokens"] // c["T"] // c["micro_steps"]
    step_of = compiled(network, args)
    sync = torch.cuda.synchronize if device == "cuda" else lambda: None

    def one(stream, step, progress):
        loss = 0
        for _ in range(c["micro_steps"]):
            part = step_of(*next(stream)) / c["micro_steps"]
            part.backward()
            loss = loss + part.detach()
        optimizer.step(step, progress)
        return float(loss)

    began = time.perf_counter()
    nothing = torch.zeros(micro, c["T"], dtype=torch.int64, device=device)
    for step in range(3 if args.compile else 1):  # compiles and warms up on text of zeros, which is not timed; then all starts over
        one(iter([(nothing, nothing.clone())] * c["micro_steps"]), step, 0.0)  # one tensor twice would be compiled for again
    network.reset(), optimizer.reset(), sync()
    compile_seconds = time.perf_counter() - began

    stream, curve, seconds = batches(rows, micro, device), [], []
    first = next(stream)  # the packing thread has begun
    stream_from_first = (x for source in ([first], stream) for x in source)
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    origin = last = time.perf_counter()
    while (len(seconds) < args.steps) if args.steps else (last - origin < args.seconds):
        progress = len(seconds) / args.steps if args.steps else min((last - origin) / args.seconds, 1)
        loss = one(stream_from_first, len(seconds), progress)
        sync()
        now = time.perf_counter()
        seconds.append(now - last)
        last = now
        curve.append([len(seconds), loss])
        if not math.isfinite(loss) or loss > 100:
            raise SystemExit(f"diverged: loss {loss} at step {len(seconds)}")
    late = [s for s, end in zip(seconds, itertools.accumulate(seconds)) if end > seconds_left_out(args)] or seconds
    median = statistics.median(late)
    return {"steps": len(seconds), "tokens": len(seconds) * c["step_tokens"], "trainingSeconds": last - origin, "compileSeconds": compile_seconds,
            "tokensPerSecond": c["step_tokens"] / median, "mfuPercent": 100 * network.flops_per_token() * c["step_tokens"] / median / H100_BF16 if device == "cuda" else None,
            "stepMs": {"p50": 1e3 * median, "p99": 1e3 * sorted(late)[min(len(late) - 1, int(0.99 * len(late)))]},
            "peakBytes": torch.cuda.max_memory_allocated() if device == "cuda" else None, "lossCurve": curve}


def seconds_left_out(args):  # the first ten of sixty
    return args.seconds / 6 if not args.steps else 0


@torch.no_grad()
def bits_per_byte(network, folder, eval_rows, at_once=16):
    items, _, bos = read(folder / "val.bin")
    sizes = read(folder / "token_bytes.bin")[0].long().to(network.device)
    rows = packed(iter(documents(items, bos)), network.c["T"] + 1)
    taken = [row for _, row in zip(range(eval_rows), rows)]
    taken = taken[: len(taken) - len(taken) % at_once] or taken
    nats = total = 0.0
    for i in range(0, len(taken), at_once):
        both = torch.stack(taken[i : i + at_once]).long().to(network.device)
        each, size = network(both[:, :-1], both[:, 1:], reduction="none").double(), sizes[both[:, 1:].reshape(-1)]
        nats, total = nats + float(each[size > 0].sum()), total + float(size.sum())
    return nats / math.log(2) / total, len(taken) * network.c["T"]


def main():
    parser = argparse.ArgumentParser()
    for name, kind, usual in (("data", str, None), ("out", str, None), ("seed", int, 42), ("seconds", float, 60), ("steps", int, 0), ("eval-rows", int, 512), ("size", str, "full"), ("attention", str, "auto")):
        parser.add_argument("--" + name, type=kind, default=usual)
    parser.add_argument("--no-compile", dest="compile", action="store_false")
    args = parser.parse_args()
    device, folder, began = "cuda" if torch.cuda.is_available() else "cpu", pathlib.Path(args.data), time.perf_counter()
    if args.size == "full" and device == "cpu":
        raise SystemExit("the full size needs a GPU; --size tiny rehearses on the CPU")
    config = FULL if args.size == "full" else TINY
    args.compile = args.compile and device == "cuda"
    if device == "cpu":
        torch.set_num_threads(1)
    files = [read(path) for path in sorted(folder.glob("train-*.bin"))]
    docs, vocab = [d for items, _, bos in files for d in documents(items, bos)], files[0][1]
    attend, tried = choose_attention(args.attention, device, config)
    network = Network(config, vocab, torch.bfloat16 if device == "cuda" else torch.float32, args.seed, device, attend)
    if args.size == "full" and vocab == 8192:
        assert network.flops_per_token() == 239_078_400
    optimizer = Optimizer(network, args)
    report = {"torch": torch.__version__, "device": torch.cuda.get_device_name() if device == "cuda" else "cpu", "size": args.size, "attention": attend.__name__,
              "attentionsTried": tried, "compiled": args.compile, "seed": args.seed, "flopsPerToken": network.flops_per_token(), "setupSeconds": time.perf_counter() - began}
    report.update(train(network, optimizer, packed(for_ever(docs, args.seed), config["T"] + 1), args))
    report["valBpb"], report["valTokens"] = bits_per_byte(network, folder, args.eval_rows)
    pathlib.Path(args.out).write_text(json.dumps(report) + "\n")
    print(json.dumps({k: v for k, v in report.items() if k != "lossCurve"}))


if __name__ == "__main__":
    main()
