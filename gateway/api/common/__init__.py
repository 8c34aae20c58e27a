"""What several surfaces share: which models there are, and who asks."""
