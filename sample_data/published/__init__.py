"""A published table of costs and outcomes as task logs: every run of the table becomes the log that it would have left.

What the table says is reproduced to the last digit; what it does not say (which task passed, what one task took) is spread
evenly, and what is wrong with a row is named, never mended. Written without the product, like the rest of `sample_data`.
"""

from sample_data.published.columns import Asked, TableError
from sample_data.published.runs import Run
from sample_data.published.table import read_table
from sample_data.published.tasklog import write_task_log

__all__ = ["Asked", "Run", "TableError", "read_table", "write_task_log"]
