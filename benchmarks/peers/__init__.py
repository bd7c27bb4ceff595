"""The same operations as others would write them: FastAPI and SQLAlchemy on SQLite and PostgreSQL.

Bodies are validated by Pydantic models, each change leaves an audit event in its own transaction,
and commits are durable. They have no hash chain, no index of words and no budgets of callers.
"""
