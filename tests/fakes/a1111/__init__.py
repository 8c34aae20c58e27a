"""A server of the A1111 family, as recorded."""
