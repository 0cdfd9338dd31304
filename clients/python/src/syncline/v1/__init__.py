"""The messages of the API, generated from proto/syncline/v1 by scripts/format."""
