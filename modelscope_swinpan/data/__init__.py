"""People's datasets: annotations of other tools come in, and datasets are rearranged."""
