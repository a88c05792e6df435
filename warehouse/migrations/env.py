"""Runs the migrations inside the transaction that `warehouse.control` hands over."""

from alembic import context

from warehouse.control import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
