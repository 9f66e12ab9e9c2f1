"""Which rows keep a model from being made again."""

import pytest

from search_spaces.errors import UsageError
from search_spaces.sweep_config import SweepConfig
from tuner.run.folder import RunFolder
from tuner.run.weights import Weights

ROW = "demo-{}-s42-fp32-len24-depth3-b16-max_length-eager-r0"


@pytest.mark.parametrize(("measured", "lost", "kept"), [("a-s42-b", "a", "a-s42-b"), ("a", "a-s42-b", "a")])
def test_rows_are_of_the_model_that_they_name(measured, lost, kept, tmp_path):
    config = SweepConfig(task="demo", model=("a=first", "a-s42-b=second"))
    folder = RunFolder(tmp_path)
    weights = Weights(config, folder, None)
    weights.path((kept, 42)).mkdir(parents=True)
    assert weights.drop_damaged([ROW.format(measured)], None) == []  # `lost` is made again: no row was measured with it
    with pytest.raises(UsageError, match="1 rows were measured with it"):
        weights.drop_damaged([ROW.format(lost)], None)
    folder.close()
