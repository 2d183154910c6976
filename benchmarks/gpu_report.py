"""The tables of a folder that ``gpu_suite.sh`` filled, as Markdown.

python benchmarks/gpu_report.py benchmarks/results/<gpu>
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

from common import markdown_table
from gpu import PRECISIONS

ENVIRONMENT = ("gpu", "compute capability", "gpu memory, MiB", "driver", "cupy", "nvrtc")
ENVIRONMENT += ("torch", "torch's CUDA", "cuDNN", "numpy", "python", "cpu")
TESTS = ("tests", "memcheck", "racecheck")

Results = dict[str, dict[str, Any]]  # the JSON files by their stem


def share(value: float, ceiling: float | None) -> str:
    return f"{value / ceiling:.0%}" if ceiling else ""


def report(folder: Path) -> str:
    """The whole page: whatever was measured, then what was not and why."""
    results = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    sections = [
        environment_section(results),
        tests_section(folder),
        ceilings_section(results),
        *(training_section(name, results) for name in results if name.startswith("train_")),
        convolution_section(results),
        kernels_section(results),
        matmul_section(results),
        plain_section(results),
        skipped_section(folder),
    ]
    return "\n".join(section for section in sections if section)


def environment_section(results: Results) -> str:
    if not results:
        return "# GPU suite\n\nNothing was measured.\n"
    latest = max(results.values(), key=lambda result: result["date"])
    environment = latest["environment"]
    lines = [f"- {key}: {environment[key]}" for key in ENVIRONMENT if environment.get(key)]
    title = f"# {environment.get('gpu', 'GPU suite')}\n\n"
    intro = f"Written by `bash benchmarks/gpu_suite.sh` on {latest['date'][:10]}.\n\n"
    return title + intro + "\n".join(lines) + "\n"


def tests_section(folder: Path) -> str:
    rows = []
    for name in TESTS:
        log = folder / f"{name}.log"
        lines = log.read_text(errors="replace").split("\n") if log.exists() else []
        endings = [line.strip("= ") for line in lines if line.strip()]
        rows += [(name, endings[-1].replace("|", "/"))] if endings else []
    return "## Tests\n\n" + markdown_table(("", "last line"), rows) if rows else ""


def ceilings_section(results: Results) -> str:
    ceilings = results.get("ceilings")
    if not ceilings:
        return ""
    rows = [
        ("cuBLAS matrix product, bf16", f"{ceilings['bf16_tflops']:.0f} TFLOP/s"),
        ("cuBLAS matrix product, TF32", f"{ceilings['tf32_tflops']:.0f} TFLOP/s"),
        ("copy within the card's memory", f"{ceilings['copy_gbs']:.0f} GB/s"),
    ]
    return "## The card's measured ceilings\n\n" + markdown_table(("", "best"), rows)


def training_section(name: str, results: Results) -> str:
    """One training step; torch.compile was measured in a process of its own."""
    result = results[name]
    ceiling = results.get("ceilings", {}).get(f"{result['precision']}_tflops")
    rows = list(result["rows"])
    for row in results.get(name.replace("train_", "compile_"), {"rows": []})["rows"]:
        turns = "" if row["contender"] == "torch compile" else ", by turns with torch compile"
        rows.append(row | {"contender": row["contender"] + turns})
    eager = [row for row in rows if row["contender"] in ("torch eager", "torch tuned")]
    best = max(row["images_per_second"] for row in eager)
    title = f"## AlexNet training step, batch {result['batch']}, {result['precision']}\n\n"
    header = ("", "ms", "images/s", "to the best eager PyTorch", "TFLOP/s", "of cuBLAS", "peak MiB")
    return title + markdown_table(
        header,
        (
            (
                row["contender"],
                f"{row['seconds'] * 1e3:.3f}",
                f"{row['images_per_second']:.0f}",
                f"{row['images_per_second'] / best:.2f}",
                f"{row['tflops']:.1f}",
                share(row["tflops"], ceiling),
                "" if row["peak_memory_mib"] is None else f"{row['peak_memory_mib']:.0f}",
            )
            for row in rows
        ),
    )


def convolution_section(results: Results) -> str:
    result = results.get("conv2d")
    if not result:
        return ""
    sections = [f"## Convolutions, batch {result['batch']}, against cuDNN\n"]
    for precision in PRECISIONS:
        rows = [row for row in result["rows"] if row["precision"] == precision]
        if rows:
            ceiling = results.get("ceilings", {}).get(f"{precision}_tflops")
            sections.append(_convolution_table(precision, rows, ceiling))
    return "\n".join(sections)


def _convolution_table(precision: str, rows: list[dict[str, Any]], ceiling: float | None) -> str:
    ratio = math.exp(sum(math.log(row["ratio"]) for row in rows) / len(rows))
    title = f"### {precision}: cuDNN's time over minicnn's, geometric mean {ratio:.2f}\n\n"
    header = ("layer, direction", "minicnn, ms", "cuDNN, ms", "cuDNN/minicnn")
    header += ("TFLOP/s", "of cuBLAS", "results agree")
    return title + markdown_table(
        header,
        (
            (
                f"{row['layer']}, {row['pass']}",
                f"{row['minicnn'] * 1e3:.3f}",
                f"{row['torch'] * 1e3:.3f}",
                f"{row['ratio']:.2f}",
                f"{row['tflops']:.1f}",
                share(row["tflops"], ceiling),
                "yes" if row["agrees"] else f"**no**: {row['difference']:.1e}",
            )
            for row in rows
        ),
    )


def kernels_section(results: Results) -> str:
    result = results.get("kernels")
    if not result:
        return ""
    ceiling = results.get("ceilings", {}).get("copy_gbs")
    title = f"## Kernels bound by memory, batch {result['batch']}\n\n"
    return title + markdown_table(
        ("kernel", "ms", "GB/s", "of a copy"),
        (
            (
                row["kernel"],
                f"{row['seconds'] * 1e3:.3f}",
                f"{row['gbs']:.0f}",
                share(row["gbs"], ceiling),
            )
            for row in result["rows"]
        ),
    )


def matmul_section(results: Results) -> str:
    result = results.get("matmul")
    if not result:
        return ""
    title = "## Matrix products, from the naive kernel to cuBLAS\n\n"
    return title + markdown_table(
        ("size, precision", "kernel", "ms", "GFLOP/s", "of cuBLAS", "agrees with cuBLAS"),
        (
            (
                f"{row['size']}, {row['precision']}",
                row["rung"],
                f"{row['seconds'] * 1e3:.3f}",
                f"{row['gflops']:.0f}",
                f"{row['of_cublas']:.1%}",
                "yes" if row["agrees"] else "**no**",
            )
            for row in result["rows"]
        ),
    )


def plain_section(results: Results) -> str:
    result = results.get("plain")
    if not result:
        return ""
    title = f"## Plain kernels beside the fast ones, AlexNet, batch {result['batch']}\n\n"
    return title + markdown_table(
        ("layer, pass, precision", "plain, ms", "fast, ms", "plain/fast"),
        (
            (
                f"{row['layer']}, {row['pass']}, {row['precision']}",
                f"{row['plain'] * 1e3:.3f}",
                f"{row['fast'] * 1e3:.3f}",
                f"{row['ratio']:.1f}",
            )
            for row in result["rows"]
        ),
    )


def skipped_section(folder: Path) -> str:
    skipped = folder / "skipped.txt"
    lines = skipped.read_text().splitlines() if skipped.exists() else []
    return (
        "## Skipped or failed\n\n" + "\n".join(f"- {line}" for line in lines or ["nothing"]) + "\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="with the JSON files and logs of gpu_suite.sh")
    print(report(parser.parse_args().folder), end="")


if __name__ == "__main__":
    main()
