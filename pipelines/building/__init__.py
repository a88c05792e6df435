"""One build: plan, write what dbt reads, run dbt, check, publish."""
