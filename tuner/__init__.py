"""How trials run: Ray Tune grids, Optuna searches and the doctor."""
