"""The wallet: what pictures cost, what a team has, and what became of it."""
