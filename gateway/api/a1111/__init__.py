"""The API of AUTOMATIC1111's web UI (`--api`) and its relatives: any of their front ends changes its address and has a key."""
