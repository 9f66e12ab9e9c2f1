"""Figures, one file each: what is shown (from results; nothing is loaded or fitted here), its title, its drawing.

A file of a figure has `make` (results to titled drawings), `draw` (a frame to a matplotlib Figure) and `FIGURE`, its
entry in `analysis.figures.registry`, which says in which section of the page it stands. What several figures share:

    page_figure   what a figure is
    style         colours, sizes, titles, and how a figure is saved
    labels        labels that cover neither each other nor the data
    tradeoff      one objective against another, with error bars and the frontier; its points in `points`
    slices        which configurations stand in one picture
    panels        the same picture once per task, side by side; its points in `panel_points`
"""
