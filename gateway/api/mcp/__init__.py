"""The Model Context Protocol: coding agents and chat apps find the gateway's models and the gallery among their tools."""
