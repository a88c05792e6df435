"""Realised savings: what came of a change, by the weeks before and since or by an experiment, against what was claimed."""
