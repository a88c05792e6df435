"""Price facts to price tables: the catalogue, its slices, and the names under which models are logged."""
