import json

import numpy as np
import pytest

import analysis
from analysis.errors import CannotAnswer
from analysis.findings.configurations import configurations
from analysis.findings.recommend import assess, find_baseline, holm, recommend
from analysis.statistics.paired import (
    decode_bits,
    encode_bits,
    paired_differences,
    paired_z,
    smallest_tolerance,
    unpaired_differences,
    verdicts,
)
from analysis.words.recommendation import answer, code, sentences
from analysis.words.snippet import find_checkpoint
from search_spaces.errors import UsageError
from tests.make.rows import EXAMPLES, frame, row

Z = 1.6448536269514722  # one-sided 95 %


def flipped(lost: int, gained: int, right: int = 800) -> np.ndarray:
    """The first `right` examples correct; of these `lost` become wrong, of the others `gained` right."""
    bits = np.arange(EXAMPLES) < right
    bits[:lost] = False
    bits[right : right + gained] = True
    return bits


def test_bits_survive_the_round_trip():
    bits = np.random.default_rng(0).random(873) < 0.9
    assert (decode_bits(encode_bits(bits), 873) == bits).all()
    with pytest.raises(ValueError, match="fewer than the 900"):
        decode_bits(encode_bits(bits), 900)


def test_zero_flips_resolve_a_third_of_a_point_on_872_examples():
    """Tango's limit at zero flips solves n d / sqrt(n d (1 - d)) = z, so d = z^2 / (n + z^2)."""
    by_hand = Z**2 / (872 + Z**2)
    assert by_hand == pytest.approx(0.003093, abs=1e-6)
    assert smallest_tolerance(872) == pytest.approx(by_hand)
    found = paired_differences(0, 0, 872, 0.01)
    assert found.low[0] == pytest.approx(-by_hand, abs=1e-9)
    assert found.high[0] == pytest.approx(by_hand, abs=1e-9)


def test_paired_limits_solve_tangos_equation():
    """At the limits the statistic is +-z; here its constrained estimate comes from the likelihood itself."""
    from scipy.optimize import minimize_scalar

    gained, lost, n = 6.0, 15.0, 500
    found = paired_differences(gained, lost, n, 0.01)
    for delta, z in ((found.low[0], Z), (found.high[0], -Z)):

        def loss(p, delta=delta):  # p: only the baseline right; p + delta: only the candidate
            rest = n - gained - lost
            return -(lost * np.log(p) + gained * np.log(p + delta) + rest * np.log(1 - 2 * p - delta))

        low = max(0.0, -delta) + 1e-9
        p = minimize_scalar(loss, bounds=(low, (1 - delta) / 2 - 1e-9), method="bounded", options={"xatol": 1e-12}).x
        by_hand = (gained - lost - n * delta) / np.sqrt(n * (2 * p + delta - delta**2))
        assert by_hand == pytest.approx(z, abs=1e-4)
        assert paired_z(np.array(delta), np.array(gained), np.array(lost), n) == pytest.approx(z, abs=1e-9)


@pytest.mark.parametrize(("x1", "x0", "n"), [(56, 48, 80), (780, 800, 872), (0, 5, 50), (50, 50, 50)])
def test_unpaired_limits_solve_the_equation_of_miettinen_and_nurminen(x1, x0, n):
    """Checked against the likelihood itself (statsmodels 0.15's "score" interval fails this check)."""
    from scipy.optimize import minimize_scalar

    found = unpaired_differences(x1, x0, n, 0.01)
    for delta, z in ((found.low[0], Z), (found.high[0], -Z)):

        def loss(p, delta=delta):
            q = np.clip([p + delta, 1 - p - delta, p, 1 - p], 1e-300, 1)
            return -np.dot([x1, n - x1, x0, n - x0], np.log(q))

        bounds = (max(0.0, -delta), min(1.0, 1 - delta))
        p = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-13}).x
        variance = ((p + delta) * (1 - p - delta) + p * (1 - p)) / n * 2 * n / (2 * n - 1)
        assert ((x1 - x0) / n - delta) / np.sqrt(variance) == pytest.approx(z, abs=1e-4)
    mirrored = unpaired_differences(x0, x1, n, 0.01)
    assert (mirrored.low[0], mirrored.high[0]) == pytest.approx((-found.high[0], -found.low[0]), abs=1e-9)


def test_paired_test_keeps_its_level():
    """At a true loss of exactly the tolerance, "not worse" comes up in at most about 5 % of the data sets."""
    rng = np.random.default_rng(0)
    tolerance, n = 0.02, 600
    counts = rng.multinomial(n, [0.02, 0.04, 0.94], size=20000)  # gained 2 %, lost 4 %
    found = paired_differences(counts[:, 0], counts[:, 1], n, tolerance)
    share = np.mean(np.array(verdicts(found.low, found.high, tolerance)) == "not worse")
    assert 0.035 < share < 0.06
    assert ((found.p_worse < 0.05) == (found.low > -tolerance)).all()


@pytest.mark.parametrize(
    ("lost", "gained", "verdict"),
    [
        (0, 0, "not worse"),
        (2, 0, "not worse"),  # -0.23 points, at worst -0.73
        (5, 0, "cannot tell"),  # -0.57 points, at worst -1.2
        (30, 2, "worse"),  # -3.2 points, at best -2.2
        (30, 30, "cannot tell"),  # no change, but 60 flips: at worst -1.5
    ],
)
def test_the_three_verdicts(lost, gained, verdict):
    rows = frame([row(128, energy=0.4), row(48, energy=0.1, bits=flipped(lost, gained))])
    table = assess(rows).set_index("max_seq_len")
    assert table["verdict"][48] == verdict
    assert table["verdict"][128] == "not worse"
    assert table["lost"][48] == lost
    assert table["gained"][48] == gained


def test_the_cheapest_that_is_not_worse_is_recommended_with_its_saving():
    rows = [
        row(length, precision=precision, replicate=r, energy=energy * (1 + s), bits=flipped(lost, 0))
        for length, precision, energy, lost in (
            (128, "fp32", 0.4, 0),
            (48, "fp32", 0.16, 0),
            (128, "fp16", 0.08, 1),
            (48, "fp16", 0.02, 1),
            (16, "fp16", 0.01, 60),
        )
        for r, s in enumerate((-0.01, 0.01))
    ]
    found = recommend(frame(rows), checkpoint="runs/x/checkpoints/42")
    assert (found.choice["max_seq_len"], found.choice["precision"]) == (48, "fp16")
    assert found.saving.value == pytest.approx(20.0)
    assert found.saving.kind == "pooled replicates"
    # pooled relative sd 0.01 sqrt(2) with 5 degrees of freedom: t 2.5706, two means of two trials
    assert found.saving.high == pytest.approx(20 * np.exp(2.570582 * 0.01 * 2**0.5), rel=1e-6)
    assert answer(found) == (
        "fp16, 48 tokens uses 20x less energy than fp32, 128 tokens (95 % saved, 95 % interval 94.8 to 95.2) "
        "and its accuracy is not worse by more than 1 point."
    )
    assert "With 872 examples a loss below 0.31 points cannot be ruled out" in " ".join(sentences(found))
    axes = found.single_axis.set_index("axis")
    assert axes.loc["max_seq_len", "configuration"] == "fp32, 48 tokens"
    assert axes.loc["precision", "configuration"] == "fp16, 128 tokens"
    runners = found.runners_up.set_index("axis")
    assert runners.loc["precision", "configuration"] == "fp32, 48 tokens"
    assert runners.loc["max_seq_len", "configuration"] == "fp16, 128 tokens"
    compile(code(found), "snippet", "exec")
    assert 'checkpoint = "runs/x/checkpoints/42"' in code(found)
    assert "max_length=48" in code(found)
    assert "torch.float16" in code(found)
    assert found.to_dict()["choice"]["max_seq_len"] == 48


def test_a_baseline_that_is_itself_poor_is_pointed_out():
    rows = [
        row(128, depth=1, energy=0.1, bits=flipped(0, 0, right=450)),
        row(64, depth=1, energy=0.05, bits=flipped(0, 0, right=450)),
        row(64, depth=12, energy=0.2, bits=flipped(0, 0, right=800)),
    ]
    found = recommend(frame(rows), baseline={"max_seq_len": 128, "depth": 1})
    assert "64 tokens, 1 layer uses 2x less energy" in answer(found)
    assert "is itself poor" in sentences(found)[1]
    assert "64 tokens, 12 layers is better by 40.1 points" in sentences(found)[1]
    good = [row(128, energy=0.1, bits=flipped(0, 0)), row(64, energy=0.05, bits=flipped(0, 0))]
    assert not any("itself poor" in s for s in sentences(recommend(frame(good))))


def test_the_snippet_loads_the_runs_own_checkpoint(tmp_path):
    rows = frame([row(48)])
    rows.attrs["folders"] = {"fabricated": str(tmp_path)}
    assert '"path/to/checkpoint"' in code(recommend(rows))
    (tmp_path / "checkpoints/sst2-bert-base-s42").mkdir(parents=True)
    (tmp_path / "checkpoints/sst2-bert-base-s43.tmp").mkdir()  # cut short while it was copied
    assert f'checkpoint = "{tmp_path.name}/checkpoints/sst2-bert-base-s42"' in code(recommend(rows))
    assert "checkpoints/sst2-bert-base-s42" in code(recommend(analysis.valid(rows)[0]))


def test_the_snippet_names_weights_by_a_relative_path_or_a_hub_id(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "runs/one"
    run.mkdir(parents=True)

    def given(checkpoint):
        (run / "sweep.json").write_text(json.dumps({"checkpoint": checkpoint}))
        return find_checkpoint(run, "sst2", "bert-base")

    assert given(None) is None
    assert given("org/bert-sst2").name == "org/bert-sst2"
    (tmp_path / "weights").mkdir()
    assert given(str(tmp_path / "weights")).name == "weights"
    assert given("/elsewhere/secret/weights").name == "weights"
    (run / "checkpoints/sst2-bert-base-s42").mkdir(parents=True)
    assert given("org/bert-sst2").name == "runs/one/checkpoints/sst2-bert-base-s42"


def test_choosing_among_many_is_corrected_for():
    """One loss of four passes alone (p = 0.03) but not among twenty."""
    rows = [row(128, energy=0.4)]
    rows += [row(64, depth=d, energy=0.1 + d / 1000, bits=flipped(3, 0)) for d in range(1, 12)]
    found = recommend(frame(rows))
    assert found.choice["depth"] == 1
    assert found.choice["verdict_among_many"] == "cannot tell"
    assert found.cautious is None
    assert any("chosen among 11" in s and "confirm it on fresh examples" in s for s in sentences(found))
    assert list(holm(np.array([0.01, 0.04, 0.03]))) == pytest.approx([0.03, 0.06, 0.06])


def test_seeds_are_paired_with_their_own_baseline():
    rows = [
        row(length, energy=energy, seed=seed, bits=flipped(lost, 0, right))
        for seed, right in ((1, 800), (2, 780))
        for length, energy, lost in ((128, 0.4, 0), (48, 0.1, 2 * (seed - 1)))
    ]
    table = assess(frame(rows)).set_index("max_seq_len")
    assert table["lost"][48] == 1.0  # mean of 0 and 2
    assert table["gained"][48] == 0.0


def test_without_bits_counts_are_compared_unpaired_and_it_says_so():
    published = analysis.load("analysis/data/l4_published.csv")
    qqp = published[(published["task"] == "qqp") & (published["sweep"] == "precision_x_seq_len")]
    found = recommend(qqp)
    assert (found.choice["precision"], found.choice["max_seq_len"]) == ("fp16", 40)
    assert found.cautious["max_seq_len"] == 48
    assert not found.paired
    assert any("unpaired" in s for s in sentences(found))
    rows = published[(published["task"] == "sst2") & (published["sweep"] == "precision_x_seq_len")]
    sst2 = recommend(rows)
    assert set(sst2.table["max_seq_len"]) == {64, 96, 128}  # the windows of the others were too short
    assert set(sst2.table["precision"]) == {"fp32"}
    assert sst2.choice is None  # 872 examples without pairs cannot show a single point
    assert "Nothing cheaper" in answer(sst2)
    table = recommend(rows.assign(flags="")).table.set_index(["precision", "max_seq_len"])
    assert table.loc[("fp16", 16), "verdict"] == "worse"
    assert table.loc[("fp16", 48), "verdict"] == "cannot tell"


def test_the_default_baseline_and_one_of_choice():
    rows = frame([row(64, precision="fp16"), row(64), row(128, depth=6), row(128, backend="cuda_graph"), row(128)])
    table = configurations(rows)
    base = table.loc[find_baseline(table)]
    assert (base["max_seq_len"], base["depth"], base["precision"], base["backend"]) == (128, 12, "fp32", "eager")
    assert table.loc[find_baseline(table, {"precision": "fp16"})]["max_seq_len"] == 64
    with pytest.raises(UsageError, match="no clean row has precision = 'bf16'"):
        find_baseline(table, {"precision": "bf16"})


def test_what_cannot_be_recommended_says_why():
    with pytest.raises(CannotAnswer, match="several tasks"):
        recommend(frame([row(), row(task="qqp")]))
    with pytest.raises(CannotAnswer, match="none of the 1 trials has a valid energy"):
        recommend(frame([row(flags="short_window")]))
    with pytest.raises(UsageError, match="tolerance"):
        recommend(frame([row()]), tolerance=0)
    random = {"accuracy": None, "correct_bits": None}
    found = recommend(frame([row(128, **random), row(16, energy=0.01, **random)]))
    assert found.choice is None
    assert set(found.table["verdict_note"]) == {"the baseline itself", "accuracy is null"}
    (sentence,) = sentences(found)
    assert "nothing is recommended" in sentence
    assert "needs 10x less energy" in sentence
