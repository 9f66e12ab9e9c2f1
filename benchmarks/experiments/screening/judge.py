"""Which configuration rows choose, and what that choice is worth."""

import pandas as pd

from analysis.findings.configurations import labels
from analysis.findings.recommend import recommend
from analysis.findings.verdict import NOT_WORSE
from analysis.statistics.seeds import seed_mean, weights_columns
from benchmarks.experiments.screening.cut import ENERGY

LABEL = "configuration"


class Judge:
    """Chooses among a run's rows as a report does (`recommend`), whatever their energies, and judges the choice.

    Accuracies are those of the rows. What is not worse then follows from which configurations are cheaper than the
    baseline, since it is corrected for these: it is asked for once for each set of them.
    """

    def __init__(self, rows: pd.DataFrame, energy: pd.Series | None = None) -> None:
        """`energy`: J/example by label, by which choices are judged; by default that of the rows."""
        self._labels = pd.Series(labels(rows), index=rows.index)
        found = recommend(rows)
        self._baseline, self._scored = str(found.baseline[LABEL]), found.scored
        self._verdicts: dict[frozenset[str], frozenset[str]] = {}
        own = self._energies(rows)
        self._energy = own if energy is None else energy
        self._best = float(self._energy[[self._baseline, *self._not_worse(rows, own)]].min())

    def regret(self, rows: pd.DataFrame) -> float:
        """Energy of what the rows choose (the baseline, where nothing cheaper is known not to be worse) over that of
        the cheapest that is not worse, less 1. Negative where they choose one that by the whole rows is not known to
        be as good."""
        energy = self._energies(rows)
        chosen = str(energy[[self._baseline, *self._not_worse(rows, energy)]].idxmin())
        return float(self._energy[chosen]) / self._best - 1

    def _energies(self, rows: pd.DataFrame) -> pd.Series:
        """J/example by label, as `configurations` averages trials."""
        work = rows.assign(**{LABEL: self._labels})
        work["_weights"] = work.groupby(weights_columns(work), dropna=False).ngroup()
        return seed_mean(work, [LABEL], [ENERGY])[ENERGY]

    def _not_worse(self, rows: pd.DataFrame, energy: pd.Series) -> frozenset[str]:
        """Of the configurations that are cheaper than the baseline those that are known to be as good."""
        cheaper = frozenset(energy.index[energy < energy[self._baseline]])
        if not self._scored:
            return cheaper
        if cheaper not in self._verdicts:
            table = recommend(rows).table
            fine = table[(table["verdict_among_many"] == NOT_WORSE) & table[LABEL].isin(cheaper)]
            self._verdicts[cheaper] = frozenset(fine[LABEL])
        return self._verdicts[cheaper]
