"""Text and first weights as our trainer has them, for bench/gpu_reference.py: philox, start, read, documents, for_ever, packed, batches."""
import bisect, collections, math, pathlib, queue, struct, threading

import torch

to_float32 = lambda x: struct.unpack("f", struct.pack("f", x))[0]


def philox(seed, stream, index):  # int64 [n] -> [n, 4]; Philox4x32-10 as engine/core/philox.h has it
    low, wrap = 0xFFFFFFFF, lambda x: x - 2**64 if x >= 2**63 else x
    c = [index & low, index >> 32 & low, torch.full_like(index, stream & low), torch.full_like(index, stream >> 32)]
    k = [seed & low, seed >> 32]
    for _ in range(10):
        a, b = c[0] * wrap(0xD2511F53), c[2] * wrap(0xCD9E8D57)
        c = [(b >> 32 & low) ^ c[1] ^ k[0], b & low, (a >> 32 & low) ^ c[3] ^ k[1], a & low]
        k = [(k[0] + 0x9E3779B9) & low, (k[1] + 0xBB67AE85) & low]
    return torch.stack(c, 1)


def start(kind, scale, seed, name, rows, cols, device="cpu"):  # first weights, as engine/core/start.cpp
    stream = 0xCBF29CE484222325
    for byte in name.encode():
        stream = ((stream ^ byte) * 0x100000001B3) % 2**64
    if kind == "constant":
        return torch.full((rows, cols), to_float32(scale), device=device)
    bits = philox(seed, stream, torch.arange((rows * cols + 3) // 4, device=device)).double()
    if kind == "uniform":
        drawn = torch.floor(bits / 256) * 2.0**-23 - 1
    else:
        radius, angle = torch.sqrt(-2 * torch.log((bits[:, 0::2] + 1) * 2.0**-32)), 2 * math.pi * bits[:, 1::2] * 2.0**-32
        drawn = torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], 2).reshape(-1, 4)
    return (drawn.reshape(-1)[: rows * cols] * to_float32(scale)).float().view(rows, cols)


def read(path):
    data = bytearray(pathlib.Path(path).read_bytes())
    vocab, bos = struct.unpack_from("<I", data, 12)[0], struct.unpack_from("<I", data, 32)[0]
    assert vocab <= 2**15, "torch reads the tokens as int16"
    return torch.frombuffer(data, dtype=torch.int16, offset=64), vocab, bos  # items, vocabulary, BOS


def documents(items, bos):
    starts = torch.cat([(items == bos).nonzero()[:, 0], torch.tensor([len(items)])])
    return torch.split(items, starts.diff().tolist())


def for_ever(docs, seed):
    epoch = 0
    while True:
        order, count = list(range(len(docs))), len(docs)
        draws = philox(seed, 2**63 + epoch, torch.arange(count + 1))[:, 0].tolist()
        for left in range(count, 1, -1):
            j = draws[left] * left >> 32
            order[left - 1], order[j] = order[j], order[left - 1]
        yield from (docs[i] for i in order)
        epoch += 1


def packed(source, length):
    """Best fit among at least 1000 waiting documents, else the shortest cropped; the first of equals. Waiting ones lie by length."""
    waiting, lengths, count = collections.defaultdict(collections.deque), [], 0
    while True:
        row, room = [], length
        while room:
            while count < 1000:
                batch = [d for _, d in zip(range(128), source)]
                for d in batch:
                    if not waiting[len(d)]:
                        bisect.insort(lengths, len(d))
                    waiting[len(d)].append(d)
                count += len(batch)
                if len(batch) < 128:
                    break
            if not count:
                return
            at = max(bisect.bisect_right(lengths, room) - 1, 0)
            chosen = waiting[lengths[at]].popleft()
            if not waiting[lengths[at]]:
                del lengths[at]
            count -= 1
            row.append(chosen[:room])
            room -= len(row[-1])
        yield torch.cat(row)


def batches(rows, per_batch, device):  # a thread packs ahead
    ahead = queue.Queue(16)

    def work():
        while True:
            both = torch.stack([next(rows) for _ in range(per_batch)]).long()
            ahead.put(both.pin_memory() if device == "cuda" else both)

    threading.Thread(target=work, daemon=True).start()
    while True:
        both = ahead.get().to(device, non_blocking=True)
        yield both[:, :-1].contiguous(), both[:, 1:].contiguous()
