"""A source file becomes validated Parquet in the lake, plus quarantine, exactly once."""
