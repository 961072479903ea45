"""Holds bench/gpu_reference.py at its tiny size against tests/golden, in float64 on the CPU: python3 bench/gpu_goldens.py"""
import argparse, pathlib, sys

import numpy as np
import torch

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tests/golden"))
import reference
from gpu_attention import masked
from gpu_reference import Network, Optimizer, TINY
from gpu_text import for_ever, packed


def check_goldens():
    """Loss, gradients, twenty steps, first weights and rows against tests/golden/reference.py and what it committed."""
    folder = pathlib.Path(reference.__file__).parent
    index = [line.split() for line in (folder / "index.txt").read_text().splitlines()]
    numbers = {name: np.fromfile(folder / "numbers.bin", "<f8", int(count), offset=int(at)) for name, kind, at, count in index if name in ("loss.hot", "curve")}
    source = reference.packed(reference.shuffled_for_ever(reference.make_documents(1300), reference.SEED), reference.T + 1)
    rows = [next(source) for _ in range(reference.ROWS * reference.STEPS)]
    ours = packed(for_ever([torch.tensor(d) for d in reference.make_documents(1300)], reference.SEED), reference.T + 1)
    assert all(next(ours).tolist() == row for row in rows), "packing is not the trainer's"
    network = Network(TINY, reference.VOCAB, torch.float64, reference.SEED, "cpu", masked)
    declared = reference.declare()
    assert set(declared) == set(network.p), "other parameters than the goldens'"
    for name, (r, c, kind, scale) in declared.items():
        theirs = reference.start(kind, scale, reference.SEED, name, r, c)
        assert np.abs(network.p[name].detach().numpy() - theirs).max() <= 1e-6 * max(1, np.abs(theirs).max()), f"first weights of {name}"
    far = lambda a, b: float((a - b).norm() / b.norm().clamp_min(1e-12))
    hot = reference.hot(declared, torch.float64)
    with torch.no_grad():
        for name, p in network.p.items():
            p.copy_(hot[name])
    loss = network(*reference.batch_of(rows, 0))
    loss.backward()
    their_loss, theirs = reference.loss_and_gradients(hot, *reference.batch_of(rows, 0))
    worst = max((far(p.grad, theirs[name]), name) for name, p in network.p.items())
    assert abs(loss.item() / numbers["loss.hot"][0] - 1) < 1e-9 and abs(their_loss / loss.item() - 1) < 1e-9, f"loss {loss.item()}, golden {numbers['loss.hot'][0]}"
    assert worst[0] < 1e-9, f"gradient of {worst[1]} is {worst[0]:.1e} off"
    network.reset()
    with torch.no_grad():
        for name, p in network.p.items():
            p.copy_(hot[name]) if declared[name][3] == 0 else p.copy_(torch.tensor(reference.start(declared[name][2], declared[name][3], reference.SEED, name, *declared[name][:2])))
            p.grad = None
    optimizer, curve = Optimizer(network, argparse.Namespace(compile=False)), []
    for step in range(reference.STEPS):
        loss = network(*reference.batch_of(rows, step))
        loss.backward()
        curve.append(loss.item())
        optimizer.step(step, step / reference.STEPS)
    drift = max(abs(a / b - 1) for a, b in zip(curve, numbers["curve"]))
    assert drift < 1e-6, f"the curve of {reference.STEPS} steps is {drift:.1e} off"
    print(f"goldens: loss and {len(network.p)} gradients within {worst[0]:.1e}, {reference.STEPS} steps within {drift:.1e}, rows and first weights the same")


check_goldens()
