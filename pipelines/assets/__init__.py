"""Dagster assets, each over one function of the layer below. A file with a function `definitions` is found and loaded.

Nothing here imports Dagster, so that the command line can read the name below.
"""

CONFIG_VARIABLE = "MARGINCALL_CONFIG"
"""How `margincall dagster` tells the processes it starts which configuration file to read."""
