"""The Python API of `analysis`, from rows to an answer. By default on the published L4 rows, in a second:

    python examples/analyse_rows.py
    python examples/analyse_rows.py runs/make-demo

Every number that `python -m analysis.report` shows comes from these functions.
"""

import argparse
from pathlib import Path

import analysis
from analysis.findings.claims.check import audit
from analysis.findings.energy_model.prediction import predict
from analysis.words import energy_model, prediction, recommendation

PUBLISHED = Path(analysis.__file__).parent / "data" / "l4_published.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", type=Path, help="a run folder, CSV or Parquet file of rows")
    run = parser.parse_args().run

    if run is None:
        # A table of someone else's: `columns` says which of its columns is which of ours. Its sweeps were
        # separate experiments, so one is chosen; QQP's windows are long enough for the sensor.
        rows = analysis.load(PUBLISHED, columns={"peak_gpu_memory_mb": "peak_gpu_memory_mib"})
        rows = rows[(rows["task"] == "qqp") & (rows["sweep"] == "precision_x_seq_len")]
    else:
        rows = analysis.load(run)
        # Trials on several cards of one kind are brought to the cards' mean by their anchors.
        rows, _ = analysis.level_cards(rows, analysis.load_anchors(run))

    # 1. What counts, and what does not and why.
    clean, excluded = analysis.valid(rows)
    print(f"{len(clean)} of {len(rows)} trials have a valid energy")
    for reason, count in excluded["reason"].value_counts().items():
        print(f"  {count} left out: {reason}")

    # 2. One row per configuration, and those that no other beats in both accuracy and energy.
    table = analysis.configurations(clean)
    front = analysis.pareto_set(table, ["accuracy", "energy_j_per_example"])
    front = front[front["front"]].sort_values("energy_j_per_example")
    print(f"\nPareto set: {len(front)} of {len(table)} configurations")
    print(front[["configuration", "accuracy", "energy_j_per_example"]].to_string(index=False))

    # 3. The cheapest configuration whose accuracy is not worse than the baseline's by more than a point.
    answer = analysis.recommend(rows, tolerance=0.01)
    print("\n" + "\n".join(recommendation.sentences(answer)))
    if answer.choice is not None:
        try:
            for step in analysis.decompose(answer.table, answer.baseline, answer.choice):
                print(f"  {step.axis}: {step.before} -> {step.after} saves {step.saving.value:.2f}x")
        except analysis.CannotAnswer as reason:
            print(f"  {reason}")

    # 4. How energy grows with work, and a configuration that nobody measured.
    (_, group), *_ = analysis.comparable_groups(clean)
    try:
        model = analysis.fit_energy(group)
    except analysis.CannotAnswer as reason:
        print(f"\n{reason}")
    else:
        print("\n" + "\n".join(energy_model.sentences(model)))
        lengths = sorted(group["max_seq_len"].unique())
        middle = int(lengths[-2] + lengths[-1]) // 2 if len(lengths) > 1 else int(lengths[0])
        precision = str(group["precision"].iloc[0])
        if model.fit_for(precision) is not None:
            print(prediction.sentence(predict(model, middle, int(group["depth"].max()), precision)))

    # 5. Claims as data, checked against rows: here the published ones, against the rows they were made from.
    if run is None:
        print()
        for finding in audit():
            measured = "nothing" if finding.measured_ratio is None else f"{finding.measured_ratio:.1f}x"
            print(
                f"{finding.task}, {finding.claim}: {finding.claimed_ratio:g}x claimed, {measured} in the rows: "
                f"{finding.verdict}"
            )


if __name__ == "__main__":
    main()
