"""Where Alembic starts: on the connection that `botkit.database.migrate` hands over.

From a checkout, `alembic revision --autogenerate` works on the database that BOTKIT_DATABASE_URL names.
"""

from __future__ import annotations

import os

import sqlalchemy as sa
from alembic import context

from botkit.database.engine import parse_url
from botkit.database.tables import metadata


def migrate(connection: sa.Connection) -> None:
    """Run the migrations. SQLite cannot alter much, so there a table is copied instead (`render_as_batch`)."""
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


def migrate_from_environment() -> None:
    """Run the migrations on the database that the environment names."""
    engine = sa.create_engine(parse_url(os.environ["BOTKIT_DATABASE_URL"]), poolclass=sa.NullPool)
    with engine.begin() as connection:
        migrate(connection)


if (given := context.config.attributes.get("connection")) is not None:
    migrate(given)
else:
    migrate_from_environment()
