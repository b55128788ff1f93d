"""Alembic's entry: runs on the connection and the transaction it is handed, never on one of its own."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=list(context.config.attributes["metadata"]),
    compare_type=True,
    compare_server_default=True,
    render_as_batch=True,  # SQLite alters tables by copying them
)
context.run_migrations()
