"""The version of the client, which is that of the server beside which it was tested."""

VERSION = "1.1.0.dev0"
