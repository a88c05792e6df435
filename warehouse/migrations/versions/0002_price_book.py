"""Price books: which prices were in force from when on, and what a newer installed catalogue would change."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "price_book",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("price_book_id", sa.Text(), nullable=False),
        sa.Column("known_from", sa.Text(), nullable=False),
        sa.Column("catalogue_version", sa.Text(), nullable=False),
        sa.Column("catalogue_sha", sa.Text(), nullable=False),
        sa.Column("litellm_sha", sa.Text(), nullable=True),
        sa.Column("company_sha", sa.Text(), nullable=True),
        sa.Column("installed_sha", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "newer_catalogue",
        sa.Column("catalogue_sha", sa.Text(), nullable=False),
        sa.Column("catalogue_version", sa.Text(), nullable=False),
        sa.Column("price_book_id", sa.Text(), nullable=False),
        sa.Column("changes", sa.Text(), nullable=False),
        sa.Column("compared_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("catalogue_sha"),
    )
