"""From what the phases of bench/h200.sh left in a folder to bench.json and a table: python3 bench/gpu_table.py DIR REHEARSAL(0|1)

A figure is a number only where its phase ended well; else it is null and its reason stands beside it. Exit 1 when a phase failed.
"""
import csv, json, pathlib, statistics, sys

PUBLISHED = 1.647e6     # tokens a second: karpathy/autoresearch's published run on an H100 (953 steps of 524,288 tokens in 300.1 s of training)
FA3_GAIN = 1.09         # nanochat's log: what FlashAttention 3 gained end to end over 2, which is all that a torch wheel has
FLOPS_PER_TOKEN = 239_078_400
PEAK = 989.5e12
OURS, TORCH = ("ours_a", "ours_b"), "torch"


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line.startswith("{")]


def late_steps(steps, seconds):
    """Seconds of each step that ended after the first sixth of the run; where lines skip steps, their mean."""
    late, before = [], None
    for line in steps:
        if before and line["seconds"] > seconds / 6:
            count = line["step"] - before["step"]
            late += [(line["seconds"] - before["seconds"]) / count] * count
        before = line
    return late


def ours(folder, name):
    report, judged = json.loads((folder / name / "report.json").read_text()), json.loads((folder / f"{name}.judge.json").read_text())
    each = late_steps(lines(folder / f"{name}.jsonl"), report["trainingSeconds"])
    per_step = report["tokensPerStep"]
    rate = per_step / statistics.median(each)
    return {"tokensPerSecond": rate, "mfuPercent": 100 * rate * FLOPS_PER_TOKEN / PEAK, "reportedMfuPercent": report["mfuPercent"],
            "stepMs": {"p50": 1e3 * statistics.median(each), "p99": 1e3 * sorted(each)[min(len(each) - 1, int(0.99 * len(each)))]},
            "setupSeconds": report["totalSeconds"] - report["trainingSeconds"], "peakBytes": report["peakBytes"], "steps": report["steps"], "tokens": report["tokens"],
            "lossCurve": report["lossCurve"], "valBpb": judged["valBpb"], "device": report.get("device")}


def loss_at(run, tokens, per_step=524288):
    near = [loss for step, loss in run["lossCurve"] if step * per_step <= tokens]
    return near[-1] if near else None


def main():
    folder, rehearsal = pathlib.Path(sys.argv[1]), sys.argv[2] == "1"
    phases = {name: {"state": state, "seconds": int(seconds), "why": why} for name, state, seconds, why in csv.reader((folder / "phases.tsv").open(), delimiter="\t", quoting=csv.QUOTE_NONE)}
    was_good = lambda name: phases.get(name, {}).get("state") == "ok"
    runs = {}
    for name, read in [(n, lambda n=n: ours(folder, n)) for n in OURS] + [(TORCH, lambda: json.loads((folder / "torch.json").read_text()))]:
        if rehearsal or not was_good(name):
            continue
        try:
            runs[name] = read()
        except (OSError, KeyError, ValueError, ZeroDivisionError, statistics.StatisticsError) as error:
            phases[name].update(state="failed", why=f"its report cannot be read: {type(error).__name__} {error}")
    rates = [line for phase in ("rates", "torch_attention") if not rehearsal and was_good(phase) for line in lines(folder / f"{phase}.jsonl")]
    reason = lambda name: phases.get(name, {}).get("why") or phases.get(name, {}).get("state") or "it did not run"

    ratios = {}
    for name in OURS:
        if name in runs and TORCH in runs:
            ratio = runs[name]["tokensPerSecond"] / runs[TORCH]["tokensPerSecond"]
            is_fa2 = runs[TORCH]["attention"] in ("varlen", "aten")
            ratios[name] = {"overTorch": ratio, "overTorchWithFa3": ratio / FA3_GAIN if is_fa2 else None, "overPublishedH100": runs[name]["tokensPerSecond"] / PUBLISHED}
    fair = [r["overTorchWithFa3"] for r in ratios.values()]
    is_faster = len(fair) == len(OURS) and all(f is not None and f > 1.03 for f in fair)
    failed = [name for name, p in phases.items() if p["state"] == "failed"]
    bench = {"version": 1, "rehearsal": rehearsal, "measured": bool(runs or rates), "phases": phases, "rates": rates, "runs": runs, "ratios": ratios,
             "fasterThanReference": is_faster if len(fair) == len(OURS) else None}
    (folder / "bench.json").write_text(json.dumps(bench, indent=1) + "\n")

    row = lambda *cells: print("| " + " | ".join(cells) + " |")
    unless = lambda name: f"NOT MEASURED ({reason(name)})"
    print("REHEARSAL: nothing below was measured on a GPU\n" if rehearsal else "")
    row("phase", "result", "seconds", "why"), row("---", "---", "---", "---")
    for name, p in phases.items():
        row(name, {"ok": "ok", "unmeasured": "NOT MEASURED", "failed": "FAILED"}[p["state"]], str(p["seconds"]), p["why"])
    print()
    row("figure", "ours A", "ours B", "PyTorch"), row("---", "---", "---", "---")
    figures = [("tokens a second, median step after the first sixth", lambda r: f"{r['tokensPerSecond']:,.0f}"), ("MFU by the reference's formula, %", lambda r: f"{r['mfuPercent']:.1f}"),
               ("step p50 / p99, ms", lambda r: f"{r['stepMs']['p50']:.1f} / {r['stepMs']['p99']:.1f}"), ("set-up, s", lambda r: f"{r['setupSeconds'] + r.get('compileSeconds', 0):.1f}"),
               ("peak, MiB", lambda r: f"{r['peakBytes'] >> 20:,}"), ("loss at 52 million tokens", lambda r: f"{loss_at(r, 52_428_800):.4f}" if loss_at(r, 52_428_800) else "-"),
               ("val_bpb, on this text alone", lambda r: f"{r['valBpb']:.4f}")]
    for label, show in figures:
        row(label, *(show(runs[name]) if name in runs else unless(name) for name in (*OURS, TORCH)))
    for label, key in (("ours over PyTorch", "overTorch"), ("ours over PyTorch with FlashAttention 3, estimated as x1.09", "overTorchWithFa3"), ("ours over the published H100 run", "overPublishedH100")):
        row(label, *(f"{ratios[n][key]:.3f}" if ratios.get(n, {}).get(key) else "NOT MEASURED" for n in OURS), "1")
    print("\nfaster than the reference (second ratio above 1.03 in A and in B): " + ("NOT MEASURED" if len(fair) < len(OURS) else "yes" if is_faster else "no"))
    print()
    row("rate of this GPU", "measured"), row("---", "---")
    for rate in rates:
        if "rate" in rate:
            row(rate["what"], f"{rate['rate']:.4g} {rate['unit']}" if rate["rate"] is not None else f"NOT MEASURED ({rate.get('why', 'no rate')})")
    if not rates:
        row("products, attention, copy", unless("rates"))
    sys.exit(1 if failed else 0)


main()
