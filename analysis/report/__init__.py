"""A run's report: tables, figures, pages, the printed summary."""
