"""Agreement told: every verdict and every reason is a sentence."""

import pytest

from analysis.findings.agreement import NO_INTERVAL, NOT_POSITIVE, TOO_FEW, TOO_WIDE, Agreement
from analysis.findings.per_token import PerToken
from analysis.findings.verdict import AGREE, CANNOT_TELL, DISAGREE
from analysis.words.agreement import marginal, sentence, whole

PAIR = ("a", "b")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            Agreement(AGREE, 0.1, PAIR, 2.0, 4.9),
            "The energy is the same on every task within 10 %: a and b differ most, by 2.0 %, at most 4.9 %.",
        ),
        (
            Agreement(DISAGREE, 0.1, PAIR, 20.0, 25.0),
            "The energy depends on the task by more than 10 %: a and b differ most, by 20 %.",
        ),
        (
            Agreement(CANNOT_TELL, 0.1, PAIR, 0.0, 12.0, TOO_WIDE),
            "Whether the energy is the same on every task within 10 % cannot be told: a and b differ most, by 0 %, at "
            "most 12 %; the intervals are too wide.",
        ),
        (
            Agreement(CANNOT_TELL, 0.1, PAIR, 50.0, 1e5, TOO_WIDE),  # a bound that says nothing
            "Whether the energy is the same on every task within 10 % cannot be told: a and b differ most, by 50 %, "
            "without a useful bound; the intervals are too wide.",
        ),
        (
            Agreement(CANNOT_TELL, 0.1, PAIR, 2.0, reason=NO_INTERVAL),
            "Whether the energy is the same on every task within 10 % cannot be told: a and b differ most, by 2.0 %; "
            "an interval is unknown.",
        ),
        (
            Agreement(CANNOT_TELL, 0.1, reason=NOT_POSITIVE, not_positive=("b", "c")),
            "Whether the energy is the same on every task cannot be told: it is not above zero on b, c.",
        ),
        (
            Agreement(CANNOT_TELL, 0.1, reason=TOO_FEW),
            "Whether the energy is the same on every task cannot be told: one task alone has it.",
        ),
    ],
)
def test_every_verdict_is_a_sentence(found: Agreement, said: str) -> None:
    assert sentence(found, "the energy") == said


def test_lengths_that_do_not_meet_are_said() -> None:
    none = Agreement(CANNOT_TELL, 0.1, reason=TOO_FEW)
    part = PerToken({"precision": "fp32"}, 12, ["a", "b"], [], None, {}, none, none)
    assert whole(part) == (
        "Whether the energy of an input is the same on every task cannot be told: the lengths of the tasks do not meet."
    )
    assert marginal(part).startswith("Whether the energy of one more token")
