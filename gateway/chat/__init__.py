"""Chat: sessions about a picture, in which each message asks for a change in plain words."""
