"""Engines: what turns a request into pictures. Each enters by the entry-point group `darkroom.engines`."""
