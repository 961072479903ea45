"""A data set for bench/h200.sh from text that lies on any machine with Python: sources and documents of its packages. No network, no npm.

    python3 bench/gpu/make_text.py --out DIR [--tokens 22000000] [--from FOLDER ...]

The format is docs/data.md's; the vocabulary is not: 8192 ids are the 256 bytes, the 7,932 most frequent words, and 4 reserved. That is enough to
time training and to hold two trainers against each other on the same text. Its val_bpb means nothing beside any other data set's.
With npm at hand `swarm prepare --text FOLDER --vocab 8192 --passage whole` makes one with a real vocabulary.
"""
import argparse, array, collections, hashlib, json, os, pathlib, re, struct, sys, sysconfig

VOCAB, BOS, RESERVED = 8192, 8188, 4
WORDS = re.compile(rb" ?[A-Za-z_]+| ?[0-9]{1,2}| ?[^\sA-Za-z0-9_]+|\s+")
ENDINGS = {".py", ".pyi", ".md", ".rst", ".txt", ".h", ".hpp", ".cuh"}
PIECE = 6000  # bytes of a document: about 1,500 tokens


def files_of(folder):  # in the order of their names, as far as they are asked for
    for here, below, names in os.walk(folder):
        below.sort()
        yield from (p for p in (pathlib.Path(here) / name for name in sorted(names)) if p.suffix in ENDINGS and not p.is_symlink())


def pieces(folders, most_bytes):
    taken = 0
    for folder in folders:
        for path in files_of(folder):
            if taken >= most_bytes:
                return
            try:
                text = path.read_bytes()
                text.decode()
            except (OSError, UnicodeDecodeError):
                continue
            while text and taken < most_bytes:
                end = len(text) if len(text) <= PIECE else text.rfind(b"\n", 0, PIECE) + 1 or PIECE
                yield text[:end]
                taken += end
                text = text[end:]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--tokens", type=int, default=22_000_000)
    parser.add_argument("--from", dest="folders", nargs="*", default=[*dict.fromkeys(sysconfig.get_paths()[k] for k in ("purelib", "platlib", "stdlib")), "/usr/share/doc", "/usr/include"])
    args = parser.parse_args()
    seen, documents = set(), []
    for text in pieces(args.folders, 8 * args.tokens):  # more than enough: a token is some three bytes
        digest = hashlib.sha256(text).digest()
        if digest not in seen:
            seen.add(digest)
            documents.append((digest, text))
    documents.sort()  # by hash: no folder stays together, and validation is a fair share
    if len(documents) < 100:
        sys.exit("make_text: too little text in " + " ".join(args.folders) + "; name folders with --from")

    counts = collections.Counter()
    for _, text in documents[:20_000]:
        counts.update(WORDS.findall(text))
    words = [w for w, _ in sorted(((w, n) for w, n in counts.items() if len(w) > 1), key=lambda x: (-x[1] * len(x[0]), x[0]))[: VOCAB - RESERVED - 256]]
    ids = {w: 256 + i for i, w in enumerate(words)}
    tokens, sides = {"train": array.array("H"), "val": array.array("H")}, {"train": 0, "val": 0}
    for index, (_, text) in enumerate(documents):
        side = "val" if index % 12 == 0 else "train"
        if len(tokens["train"]) >= args.tokens * 11 // 12:
            break
        to = tokens[side]
        to.append(BOS)
        sides[side] += 1
        for word in WORDS.findall(text):
            known = ids.get(word)
            if known is None:
                to.extend(word)
            else:
                to.append(known)

    out, files = pathlib.Path(args.out), {}
    out.mkdir(parents=True, exist_ok=True)
    lengths = array.array("H", [1] * 256 + [len(w) for w in words] + [0] * (VOCAB - 256 - len(words)))

    def write(name, magic, items, docs):
        if sys.byteorder == "big":
            items.byteswap()
        data = struct.pack("<8sIIQQI28x", magic, 1, VOCAB, len(items), docs, BOS) + items.tobytes()
        (out / name).write_bytes(data)
        files[name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}

    write("train-000.bin", b"SWRMTOK1", tokens["train"], sides["train"])
    write("val.bin", b"SWRMTOK1", tokens["val"], sides["val"])
    write("token_bytes.bin", b"SWRMLEN1", lengths, 0)
    (out / "manifest.json").write_text(json.dumps({"version": 1, "name": "bench-words-v8192", "vocab": VOCAB, "bos": BOS, "documents": sides,
                                                   "tokens": {side: len(t) for side, t in tokens.items()}, "files": files}, indent=2) + "\n")
    print(json.dumps({"tokens": {side: len(t) for side, t in tokens.items()}, "documents": sides, "bytes": sum(f["bytes"] for f in files.values())}))


main()
