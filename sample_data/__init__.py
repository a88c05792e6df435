"""A seeded generator of a believable company that sells AI features, and of the truth about what was planted in it."""

from sample_data.generate import Summary, generate

__all__ = ["Summary", "generate"]
