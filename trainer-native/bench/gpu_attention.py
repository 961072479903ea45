"""Windowed causal attention of whatever this torch has, for bench/gpu_reference.py: choose_attention() takes the first that is right.

    python3 bench/gpu_attention.py    on a GPU: forward and backward of each at the full size, one JSON line each

All take q, k, v [B, T, heads, head_dim]; a token sees itself and `window` before it, so window + 1 keys, as the reference's kernel counts.
"""
import inspect, json, math

import torch
import torch.nn.functional as F

def masked(q, k, v, window):  # the oracle
    T, scale = q.shape[1], q.shape[-1] ** -0.5
    back = torch.arange(T, device=q.device)[:, None] - torch.arange(T, device=q.device)[None]
    scores = (q.transpose(1, 2) @ k.permute(0, 2, 3, 1) * scale).masked_fill((back < 0) | (back > window), -math.inf)
    return (scores.float().softmax(-1).to(q.dtype) if q.dtype == torch.bfloat16 else scores.softmax(-1)).matmul(v.transpose(1, 2)).transpose(1, 2)


def sdpa(q, k, v, window):
    T = q.shape[1]
    back = torch.arange(T, device=q.device)[:, None] - torch.arange(T, device=q.device)[None]
    mask = dict(is_causal=True) if window >= T else dict(attn_mask=(back >= 0) & (back <= window))
    return F.scaled_dot_product_attention(*(x.transpose(1, 2) for x in (q, k, v)), **mask).transpose(1, 2)


def varlen(q, k, v, window):
    from torch.nn.attention.varlen import varlen_attn
    if "window_size" not in inspect.signature(varlen_attn).parameters:
        raise RuntimeError("varlen_attn of this torch knows no window")
    B, T, H, D = q.shape
    ends = torch.arange(0, (B + 1) * T, T, device=q.device, dtype=torch.int32)
    return varlen_attn(*(x.reshape(B * T, H, D) for x in (q, k, v)), ends, ends, T, T, window_size=(window, 0)).view(B, T, H, D)


def aten(q, k, v, window):
    T = q.shape[1]
    return torch.ops.aten._flash_attention_forward(q, k, v, None, None, T, T, 0.0, True, False, scale=q.shape[-1] ** -0.5,
                                                   window_size_left=window, window_size_right=0)[0]


def flex(q, k, v, window):
    from torch.nn.attention.flex_attention import flex_attention
    call = flex_attention if flex.inside else torch.compile(flex_attention)
    return call(*(x.transpose(1, 2) for x in (q, k, v)), block_mask=flex.masks[window]).transpose(1, 2)


def prepare_flex(T, windows, device):  # masks are made before anything is compiled
    from torch.nn.attention.flex_attention import create_block_mask
    seen_within = lambda window: lambda b, h, i, j: (i >= j) & (i - j <= window)  # each mask keeps its own window
    for window in windows:
        flex.masks[window] = create_block_mask(seen_within(window), None, None, T, T, device=device)


flex.masks, flex.inside = {}, False  # by window; whether the caller is compiled itself


def choose_attention(wanted, device, config):
    """The first that runs forward and backward here and agrees with `masked` at a window; what the others said is reported."""
    if device == "cpu":
        return masked, {"masked": "used"}
    tried, T, probed = {}, config["T"], 63  # a short window: one key too many or too few is a tenth of the result
    shape = (2, T, config["heads"], config["head_dim"])
    for candidate in [varlen, aten, flex, sdpa] if wanted == "auto" else [globals()[wanted]]:
        try:
            torch.manual_seed(0)
            if candidate is flex:
                prepare_flex(T, (probed, T // 2, T), device)
            x = [torch.randn(shape, device=device, dtype=torch.bfloat16, requires_grad=True) for _ in range(4)]
            got, want = ([y, *torch.autograd.grad(y, x[:3], x[3].detach())] for y in (f(*x[:3], probed) for f in (candidate, masked)))
            worst = max(((a.float() - b.float()).norm() / b.float().norm()).item() for a, b in zip(got, want))
            if not worst < 0.02:
                raise RuntimeError(f"off by {worst:.3g} of the masked product")
            tried[candidate.__name__], flex.inside = "used", True
            return candidate, tried
        except Exception as error:  # whatever it is, the next one may do
            tried[candidate.__name__] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]
    raise SystemExit(f"no attention works here: {tried}")


# ---- Rates, as bench/gpu/rates.cu counts them: only keys that are seen, 4 flops each forward and 10 backward ----

def cudnn(q, k, v, window):
    from torch.nn.attention import SDPBackend, sdpa_kernel
    if window < q.shape[1]:
        raise RuntimeError("used without a window only")
    with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
        return F.scaled_dot_product_attention(*(x.transpose(1, 2) for x in (q, k, v)), is_causal=True).transpose(1, 2)


def milliseconds(work, repeats=10):
    work(), work()
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    for _ in range(repeats):
        work()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / repeats


def rates(rows=32, T=2048, heads=4, head_dim=128):
    q, k, v, dout = (torch.randn(rows, T, heads, head_dim, device="cuda", dtype=torch.bfloat16, requires_grad=True) for _ in range(4))
    for candidate in (varlen, aten, flex, cudnn):
        for window in (1024, 2048):
            flops = 4 * rows * heads * head_dim * sum(min(i, window) + 1 for i in range(T))
            line = {"what": f"attention, torch {candidate.__name__}: {rows}x{T}, {heads} heads of {head_dim}, window {window}", "unit": "TFLOP/s", "rate": None}
            try:
                if candidate is flex:
                    prepare_flex(T, [window], "cuda")
                with torch.no_grad():
                    line["forwardMs"] = forward = milliseconds(lambda: candidate(q, k, v, window))
                out = candidate(q, k, v, window)
                line["backwardMs"] = backward = milliseconds(lambda: torch.autograd.grad(out, (q, k, v), dout.detach(), retain_graph=True))
                line["rate"] = 3.5 * flops / (forward + backward) / 1e9
            except Exception as error:  # whatever it is, the next one may do
                line["why"] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    rates()
