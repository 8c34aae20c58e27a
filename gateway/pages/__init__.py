"""What is rendered on the server, for browsers."""
