"""Jobs: accepted requests for work. The table is the queue."""
