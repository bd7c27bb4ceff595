"""Writes what the clients have from the description of the API, and one client from the other."""
