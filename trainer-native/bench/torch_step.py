"""The shipped recipe as a PyTorch user would write it, on the CPU in float32: a yardstick for speed, never for scores.

Times training steps (forward, backward, update) of the network in experiment/train.cu and prints one JSON line. Tokens are random.
usage: torch_step.py --T 256 --tokens 4096 --threads 1 --steps 5 [--compile]
"""
import argparse, json, math, time

import torch
import torch.nn.functional as F

V, LAYERS, HEADS, HEAD_DIM, D, MLP, GATE, CAP = 1024, 4, 4, 32, 128, 512, 32, 15.0
POLAR = [(8.156554524902461, -22.48329292557795, 15.878769915207462), (4.042929935166739, -2.808917465908714, 0.5000178451051316),
         (3.8916678022926607, -2.772484153217685, 0.5060648178503393), (3.285753657755655, -2.3681294933425376, 0.46449024233003106),
         (2.3465413258596377, -1.7097828382687081, 0.42323551169305323)]


def norm(x):
    if hasattr(F, "rms_norm"):
        return F.rms_norm(x, (x.size(-1),))
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1.1920929e-7)


def uniform(rows, cols):
    return torch.nn.Parameter(torch.empty(rows, cols).uniform_(-1, 1) * math.sqrt(3 / D))


class Block(torch.nn.Module):
    def __init__(self, layer, T):
        super().__init__()
        self.qkv = torch.nn.ParameterList([uniform(D, D) for _ in range(3)])
        self.o, self.up, self.down = torch.nn.Parameter(torch.zeros(D, D)), uniform(MLP, D), torch.nn.Parameter(torch.zeros(D, MLP))
        self.gate = torch.nn.Parameter(torch.zeros(HEADS, GATE)) if layer % 2 == (LAYERS - 1) % 2 else None
        self.value = uniform(V, D) if self.gate is not None else None
        self.resid, self.back = torch.nn.Parameter(torch.tensor(1.0)), torch.nn.Parameter(torch.tensor(0.1))
        window, at = T if layer == LAYERS - 1 else T // 2, torch.arange(T)
        reach = at[:, None] - at[None, :]
        self.whole = window >= T
        self.register_buffer("seen", (reach >= 0) & (reach <= window))

    def attention(self, q, k, v):  # [rows, heads, T, head_dim]
        if hasattr(F, "scaled_dot_product_attention"):
            return F.scaled_dot_product_attention(q, k, v, is_causal=True) if self.whole else F.scaled_dot_product_attention(q, k, v, self.seen)
        scores = (q @ k.transpose(-1, -2) / math.sqrt(HEAD_DIM)).masked_fill(~self.seen, -math.inf)
        return scores.softmax(-1) @ v

    def forward(self, x, x0, ids, cos, sin):
        B, T, _ = x.shape
        x = self.resid * x + self.back * x0
        h = norm(x)
        q, k, v = (F.linear(h, w).view(B, T, HEADS, HEAD_DIM) for w in self.qkv)
        if self.gate is not None:
            share = 2 * torch.sigmoid(F.linear(h[..., :GATE], self.gate))
            v = v + share[..., None] * F.embedding(ids, self.value).view(B, T, HEADS, HEAD_DIM)
        q, k = (norm(self.rotated(y, cos, sin)).transpose(1, 2) for y in (q, k))
        x = x + F.linear(self.attention(q, k, v.transpose(1, 2)).transpose(1, 2).reshape(B, T, D), self.o)
        return x + F.linear(F.relu(F.linear(norm(x), self.up)).square(), self.down)

    @staticmethod
    def rotated(x, cos, sin):
        a, b = x.chunk(2, -1)
        return torch.cat([a * cos + b * sin, b * cos - a * sin], -1)


class Network(torch.nn.Module):
    def __init__(self, T):
        super().__init__()
        self.wte, self.head = torch.nn.Parameter(torch.randn(V, D)), torch.nn.Parameter(torch.randn(V, D) * 0.001)
        self.blocks = torch.nn.ModuleList([Block(layer, T) for layer in range(LAYERS)])
        angle = torch.arange(T)[:, None, None] * 10000.0 ** (-torch.arange(0, HEAD_DIM, 2) / HEAD_DIM)
        self.register_buffer("cos", angle.cos())
        self.register_buffer("sin", angle.sin())

    def forward(self, ids, targets):
        x = x0 = norm(F.embedding(ids, self.wte))
        for block in self.blocks:
            x = block(x, x0, ids, self.cos, self.sin)
        logits = CAP * torch.tanh(F.linear(norm(x), self.head) / CAP)
        return F.cross_entropy(logits.view(-1, V), targets.view(-1))


def muon_of(matrices, lr=0.04, mu=0.95, beta2=0.95, wd=0.2):
    """The update of all matrices of one shape at once: batched products are what a library is good at."""
    rows, cols = matrices[0].shape
    m = torch.zeros(len(matrices), rows, cols)
    second = torch.zeros(len(matrices), rows, 1) if rows >= cols else torch.zeros(len(matrices), 1, cols)
    lr *= math.sqrt(max(1, rows / cols))

    def polar(X):
        X = X / (1.02 * X.norm(dim=(-2, -1), keepdim=True) + 1e-6)
        for a, b, c in POLAR:
            A = X.mT @ X if rows > cols else X @ X.mT
            P = torch.baddbmm(A, A, A, beta=b, alpha=c)
            X = torch.baddbmm(X, X, P, beta=a) if rows > cols else torch.baddbmm(X, P, X, beta=a)
        return X

    def step():
        g = torch.stack([p.grad for p in matrices])
        m.lerp_(g, 1 - mu)
        X = polar(g.lerp(m, mu))
        axis = -1 if rows >= cols else -2
        mean, n = X.square().mean(axis, keepdim=True), X.size(axis)
        second.lerp_(mean, 1 - beta2)
        s = second.clamp_min(1e-10).rsqrt()
        X = X * (s * ((mean * n).sum((-2, -1), keepdim=True).sqrt() / (mean * n * s.square()).sum((-2, -1), keepdim=True).sqrt().clamp_min(1e-10)))
        P = torch.stack(list(matrices))
        P = P - lr * X - lr * wd * P * (X * P >= 0)
        for p, new in zip(matrices, P):
            p.copy_(new)

    return step


def main():
    parser = argparse.ArgumentParser()
    for name in ("T", "tokens", "threads", "steps"):
        parser.add_argument("--" + name, type=int, required=True)
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    network = Network(args.T)
    shapes, rest = {}, []
    for name, p in network.named_parameters():
        if name.startswith("blocks.") and p.dim() == 2 and not name.endswith("value"):
            shapes.setdefault(p.shape, []).append(p)
        else:
            rest.append(p)
    muons = [muon_of(same) for same in shapes.values()]
    adam = torch.optim.Adam(rest, lr=0.004, betas=(0.8, 0.95), eps=1e-10, foreach=True)
    loss_of = torch.compile(network) if args.compile else network
    ids, targets = torch.randint(V, (2, args.tokens // args.T, args.T))

    def update():
        with torch.no_grad():
            for muon in muons:
                muon()
        adam.step()

    if args.compile:
        muons[:] = [torch.compile(muon) for muon in muons]
    best_wall = best_processor = math.inf
    for step in range(args.steps + 2):  # the first two warm up, and compile
        wall, processor = time.perf_counter(), time.process_time()
        network.zero_grad(set_to_none=True)
        loss = loss_of(ids, targets)
        loss.backward()
        update()
        if step >= 2:
            best_wall, best_processor = min(best_wall, time.perf_counter() - wall), min(best_processor, time.process_time() - processor)
    assert math.isfinite(float(loss))
    print(json.dumps({"torch": torch.__version__, "mode": "compiled" if args.compile else "eager", "threads": args.threads, "parameters": sum(p.numel() for p in network.parameters()),
                      "wallSeconds": best_wall, "processorSeconds": best_processor}))


main()
