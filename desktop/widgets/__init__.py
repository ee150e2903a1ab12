"""The pieces that windows are made of; each is shown what it shows, and knows no session."""
