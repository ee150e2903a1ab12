"""What is listened to: a file, a live input, a chain; each on threads of its own."""
