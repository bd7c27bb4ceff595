"""The version of this code; `CHANGELOG.md` says what each release brought."""

VERSION = "1.1.0.dev0"
