"""What `darkroom doctor` looks at, one module for each part of the house."""

from gateway.cli.checks.finding import Finding, ok, problem, warning

__all__ = ["Finding", "ok", "problem", "warning"]
