"""What the rows say: savings per configuration, and which configurations answer as the baseline does."""

from typing import Any

import pandas as pd

from benchmarks.checks.frontier.points import AS_PUBLISHED, AXES, Point, by_point

FLIPS = 2  # of SST-2's 872 predictions
# Largest difference of a logit from fp32's, over the range of fp32's logits. Half a percent is what 10 bits of
# mantissa lose in 12 layers; 8-bit operands lose more.
LOGIT_ERROR = {"fp32": 1e-4, "tf32": 0.01, "fp16": 0.01, "bf16": 0.05, "int8": 0.2, "fp8": 0.4}


def savings(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Per configuration: J/example, spread over trials, factors below the three as published, over the reference."""
    groups = by_point(rows)
    mean = {key: float(group["energy_j_per_example"].mean()) for key, group in groups.items()}
    found = []
    for key, group in groups.items():
        energy = group["energy_j_per_example"]
        found.append(
            {
                **key._asdict(),
                "trials": len(group),
                "energy_j_per_example": mean[key],
                "relative_sd": float(energy.std() / mean[key]) if len(group) > 1 else None,
                "latency_ms_per_example": float(group["latency_ms_per_example"].mean()),
                "mean_power_w": float(group["mean_power_w"].mean()),
                "tokens_per_example": float(group["tokens_per_example"].iloc[0]),
                "over_reference": float((energy / group["matmul_reference_j_per_example"]).mean()),
                **{f"saving_over_{p.precision}": mean[p] / mean[key] if p in mean else None for p in AS_PUBLISHED},
                "flags": ";".join(sorted(set(";".join(group["flags"].fillna("")).split(";")) - {""})),
            }
        )
    return sorted(found, key=lambda r: -r["energy_j_per_example"])


def faithful(compared: dict[str, list[dict[str, Any]]]) -> dict[Point, dict[str, float]]:
    """Configurations whose outputs are the baseline's in every comparison that was made, and how nearly so; none
    before they were compared with fine-tuned weights, where alone a flipped prediction means something.

    `compared`: results of `verify` by the kind of weights, random or trained.
    """
    if "trained" not in compared:
        return {}
    found: dict[Point, dict[str, float]] = {}
    for kind, results in compared.items():
        for result in results:
            measures = {f"largest logit error over the range, {kind} weights": result["largest_error_over_range"]}
            if kind == "trained":
                measures["flipped predictions"] = result["flips"]
            found.setdefault(point_of(result), {}).update(measures)
    limits = {key: limits_of(compared, key.precision) for key in found}
    return {
        key: measures
        for key, measures in found.items()
        if all(name in measures and measures[name] <= limit for name, limit in limits[key].items())
    }


def point_of(result: dict[str, Any]) -> Point:
    """The configuration that a result is of."""
    return Point(*(result[axis] for axis in AXES))


def limits_of(compared: dict[str, Any], precision: str) -> dict[str, float]:
    """The bars of a configuration that was compared with fine-tuned weights too, by name."""
    limits = {f"largest logit error over the range, {kind} weights": LOGIT_ERROR[precision] for kind in compared}
    return limits | {"flipped predictions": float(FLIPS)}
