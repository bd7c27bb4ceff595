"""The kinds of subjects that have an audit chain, one a module: each loads its own models only."""
