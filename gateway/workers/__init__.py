"""Hosts for engines: where a batch really runs."""
