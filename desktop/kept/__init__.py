"""What stays when the window closes: settings, session logs, what is saved."""
