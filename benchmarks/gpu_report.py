"""A page of tables from an archive that ``gpu_suite.sh`` filled, complete or not.

    python benchmarks/gpu_report.py ARCHIVE

writes ``benchmarks/results/<gpu>/README.md``, and the archive's numbers beside it. The page of a dry
run, whose numbers say nothing about a GPU, stays in the archive.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from common import markdown_table, replace_text
from gpu_archive import Archive

RESULTS = Path(__file__).parent / "results"
ENVIRONMENT = ("gpu", "compute capability", "gpu memory, MiB", "driver", "cupy", "nvrtc")
ENVIRONMENT += ("torch", "torch's CUDA", "cuDNN", "numpy", "python", "cpu")
TESTS = ("tests", "memcheck", "racecheck")
OUTCOMES = ("passed", "failed", "skipped")

Results = dict[str, dict[str, Any]]  # the JSON of the parts, by their name


def share(value: float, ceiling: float | None) -> str:
    return f"{value / ceiling:.0%}" if ceiling else ""


def report(archive: Archive) -> str:
    """The whole page: whatever was measured, then how each part went."""
    results = archive.results
    sections = [
        environment_section(archive),
        smoke_section(results),
        tests_section(archive),
        ceilings_section(results),
        *(training_section(name, results) for name in results if name.startswith("train_")),
        *(training_section(name, results) for name in compiled_alone(results)),
        main_job_section(results),
        convolution_section(results),
        kernels_section(results),
        ncu_section(results),
        matmul_section(results),
        plain_section(results),
        parts_section(archive),
    ]
    return "\n".join(section for section in sections if section)


def environment_section(archive: Archive) -> str:
    if not archive.results:
        return "# GPU suite\n\nNothing was measured.\n"
    latest = max(archive.results.values(), key=lambda result: result["date"])
    environment = latest["environment"]
    lines = [f"- {key}: {environment[key]}" for key in ENVIRONMENT if environment.get(key)]
    title = f"# {environment.get('gpu', archive.gpu)}\n\n"
    intro = f"Written by `bash benchmarks/gpu_suite.sh` on {latest['date'][:10]}.\n\n"
    if archive.dry_run:
        intro = "A dry run without a GPU: the numbers only show that the programs run.\n\n"
    return title + intro + "\n".join(lines) + "\n"


def smoke_section(results: Results) -> str:
    rows = results.get("smoke", {}).get("rows", [])
    return table(
        "First light",
        ("", "result", "s"),
        ((row["check"], row["result"], f"{row['seconds']:.1f}") for row in rows),
    )


def tests_section(archive: Archive) -> str:
    ran = {name: archive.results[name] for name in TESTS if name in archive.results}
    rows = [
        (
            name,
            *(result.get(outcome, 0) for outcome in OUTCOMES),
            archive.parts.get(name, {}).get("last_line", "").replace("|", "/"),
        )
        for name, result in ran.items()
    ]
    failures = [
        f"- `{failure['test']}`: {failure['error']}\n"
        for result in ran.values()
        for failure in result["failures"]
    ]
    listed = ("\n" if failures else "") + "".join(failures)
    return table("Tests", ("", *OUTCOMES, "last line"), rows) + listed


def table(title: str, header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    """A section, or nothing if there are no rows."""
    rows = list(rows)
    return f"## {title}\n\n{markdown_table(header, rows)}" if rows else ""


def ceilings_section(results: Results) -> str:
    ceilings = results.get("ceilings", {})
    names = {
        "bf16_tflops": ("cuBLAS matrix product, bf16", "TFLOP/s"),
        "tf32_tflops": ("cuBLAS matrix product, TF32", "TFLOP/s"),
        "copy_gbs": ("copy within the card's memory", "GB/s"),
    }
    return table(
        "The card's measured ceilings",
        ("", "best"),
        (
            (name, f"{ceilings[key]:.0f} {unit}")
            for key, (name, unit) in names.items()
            if key in ceilings
        ),
    )


def compiled_alone(results: Results) -> list[str]:
    """The measurements of torch.compile that stand beside no others of their batch."""
    return [
        name
        for name in results
        if name.startswith("compile_") and name.replace("compile_", "train_") not in results
    ]


def training_section(name: str, results: Results) -> str:
    """One training step; torch.compile was measured in a process of its own."""
    result = results[name]
    ceiling = results.get("ceilings", {}).get(f"{result['precision']}_tflops")
    rows = list(result["rows"])
    if name.startswith("train_"):
        for row in results.get(name.replace("train_", "compile_"), {"rows": []})["rows"]:
            turns = "" if row["contender"] == "torch compile" else ", by turns with torch compile"
            rows.append(row | {"contender": row["contender"] + turns})
    theirs = [row for row in rows if row["contender"].startswith("torch")]
    best = max((row["images_per_second"] for row in theirs if "error" not in row), default=None)
    return table(
        f"Training step of {result['model']}, batch {result['batch']}, {result['precision']}",
        ("", "ms", "images/s", "to PyTorch's best", "TFLOP/s", "of cuBLAS", "peak MiB", "held MiB"),
        (training_row(row, best, ceiling) for row in rows),
    )


def training_row(
    row: dict[str, Any], best: float | None, ceiling: float | None
) -> tuple[object, ...]:
    if "error" in row:
        return (row["contender"], row["error"].partition("\n")[0].replace("|", "/"), *[""] * 6)
    notes = [
        *(["timed alone"] if row.get("alone") else []),
        *([] if row.get("agrees", True) else ["**other losses**"]),
    ]
    memory = row["peak_memory_mib"]
    return (
        ", ".join([row["contender"], *notes]),
        f"{row['seconds'] * 1e3:.3f}",
        f"{row['images_per_second']:.0f}",
        f"{row['images_per_second'] / best:.2f}" if best else "",
        f"{row['tflops']:.1f}",
        share(row["tflops"], ceiling),
        "" if memory is None else f"{memory:.0f}",
        f"{row['held_memory_mib']:.0f}",
    )


def main_job_section(results: Results) -> str:
    result = results.get("main_job")
    if not result:
        return ""
    seconds = result["epoch_seconds"]
    rows: list[tuple[object, ...]] = [
        ("pictures", result.get("pictures", "")),
        ("decoding once, s", result.get("decode_seconds", "")),
        ("first epoch, with compiling, s", f"{seconds[0]:.1f}" if seconds else ""),
        ("each later epoch, s", f"{min(seconds[1:]):.2f}" if seconds[1:] else ""),
        (f"{len(seconds)} epochs, s", f"{sum(seconds):.1f}"),
    ]
    if "val_accuracy" in result:  # it came to its end
        rows += [
            ("images/s, at best", f"{result['images_per_second']:.0f}"),
            ("right of the validation pictures", f"{result['val_accuracy']:.1%}"),
            ("peak MiB", f"{result['peak_memory_mib']:.0f}"),
        ]
    title = f"The main job: AlexNet on {result['data']} cats and dogs, batch {result['batch']}"
    return table(title, ("", ""), rows)


def convolution_section(results: Results) -> str:
    result = results.get("conv2d")
    if not result:
        return ""
    sections = [f"## Convolutions, batch {result['batch']}, against cuDNN\n"]
    for precision in dict.fromkeys(row["precision"] for row in result["rows"]):
        rows = [row for row in result["rows"] if row["precision"] == precision]
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


def ncu_section(results: Results) -> str:
    result = results.get("ncu", {"batch": 0, "rows": []})
    metrics = ("Duration", "Compute (SM) Throughput", "Memory Throughput", "Registers Per Thread")
    metrics += ("Achieved Occupancy",)
    return table(
        f"Nsight Compute, AlexNet's second convolution and pool, batch {result['batch']}",
        ("kernel", *metrics),
        (
            (
                f"`{row['kernel'][:60]}`",
                *(row["metrics"].get(name, "") for name in metrics),
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


def parts_section(archive: Archive) -> str:
    return table(
        "How the parts went",
        ("part", "end", "s"),
        (
            (name, record["status"], "" if record.get("seconds") is None else record["seconds"])
            for name, record in archive.parts.items()
        ),
    )


def write_page(archive: Archive, path: Path) -> None:
    replace_text(path, report(archive))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("archive", type=Path, help="the folder that gpu_suite.sh filled")
    archive = Archive(parser.parse_args().archive)
    if not archive.parts:
        parser.error(f"{archive.folder} is no archive of gpu_suite.sh")
    folder = archive.folder if archive.dry_run else RESULTS / archive.gpu
    folder.mkdir(parents=True, exist_ok=True)
    if folder.resolve() != archive.folder.resolve():
        archive.write(folder / "results.json")
    write_page(archive, folder / "README.md")
    print(f"written: {folder / 'README.md'}")


if __name__ == "__main__":
    main()
