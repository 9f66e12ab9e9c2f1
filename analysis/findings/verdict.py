"""The verdicts that a test may end in. Machine values: tables, JSON and pages hold these very strings."""

NOT_WORSE, WORSE = "not worse", "worse"  # than the baseline, by more than the tolerance
HOLDS, FAILS = "holds", "does not hold"  # a claim
AGREE, DISAGREE = "agree", "do not agree"  # tasks in a quantity
CANNOT_TELL = "cannot tell"
UNKNOWN = "cannot be told"  # a claim
