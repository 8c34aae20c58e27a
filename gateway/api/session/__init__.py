"""Signing in and out of the web pages, and changing oneself."""
