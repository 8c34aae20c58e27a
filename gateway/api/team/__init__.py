"""A team's members and keys: what an owner manages, and what administrators manage over all teams."""
