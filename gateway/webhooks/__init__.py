"""Calls to other people's servers when jobs are finished: who is called, with which signature, and how often."""
