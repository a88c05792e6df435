"""What a model's name says of the call, for logs that say it nowhere else."""

from __future__ import annotations


def operation_of(model: str) -> str:
    """SQL of the operation; `model`: SQL of the model's name."""
    return (
        f"case when lower({model}) like '%embed%' then 'embeddings' "
        f"when lower({model}) like '%rerank%' then 'rerank' else 'chat' end"
    )
