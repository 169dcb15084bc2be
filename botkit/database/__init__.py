"""The store on a database, by SQLAlchemy: SQLite in a file, or PostgreSQL."""

from botkit.database.store import DatabaseStore

__all__ = ["DatabaseStore"]
