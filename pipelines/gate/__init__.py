"""The cost gate: two evaluation runs of one suite landed, priced and compared in folders that are gone afterwards."""
