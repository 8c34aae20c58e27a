"""What only administrators see, over all teams."""
