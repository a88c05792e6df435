"""How a figure of the weekly view comes about: its formula with its numbers, their tables, and the rows behind them.

    terms.py    what is looked up: each a name, a table and the exact SQL over the published marts
    metrics.py  the formulas, one entry per metric
    behind.py   the rows that make up a term
    origins.py  the file and line that a row was landed from
    answer.py   asks the reader, the lake and the control database
    show.py     the answer for a terminal and for a program

The weekly view itself is defined in `models_sql/macros/weekly_metrics.sql`; tests hold every formula here against it.
"""
