"""What can be done with the main window: the commands behind its menus and keys."""
