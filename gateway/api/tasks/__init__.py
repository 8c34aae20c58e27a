"""Tasks: asynchronous jobs, polled or streamed."""
